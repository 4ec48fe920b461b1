/* coro/barrier_aarch64.S - where frames return to whose return address is a barrier.

   They differ in what unwinders read alone: the size of the stack that they are for. */

#include "coro/barrier.h"
#include "coro/barrier_expression.S"

	.text

	/* What is looked up for a return address is the instruction before it.  Only a return
	   comes here, so that there is no mark for branches. */
	.macro trampoline mask
	.cfi_startproc
	.cfi_personality 0x9b, barrier_personality_reference
	barrier_expression 30, \mask
1:	nop
	sub	sp, sp, #32
	.cfi_def_cfa_offset 32
	stp	x0, x1, [sp]
	add	x0, sp, #32
	bl	barrier_hit
	.cfi_offset x30, -8
	bl	barrier_pass
	ldp	x0, x1, [sp]
	ldr	x30, [sp, #24]
	.cfi_restore x30
	add	sp, sp, #32
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.org	1b + BARRIER_STRIDE_BYTES
	.endm

	/* The name is for debuggers, to whom a frame is where it begins and what function it is
	   of: without one a trampoline would be the frame that returned there. */
	.globl	coro_barrier
	.type	coro_barrier, %function
	.hidden	barrier_trampolines, barrier_trampolines_end
	.globl	barrier_trampolines, barrier_trampolines_end
	.p2align 6
coro_barrier:
barrier_trampolines:
	.set	mask, 0x7ff
	.rept	20
	trampoline mask
	.set	mask, mask * 2 + 1
	.endr
	.size	coro_barrier, . - coro_barrier

	/* An exception passes, which is in x0; x1 is where a return would have gone on.  There
	   it goes on to be unwound: what returned to a trampoline is gone. */
	.hidden	barrier_unwound
	.globl	barrier_unwound
	.type	barrier_unwound, %function
barrier_unwound:
	.cfi_startproc
	.cfi_register x30, x1
	hint	#36		/* bti j: an unwinder may jump here */
	mov	x30, x1
	.cfi_restore x30
	b	_Unwind_Resume
	.cfi_endproc
	.size	barrier_unwound, . - barrier_unwound
barrier_trampolines_end:

	.section .data.rel.local.barrier_personality_reference, "aw", %progbits
	.p2align 3
	.type	barrier_personality_reference, %object
	.size	barrier_personality_reference, 8
barrier_personality_reference:
	.xword	barrier_personality

	/* This code has what branch target identification asks for. */
	.section .note.gnu.property, "a", %note
	.p2align 3
	.word	4, 16, 5
	.asciz	"GNU"
	.word	0xc0000000, 4, 1, 0

	.section .note.GNU-stack, "", %progbits
