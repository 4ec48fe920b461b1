/* coro/switch_x86_64.S - coro/switch.h for x86-64, and the two calls of mstat_coro.h
   that must know their caller's registers or its stack.

   No note says that this works with a shadow stack: libc then runs the process
   without. */

	.text

	.macro function name
	.globl	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	endbr64
	.endm

	.macro hidden_function name
	.hidden	\name
	function \name
	.endm

	.macro function_end name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	/* The registers that calls keep, from a stack that switch_* left. */
	.macro registers_pop
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	.endm

	.macro registers_pushed
	.cfi_def_cfa_offset 56
	.cfi_rel_offset %rbp, 40
	.cfi_rel_offset %rbx, 32
	.cfi_rel_offset %r12, 24
	.cfi_rel_offset %r13, 16
	.cfi_rel_offset %r14, 8
	.cfi_rel_offset %r15, 0
	.endm

	/* void *switch_*(void **from, void *to, void *value) */
	.macro switch_function name
	hidden_function \name
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	movq	%rdx, %rax
	registers_pop
	notrack jmp *%rcx
	function_end \name
	.endm

switch_function switch_in
switch_function switch_out

/* void switch_last(void *to, void *value, void (*fn)(void *), void *arg) */
hidden_function switch_last
	movq	%rdi, %rsp
	registers_pushed
	movq	%rdi, %rbx
	movq	%rsi, %r12
	movq	%rcx, %rdi
	andq	$-16, %rsp
	call	*%rdx
	movq	%rbx, %rsp
	movq	%r12, %rax
	registers_pop
	notrack jmp *%rcx
function_end switch_last

/* What was left is not gone on with: the stack pointer is at what switch_out() left. */
hidden_function switch_exit
	registers_pushed
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	xorl	%edi, %edi
	call	coro_exit
	ud2
function_end switch_exit

/* The coroutine stands in r12. */
hidden_function switch_start
	.cfi_undefined %rip
	.cfi_personality 0x9b, coro_personality_reference
	movq	%r12, %rdi
	call	coro_begin
	ud2
function_end switch_start

/* void *switch_call(void *(*fn)(void *), void *arg, void *sp, void **left) */
hidden_function switch_call
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	%rsp, (%rcx)
	movq	%rdx, %rsp
	movq	%rdi, %rax
	movq	%rsi, %rdi
	call	*%rax
	movq	%rbp, %rsp
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	ret
function_end switch_call

/* void switch_call_deferred(void (*fn)(void *), void *arg, void **frame) */
hidden_function switch_call_deferred
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	%rsp, (%rdx)
	movq	%rdi, %rax
	movq	%rsi, %rdi
	call	*%rax
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	ret
function_end switch_call_deferred

/* int coro_defer_at(void (*fn)(void *), const void *args, size_t bytes,
                     struct coro_frame *frame) */
function coro_defer_at
	movq	(%rsp), %r8
	movq	56(%rcx), %rax
	cmpq	%r8, %rax
	je	1f
	testq	%rax, %rax
	jnz	2f
1:	movq	%rbx, (%rcx)
	movq	%rbp, 8(%rcx)
	movq	%r12, 16(%rcx)
	movq	%r13, 24(%rcx)
	movq	%r14, 32(%rcx)
	movq	%r15, 40(%rcx)
	leaq	8(%rsp), %rax
	movq	%rax, 48(%rcx)
	movq	%r8, 56(%rcx)
	jmp	defer_push
2:	subq	$72, %rsp
	.cfi_adjust_cfa_offset 72
	movq	%rbx, (%rsp)
	movq	%rbp, 8(%rsp)
	movq	%r12, 16(%rsp)
	movq	%r13, 24(%rsp)
	movq	%r14, 32(%rsp)
	movq	%r15, 40(%rsp)
	leaq	80(%rsp), %rax
	movq	%rax, 48(%rsp)
	movq	%r8, 56(%rsp)
	movq	%rsp, %r8
	call	defer_push_at
	addq	$72, %rsp
	.cfi_adjust_cfa_offset -72
	ret
function_end coro_defer_at

/* void switch_to_point(const struct coro_point *) */
hidden_function switch_to_point
	movq	(%rdi), %rbx
	movq	8(%rdi), %rbp
	movq	16(%rdi), %r12
	movq	24(%rdi), %r13
	movq	32(%rdi), %r14
	movq	40(%rdi), %r15
	movq	56(%rdi), %rcx
	movq	48(%rdi), %rsp
	movl	$1, %eax
	notrack jmp *%rcx
function_end switch_to_point

/* void *coro_callback(void *(*fn)(void *), void *arg): by foreign code, on the thread's
   own stack. */
function coro_callback
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	testb	$15, %spl
	jnz	1f
	subq	$32, %rsp
	movq	%rdi, 8(%rsp)
	movq	%rsi, 16(%rsp)
	movq	%rsp, %rdi
	call	callback_enter
	movq	-24(%rbp), %rdi
	movq	-16(%rbp), %rsi
	movq	%rax, %rsp
	call	callback_run
	leaq	-32(%rbp), %rsp
	movq	%rax, 8(%rsp)
	movq	%rsp, %rdi
	call	callback_leave
	movq	8(%rsp), %rax
	movq	%rbp, %rsp
	popq	%rbp
	.cfi_remember_state
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_restore_state
1:	andq	$-16, %rsp
	call	callback_misaligned
	ud2
function_end coro_callback

/* The personality's address, for the exception tables to point at. */
	.section .data.rel.local.coro_personality_reference, "aw", @progbits
	.p2align 3
	.type	coro_personality_reference, @object
	.size	coro_personality_reference, 8
coro_personality_reference:
	.quad	coro_personality

	.section .note.GNU-stack, "", @progbits
