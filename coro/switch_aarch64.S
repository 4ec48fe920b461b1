/* coro/switch_aarch64.S - coro/switch.h for aarch64, and the two calls of mstat_coro.h
   that must know their caller's registers or its stack. */

	.text

	/* hint 34 is `bti c`: an indirect call may come here.  Switches are left by `ret`: a
	   `br` would have to come to such a mark. */
	.macro function name
	.globl	\name
	.type	\name, %function
	.p2align 4
\name:
	.cfi_startproc
	hint	#34
	.endm

	.macro hidden_function name
	.hidden	\name
	function \name
	.endm

	.macro function_end name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.macro registers_saved
	.cfi_def_cfa_offset 160
	.cfi_rel_offset x19, 0
	.cfi_rel_offset x20, 8
	.cfi_rel_offset x21, 16
	.cfi_rel_offset x22, 24
	.cfi_rel_offset x23, 32
	.cfi_rel_offset x24, 40
	.cfi_rel_offset x25, 48
	.cfi_rel_offset x26, 56
	.cfi_rel_offset x27, 64
	.cfi_rel_offset x28, 72
	.cfi_rel_offset x29, 80
	.cfi_rel_offset x30, 88
	.endm

	/* The registers that calls keep, from a stack that switch_* left. */
	.macro registers_load
	ldp	x19, x20, [sp]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #160
	.cfi_def_cfa_offset 0
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore x29
	.cfi_restore x30
	mov	x16, x30
	.endm

	/* void *switch_*(void **from, void *to, void *value) */
	.macro switch_function name
	hidden_function \name
	sub	sp, sp, #160
	.cfi_adjust_cfa_offset 160
	stp	x19, x20, [sp]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	registers_saved
	mov	x9, sp
	str	x9, [x0]
	mov	sp, x1
	mov	x0, x2
	registers_load
	ret	x16
	function_end \name
	.endm

switch_function switch_in
switch_function switch_out

/* void switch_last(void *to, void *value, void (*fn)(void *), void *arg) */
hidden_function switch_last
	mov	sp, x0
	registers_saved
	mov	x19, x1
	mov	x0, x3
	blr	x2
	mov	x0, x19
	registers_load
	ret	x16
function_end switch_last

/* What was left is not gone on with: the stack pointer is at what switch_out() left. */
hidden_function switch_exit
	registers_saved
	mov	x0, #0
	bl	coro_exit
	brk	#0
function_end switch_exit

/* The coroutine stands in x19. */
hidden_function switch_start
	.cfi_undefined x30
	.cfi_personality 0x9b, coro_personality_reference
	mov	x0, x19
	mov	x29, #0
	bl	coro_begin
	brk	#0
function_end switch_start

/* void *switch_call(void *(*fn)(void *), void *arg, void *sp, void **left) */
hidden_function switch_call
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x29, sp
	.cfi_def_cfa_register x29
	str	x29, [x3]
	mov	sp, x2
	mov	x9, x0
	mov	x0, x1
	blr	x9
	mov	sp, x29
	ldp	x29, x30, [sp], #16
	.cfi_def_cfa sp, 0
	ret
function_end switch_call

/* void switch_call_deferred(void (*fn)(void *), void *arg, void **frame) */
hidden_function switch_call_deferred
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x29, sp
	.cfi_def_cfa_register x29
	str	x29, [x2]
	mov	x9, x0
	mov	x0, x1
	blr	x9
	ldp	x29, x30, [sp], #16
	.cfi_def_cfa sp, 0
	ret
function_end switch_call_deferred

/* int coro_defer_at(void (*fn)(void *), const void *args, size_t bytes,
                     struct coro_frame *frame) */
	.macro point_store to
	stp	x19, x20, [\to]
	stp	x21, x22, [\to, #16]
	stp	x23, x24, [\to, #32]
	stp	x25, x26, [\to, #48]
	stp	x27, x28, [\to, #64]
	str	x29, [\to, #80]
	stp	d8, d9, [\to, #96]
	stp	d10, d11, [\to, #112]
	stp	d12, d13, [\to, #128]
	stp	d14, d15, [\to, #144]
	stp	x10, x30, [\to, #160]
	.endm

function coro_defer_at
	mov	x10, sp
	ldr	x9, [x3, #168]
	cmp	x9, x30
	b.eq	1f
	cbnz	x9, 2f
1:	point_store x3
	mov	x4, x30
	b	defer_push
2:	sub	sp, sp, #176
	.cfi_adjust_cfa_offset 176
	point_store sp
	.cfi_rel_offset x30, 168
	mov	x4, sp
	bl	defer_push_at
	ldr	x30, [sp, #168]
	add	sp, sp, #176
	.cfi_adjust_cfa_offset -176
	.cfi_restore x30
	ret
function_end coro_defer_at

/* void switch_to_point(const struct coro_point *) */
hidden_function switch_to_point
	ldp	x19, x20, [x0]
	ldp	x21, x22, [x0, #16]
	ldp	x23, x24, [x0, #32]
	ldp	x25, x26, [x0, #48]
	ldp	x27, x28, [x0, #64]
	ldr	x29, [x0, #80]
	ldp	d8, d9, [x0, #96]
	ldp	d10, d11, [x0, #112]
	ldp	d12, d13, [x0, #128]
	ldp	d14, d15, [x0, #144]
	ldp	x9, x30, [x0, #160]
	mov	sp, x9
	mov	w0, #1
	ret
function_end switch_to_point

/* void *coro_callback(void *(*fn)(void *), void *arg): by foreign code, on the thread's
   own stack.  The CPU itself faults on a stack pointer that is not aligned. */
function coro_callback
	stp	x29, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	mov	x29, sp
	.cfi_def_cfa_register x29
	sub	sp, sp, #32
	stp	x0, x1, [sp, #8]
	mov	x0, sp
	bl	callback_enter
	ldp	x9, x1, [x29, #-24]
	mov	sp, x0
	mov	x0, x9
	bl	callback_run
	sub	sp, x29, #32
	str	x0, [sp, #8]
	mov	x0, sp
	bl	callback_leave
	ldr	x0, [sp, #8]
	mov	sp, x29
	ldp	x29, x30, [sp], #16
	.cfi_def_cfa sp, 0
	ret
function_end coro_callback

	.section .data.rel.local.coro_personality_reference, "aw", %progbits
	.p2align 3
	.type	coro_personality_reference, %object
	.size	coro_personality_reference, 8
coro_personality_reference:
	.xword	coro_personality

	/* This code has what branch target identification asks for. */
	.section .note.gnu.property, "a", %note
	.p2align 3
	.word	4, 16, 5
	.asciz	"GNU"
	.word	0xc0000000, 4, 1, 0

	.section .note.GNU-stack, "", %progbits
