/* coro/switch_x86_64.S - coro/switch.h for x86-64, and the two calls of mstat_coro.h
   that must know their caller's registers or its stack.

   No note says that this works with a shadow stack: libc then runs the process
   without. */

#include "coro/offsets.h"

	.text

	.macro function_begin name
	.globl	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	.endm

	.macro function name
	function_begin \name
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

	/* What was left at \from, whose DWARF number is given, goes on; rdi is its coroutine if
	   nobody was on it yet; rax is what it is brought, and the carry flag says that it is
	   cancelled. */
	.macro goes_on_at from, number
	movq	16(\from), %r11
	movq	(\from), %rsp
	.cfi_def_cfa %rsp, 0
	.cfi_register %rip, %r11
	.cfi_escape 0x10, 6, 2, 0x70 + \number, 8	/* expression rbp: breg 8 */
	.cfi_escape 0x10, 3, 2, 0x70 + \number, 24	/* expression rbx: breg 24 */
	movq	8(\from), %rbp
	movq	24(\from), %rbx
	notrack jmp *%r11
	.endm
	.set	number_of_rdi, 5
	.set	number_of_r10, 10
	.set	number_of_r12, 12

	.macro left_at to
	movq	%rsp, (\to)
	movq	%rbp, 8(\to)
	movq	%rcx, 16(\to)
	movq	%rbx, 24(\to)
	.endm

	/* Jumped to with the place to go on at in rcx.  Nothing is on the stack, at its first
	   instruction either. */
	.macro place_function name
	function_begin \name
	.cfi_def_cfa_offset 0
	.cfi_register %rip, %rcx
	endbr64
	.endm

	/* Whether C++ has any; r8 is the thread.  (One of the words is half a word.) */
	.macro exceptions_test
	movq	%fs:THREAD_EXCEPTIONS(%r8), %r11
	movl	8(%r11), %edx
	orq	(%r11), %rdx
	.endm

	/* All registers are lost but rbp, rbx and rsp.  The caller may use its red zone. */
	.macro rarely function
	movq	%rsp, %r12
	.cfi_def_cfa_register %r12
	movq	%rcx, %r13
	.cfi_register %rip, %r13
	subq	$RED_ZONE_BYTES, %rsp
	andq	$-16, %rsp
	call	\function
	negq	%rdx		/* the carry flag */
	movq	%r12, %rsp
	notrack jmp *%r13
	.endm

/* rdi: the coroutine; rax: the value. */
place_function coro_resume_at
	movq	coro_thread@gottpoff(%rip), %r8
	testq	%rdi, %rdi
	jz	1f
	movq	%fs:THREAD_RUNNING(%r8), %r9
	cmpq	%r9, CORO_RESUMER(%rdi)
	jne	1f
	exceptions_test
	jnz	1f
	movl	$1, CORO_IS_ACTIVE(%rdi)
	movq	%rdi, %fs:THREAD_RUNNING(%r8)
	left_at	%r9
	.cfi_remember_state
	goes_on_at %rdi, number_of_rdi
	.cfi_restore_state
1:	movq	%rax, %rsi
	rarely	resume_rarely
function_end coro_resume_at

/* rax: the value. */
place_function coro_yield_at
	movq	coro_thread@gottpoff(%rip), %r8
	movq	%fs:THREAD_RUNNING(%r8), %r9
	testq	%r9, %r9
	jz	1f
	movq	CORO_RESUMER(%r9), %r10
	cmpq	$CORO_NOT_PLAIN, %r10
	jbe	1f
	exceptions_test
	jnz	1f
	movl	$0, CORO_IS_ACTIVE(%r9)
	movq	%r10, %fs:THREAD_RUNNING(%r8)
	left_at	%r9
	.cfi_remember_state
	goes_on_at %r10, number_of_r10
	.cfi_restore_state
1:	movq	%rax, %rdi
	rarely	yield_rarely
function_end coro_yield_at

	/* The registers that calls keep, around a switch that loses them. */
	.macro registers_push
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
	.endm

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
	.endm

/* For those to whom they are not inline. */
function coro_resume
	registers_push
	movq	%rsi, %rax
	leaq	1f(%rip), %rcx
	jmp	coro_resume_at
1:	registers_pop
	ret
function_end coro_resume

function coro_yield
	registers_push
	movq	%rdi, %rax
	leaq	1f(%rip), %rcx
	jmp	coro_yield_at
1:	jc	2f
	.cfi_remember_state
	registers_pop
	ret
	.cfi_restore_state
2:	xorl	%edi, %edi
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	coro_exit
	ud2
function_end coro_yield

/* struct switch_brought switch_to(struct coro *from, struct coro *to, void *value, bool cancels) */
hidden_function switch_to
	registers_push
	negl	%ecx		/* the carry flag */
	leaq	1f(%rip), %rcx
	left_at	%rdi
	movq	%rdx, %rax
	movq	%rsi, %rdi
	.cfi_remember_state
	goes_on_at %rdi, number_of_rdi
	.cfi_restore_state
	nop	/* what is looked up for the place where it goes on is the instruction before it */
1:	setc	%dl
	movzbl	%dl, %edx
	registers_pop
	ret
function_end switch_to

/* void switch_last(const struct switch_left *to, void *value, void (*fn)(void *), void *arg) */
hidden_function switch_last
	.cfi_undefined %rip
	movq	%rsi, %rax
	testq	%rdx, %rdx
	jz	1f
	movq	%rdi, %rbx
	movq	%rsi, %r12
	movq	(%rdi), %rsp
	subq	$RED_ZONE_BYTES, %rsp
	andq	$-16, %rsp
	movq	%rcx, %rdi
	call	*%rdx
	movq	%rbx, %rdi
	movq	%r12, %rax
1:	clc
	goes_on_at %rdi, number_of_rdi
function_end switch_last

/* rdi: the coroutine.  Those who look where it was left look before that. */
	nop
hidden_function switch_start
	.cfi_undefined %rip
	.cfi_personality 0x9b, coro_personality_reference
	movq	%rdi, %rbx
	movq	CORO_RESUMER(%rbx), %r12
	movq	CORO_ARG(%rbx), %rdi
	movq	$0, CORO_ARG(%rbx)	/* or a finished one would hold it */
	call	*CORO_FN(%rbx)
	/* Where there is nothing else to be done it has finished.  That who resumed it is who
	   did at first is a guess, for the CPU to go by. */
	movq	CORO_DEFERS(%rbx), %rax
	orq	CORO_SITES(%rbx), %rax
	orq	CORO_HELD(%rbx), %rax
	orq	CORO_VALUES(%rbx), %rax
	orq	CORO_UNWINDINGS(%rbx), %rax
	jnz	1f
	cmpl	$0, CORO_BARRIER_COUNT(%rbx)
	jne	1f
	cmpl	$CORO_STATE_PLAIN, CORO_STATE(%rbx)
	jne	1f
	movq	coro_thread@gottpoff(%rip), %r8
	cmpq	%rbx, %fs:THREAD_RUNNING(%r8)
	jne	1f
	cmpq	%r12, CORO_RESUMER(%rbx)
	jne	1f
	cmpq	$CORO_NOT_PLAIN, %r12
	jbe	1f
	exceptions_test
	jnz	1f
	movl	$CORO_STATE_FINISHED | CORO_STATE_PLAIN, CORO_STATE(%rbx)
	movl	$0, CORO_IS_ACTIVE(%rbx)
	movq	$CORO_NOT_PLAIN, CORO_RESUMER(%rbx)
	movq	%r12, %fs:THREAD_RUNNING(%r8)
	xorl	%eax, %eax
	.cfi_remember_state
	goes_on_at %r12, number_of_r12
	.cfi_restore_state
1:	movq	%rbx, %rdi
	call	coro_end
	ud2
function_end switch_start

	/* A call on another stack, whose top is at rsp already; rbp is this one's frame.  What
	   it pushes is a struct switch_edge, and its frame a signal's. */
	.macro call_over_edge target:vararg
	leaq	1f(%rip), %r8
	pushq	%r8
	pushq	%rbp
	.cfi_endproc
	.cfi_startproc
	.cfi_signal_frame
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	call	\target
	nop	/* a debugger wants the place that it returns to within the signal's frame */
	.cfi_endproc
	.cfi_startproc
	.cfi_def_cfa %rbp, 16
	.cfi_offset %rbp, -16
1:
	.endm

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
	call_over_edge *%rax
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

/* void switch_walk(void (*fn)(void *), void *arg, const struct switch_left *left)
   The stack pointer, rbp, rbx and rip of what seems to call fn are where rbx points. */
hidden_function switch_walk
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	movq	%rdx, %rbx
	movq	%rdi, %rax
	movq	%rsi, %rdi
	.cfi_remember_state
	.cfi_escape 0x0f, 3, 0x73, 0, 0x06	/* def_cfa_expression: breg3 0, deref */
	.cfi_escape 0x10, 6, 2, 0x73, 8		/* expression rbp: breg3 8 */
	.cfi_escape 0x10, 16, 2, 0x73, 16	/* expression rip: breg3 16 */
	.cfi_escape 0x10, 3, 2, 0x73, 24	/* expression rbx: breg3 24 */
	call	*%rax
	.cfi_restore_state
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
function_end switch_walk

	/* A point, from the caller's registers; rax is its stack pointer, r8 where it goes on. */
	.macro point_store to
	movq	%rbx, (\to)
	movq	%rbp, 8(\to)
	movq	%r12, 16(\to)
	movq	%r13, 24(\to)
	movq	%r14, 32(\to)
	movq	%r15, 40(\to)
	movq	%rax, 48(\to)
	movq	%r8, 56(\to)
	.endm

/* int coro_defer_at(void (*fn)(void *), const void *args, size_t bytes,
                     struct coro_frame *frame)
   The frame's point is this place's, or nobody's yet; or another's. */
function coro_defer_at
	movq	(%rsp), %r8
	movq	56(%rcx), %r9
	leaq	8(%rsp), %rax
	cmpq	%r8, %r9
	je	1f
	testq	%r9, %r9
	jnz	2f
1:	point_store %rcx
	jmp	defer_push
2:	subq	$72, %rsp
	.cfi_adjust_cfa_offset 72
	point_store %rsp
	movq	%rsp, %r8
	call	defer_push_at
	addq	$72, %rsp
	.cfi_adjust_cfa_offset -72
	ret
function_end coro_defer_at

/* void switch_note_point(struct coro_point *) */
hidden_function switch_note_point
	movq	(%rsp), %r8
	leaq	8(%rsp), %rax
	point_store %rdi
	ret
function_end switch_note_point

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
	jnz	2f
	subq	$32, %rsp
	movq	%rdi, 8(%rsp)
	movq	%rsi, 16(%rsp)
	movq	%rsp, %rdi
	call	callback_enter
	movq	-24(%rbp), %rdi
	movq	-16(%rbp), %rsi
	movq	%rax, %rsp
	call_over_edge callback_run
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
2:	andq	$-16, %rsp
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
