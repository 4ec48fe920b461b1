/* coro/switch_aarch64.S - coro/switch.h for aarch64, and the two calls of mstat_coro.h
   that must know their caller's registers or its stack. */

#include "coro/offsets.h"

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

	/* The registers that calls keep. */
	.macro registers_store to
	stp	x19, x20, [\to]
	stp	x21, x22, [\to, #16]
	stp	x23, x24, [\to, #32]
	stp	x25, x26, [\to, #48]
	stp	x27, x28, [\to, #64]
	stp	x29, x30, [\to, #80]
	stp	d8, d9, [\to, #96]
	stp	d10, d11, [\to, #112]
	stp	d12, d13, [\to, #128]
	stp	d14, d15, [\to, #144]
	.endm

	.macro registers_load from
	ldp	x19, x20, [\from]
	ldp	x21, x22, [\from, #16]
	ldp	x23, x24, [\from, #32]
	ldp	x25, x26, [\from, #48]
	ldp	x27, x28, [\from, #64]
	ldp	x29, x30, [\from, #80]
	ldp	d8, d9, [\from, #96]
	ldp	d10, d11, [\from, #112]
	ldp	d12, d13, [\from, #128]
	ldp	d14, d15, [\from, #144]
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

	.macro registers_push
	sub	sp, sp, #160
	.cfi_adjust_cfa_offset 160
	registers_store sp
	registers_saved
	.endm

	.macro registers_pop
	registers_load sp
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
	.endm

	/* What was left at x9 goes on; x9 is its coroutine if nobody was on it yet; x0 is what
	   it is brought, and x1 says whether it is cancelled. */
	.macro goes_on_at_x9
	ldr	x13, [x9]
	ldr	x16, [x9, #16]
	mov	sp, x13
	.cfi_def_cfa sp, 0
	.cfi_register x30, x16
	.cfi_escape 0x10, 29, 2, 0x79, 8	/* expression x29: breg9 8 */
	.cfi_escape 0x10, 19, 2, 0x79, 24	/* expression x19: breg9 24 */
	ldr	x29, [x9, #8]
	ldr	x19, [x9, #24]
	ret	x16
	.endm

	.macro left_at to
	mov	x13, sp
	stp	x13, x29, [\to]
	stp	x30, x19, [\to, #16]
	.endm

	/* All registers are lost but x29, x19 and sp. */
	.macro rarely function
	mov	x20, x30
	.cfi_register x30, x20
	bl	\function
	ret	x20
	.endm

	.macro thread_to register
	adrp	\register, :gottprel:coro_thread
	ldr	\register, [\register, :gottprel_lo12:coro_thread]
	mrs	x16, tpidr_el0
	add	\register, \register, x16
	.endm

	/* Whether C++ has any; x10 is the thread.  (One of the words is half a word.) */
	.macro exceptions_to register
	ldr	x13, [x10, #THREAD_EXCEPTIONS]
	ldr	w14, [x13, #8]
	ldr	\register, [x13]
	orr	\register, \register, x14
	.endm

/* x0: the coroutine; x1: the value. */
function coro_resume_at
	thread_to x10
	cbz	x0, 1f
	ldr	x12, [x10, #THREAD_RUNNING]
	ldr	x11, [x0, #CORO_RESUMER]
	cmp	x11, x12
	b.ne	1f
	exceptions_to x11
	cbnz	x11, 1f
	mov	w11, #1
	str	w11, [x0, #CORO_IS_ACTIVE]
	str	x0, [x10, #THREAD_RUNNING]
	left_at	x12
	mov	x9, x0
	mov	x0, x1
	mov	x1, #0
	.cfi_remember_state
	goes_on_at_x9
	.cfi_restore_state
1:	rarely	resume_rarely
function_end coro_resume_at

/* x0: the value. */
function coro_yield_at
	thread_to x10
	ldr	x12, [x10, #THREAD_RUNNING]
	cbz	x12, 1f
	ldr	x9, [x12, #CORO_RESUMER]
	cmp	x9, #CORO_NOT_PLAIN
	b.ls	1f
	exceptions_to x11
	cbnz	x11, 1f
	str	wzr, [x12, #CORO_IS_ACTIVE]
	str	x9, [x10, #THREAD_RUNNING]
	left_at	x12
	mov	x1, #0
	.cfi_remember_state
	goes_on_at_x9
	.cfi_restore_state
1:	rarely	yield_rarely
function_end coro_yield_at

/* For those to whom they are not inline. */
function coro_resume
	registers_push
	bl	coro_resume_at
	registers_pop
	ret
function_end coro_resume

function coro_yield
	registers_push
	bl	coro_yield_at
	cbnz	x1, 1f
	.cfi_remember_state
	registers_pop
	ret
	.cfi_restore_state
1:	mov	x0, #0
	bl	coro_exit
	brk	#0
function_end coro_yield

/* struct switch_brought switch_to(struct coro *from, struct coro *to, void *value, bool cancels) */
hidden_function switch_to
	registers_push
	adr	x30, 1f
	left_at	x0
	mov	x9, x1
	mov	x0, x2
	and	x1, x3, #1
	.cfi_remember_state
	goes_on_at_x9
	.cfi_restore_state
	nop	/* what is looked up for the place where it goes on is the instruction before it */
1:	registers_pop
	ret
function_end switch_to

/* void switch_last(const struct switch_left *to, void *value, void (*fn)(void *), void *arg) */
hidden_function switch_last
	.cfi_undefined x30
	cbz	x2, 1f
	mov	x19, x0
	mov	x20, x1
	ldr	x9, [x0]
	mov	sp, x9
	mov	x0, x3
	blr	x2
	mov	x0, x19
	mov	x1, x20
1:	mov	x9, x0
	mov	x0, x1
	mov	x1, #0
	goes_on_at_x9
function_end switch_last

/* x9: the coroutine.  Those who look where it was left look before that. */
	nop
hidden_function switch_start
	.cfi_undefined x30
	.cfi_personality 0x9b, coro_personality_reference
	mov	x19, x9
	ldp	x1, x0, [x19, #CORO_FN]
	str	xzr, [x19, #CORO_ARG]	/* or a finished one would hold it */
	blr	x1
	mov	x0, x19
	bl	coro_end
	brk	#0
function_end switch_start

	/* A call on another stack, whose top is at sp already; x29 is this one's frame.  What
	   it pushes is a struct switch_edge, and its frame a signal's. */
	.macro call_over_edge call:vararg
	adr	x10, 1f
	stp	x29, x10, [sp, #-16]!
	.cfi_endproc
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa_offset 16
	.cfi_offset x29, -16
	.cfi_offset x30, -8
	\call
	nop	/* a debugger wants the place that it returns to within the signal's frame */
	.cfi_endproc
	.cfi_startproc
	.cfi_def_cfa x29, 16
	.cfi_offset x29, -16
	.cfi_offset x30, -8
1:
	.endm

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
	call_over_edge blr x9
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

/* void switch_walk(void (*fn)(void *), void *arg, const struct switch_left *left)
   The stack pointer, x29, x19 and the place of what seems to call fn are where x19 points. */
hidden_function switch_walk
	stp	x19, x30, [sp, #-16]!
	.cfi_adjust_cfa_offset 16
	.cfi_rel_offset x19, 0
	.cfi_rel_offset x30, 8
	mov	x19, x2
	mov	x9, x0
	mov	x0, x1
	.cfi_remember_state
	.cfi_escape 0x0f, 3, 0x83, 0, 0x06	/* def_cfa_expression: breg19 0, deref */
	.cfi_escape 0x10, 29, 2, 0x83, 8	/* expression x29: breg19 8 */
	.cfi_escape 0x10, 30, 2, 0x83, 16	/* expression x30: breg19 16 */
	.cfi_escape 0x10, 19, 2, 0x83, 24	/* expression x19: breg19 24 */
	blr	x9
	.cfi_restore_state
	ldp	x19, x30, [sp], #16
	.cfi_adjust_cfa_offset -16
	.cfi_restore x19
	.cfi_restore x30
	ret
function_end switch_walk

/* int coro_defer_at(void (*fn)(void *), const void *args, size_t bytes,
                     struct coro_frame *frame) */
	/* A point, from the caller's registers; x10 is its stack pointer. */
	.macro point_store to
	registers_store \to
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

/* void switch_note_point(struct coro_point *) */
hidden_function switch_note_point
	mov	x10, sp
	point_store x0
	ret
function_end switch_note_point

/* void switch_to_point(const struct coro_point *) */
hidden_function switch_to_point
	registers_load x0
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
	call_over_edge bl callback_run
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
