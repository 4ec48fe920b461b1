/* coro/barrier_expression.S - where a trampoline goes on, as a DWARF expression; for
   coro/barrier_*.S.

   The canonical frame address (CFA) is on the expression's stack.  The array of barriers
   is at the end of the stack, which is aligned to its size: from there downwards the
   first entry whose slot is below the CFA is the one that is hit.  When it is taken off,
   the trampoline has put where it goes on into the word below the CFA, and has no need of
   this: what is below the array would be searched as if it were entries.  The search ends
   at the CFA, for no unwinder to go astray; the outermost frame's is the array itself. */

	.macro barrier_expression register, mask
	.cfi_escape 0x16, \register, 50	/* DW_CFA_val_expression */
	.cfi_escape 0x12		/* -1	dup: libgcc lets nobody pick the lowest */
	.cfi_escape 0x12		/*  0	dup			cfa cfa */
	.cfi_escape 0x0c, (\mask) & 255, ((\mask) >> 8) & 255, ((\mask) >> 16) & 255, ((\mask) >> 24) & 255
	.cfi_escape 0x21		/*  6	or			cfa last-byte */
	.cfi_escape 0x3f, 0x1c		/*  7	lit15 minus		cfa entry */
	.cfi_escape 0x14, 0x14, 0x2c	/*  9	over over le		cfa entry cfa<=entry */
	.cfi_escape 0x28, 3, 0		/* 12	bra 18 */
	.cfi_escape 0x2f, 27, 0		/* 15	skip 45 */
	.cfi_escape 0x12, 0x06		/* 18	dup deref		cfa entry slot */
	.cfi_escape 0x12		/* 20	dup */
	.cfi_escape 0x28, 4, 0		/* 21	bra 28 */
	.cfi_escape 0x13		/* 24	drop			cfa entry */
	.cfi_escape 0x2f, 6, 0		/* 25	skip 34 */
	.cfi_escape 0x15, 2, 0x2d	/* 28	pick 2 lt		cfa entry slot<cfa */
	.cfi_escape 0x28, 5, 0		/* 31	bra 39 */
	.cfi_escape 0x40, 0x1c		/* 34	lit16 minus		cfa entry */
	.cfi_escape 0x2f, 226, 255	/* 36	skip 9 */
	.cfi_escape 0x23, 8, 0x06	/* 39	plus_uconst 8 deref	cfa saved */
	.cfi_escape 0x2f, 4, 0		/* 42	skip 49 */
	.cfi_escape 0x13		/* 45	drop			cfa */
	.cfi_escape 0x38, 0x1c, 0x06	/* 46	lit8 minus deref	saved */
	.endm
