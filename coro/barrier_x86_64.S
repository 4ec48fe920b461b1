/* coro/barrier_x86_64.S - where frames return to whose return address is a barrier.

   They differ in what unwinders read alone: the size of the stack that they are for. */

#include "coro/barrier.h"
#include "coro/barrier_expression.S"

	.text

	/* What is looked up for a return address is the instruction before it. */
	.macro trampoline mask
	.cfi_startproc
	.cfi_personality 0x9b, barrier_personality_reference
	.cfi_def_cfa %rsp, 0
	barrier_expression 16, \mask
1:	nop
	pushq	%rdi			/* the slot again, and no matter what */
	.cfi_def_cfa_offset 8
	pushq	%rax
	.cfi_def_cfa_offset 16
	pushq	%rdx
	.cfi_def_cfa_offset 24
	leaq	24(%rsp), %rdi
	pushq	%rdi			/* aligned */
	.cfi_def_cfa_offset 32
	call	barrier_hit
	.cfi_offset 16, -8
	call	barrier_pass
	popq	%rdi
	.cfi_def_cfa_offset 24
	popq	%rdx
	.cfi_def_cfa_offset 16
	popq	%rax
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
	.org	1b + BARRIER_STRIDE_BYTES, 0xcc
	.endm

	/* The name is for debuggers, to whom a frame is where it begins and what function it is
	   of: without one a trampoline would be the frame that returned there. */
	.globl	coro_barrier
	.type	coro_barrier, @function
	.hidden	barrier_trampolines, barrier_trampolines_end
	.globl	barrier_trampolines, barrier_trampolines_end
	.p2align 5
coro_barrier:
barrier_trampolines:
	.set	mask, 0x7ff
	.rept	20
	trampoline mask
	.set	mask, mask * 2 + 1
	.endr
	.size	coro_barrier, . - coro_barrier

	/* An exception passes, which is in rax; rdx is where a return would have gone on.  There
	   it goes on to be unwound: what returned to a trampoline is gone. */
	.hidden	barrier_unwound
	.globl	barrier_unwound
	.type	barrier_unwound, @function
barrier_unwound:
	.cfi_startproc
	.cfi_def_cfa %rsp, 0
	.cfi_register %rip, %rdx
	pushq	%rdx
	.cfi_def_cfa_offset 8
	.cfi_offset %rip, -8
	movq	%rax, %rdi
	jmp	_Unwind_Resume@PLT
	.cfi_endproc
	.size	barrier_unwound, . - barrier_unwound
barrier_trampolines_end:

/* The personality's address, for the exception tables to point at. */
	.section .data.rel.local.barrier_personality_reference, "aw", @progbits
	.p2align 3
	.type	barrier_personality_reference, @object
	.size	barrier_personality_reference, 8
barrier_personality_reference:
	.quad	barrier_personality

	.section .note.GNU-stack, "", @progbits
