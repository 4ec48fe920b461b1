/*
 * mstat_coro_inline.h - coro_resume() and coro_yield() as they are compiled into their
 * callers, and the usual answer of coro_recover(); a part of mstat_coro.h, which says what
 * they do.
 *
 * WHY        A call saves the registers that calls keep, whether anybody uses them or not,
 *            and returns through the stack: that is most of what a switch takes.  Here the
 *            compiler is told that the registers are lost, and saves those in use.
 *
 * RULE       The library's functions of the same names do the same, for pointers to them
 *            and for compilers and CPUs that are not known here.
 */
#include "mstat_coro.h"

#ifndef MSTAT_CORO_INLINE_H
#define MSTAT_CORO_INLINE_H

#if defined(__GNUC__) && defined(__x86_64__) && defined(__LP64__) && defined(__SSE2__) && \
	!defined(__APX_F__) && !defined(_SOFT_FLOAT)

/* A function alone may be compiled for them.  (gcc takes no names of registers that the file
   is not compiled for.) */
#if defined(__AVX512F__) || defined(__clang__)
#define CORO_LOST_AVX512 \
	, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", \
	"xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define CORO_LOST_AVX512
#endif

/* What has call frame information in it must be in a function that has it, too, which clang
   leaves out where nothing can be thrown (-fno-asynchronous-unwind-tables). */
#if defined(__GCC_HAVE_DWARF2_CFI_ASM) && defined(__clang__) && __clang_major__ >= 13 && \
	defined(__EXCEPTIONS)
#define CORO_UNWINDS_HERE , "unwind"
#else
#define CORO_UNWINDS_HERE
#endif

/* All but rbp and rbx, which compilers may need to find the frame by, and what is in use
   for the arguments. */
#define CORO_LOST \
	"rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
	"xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", \
	"st(5)", "st(6)", "st(7)" CORO_LOST_AVX512, "memory"

/* Unwinders that interrupt it between the stack pointer and the jump are told that what was
   left goes on, whose rbp and rbx are still where they were stored. */
#if defined(__GCC_HAVE_DWARF2_CFI_ASM)
#define CORO_CFI_BEGIN(number) \
	".cfi_remember_state\n\t.cfi_def_cfa %%rsp, 0\n\t.cfi_register %%rip, %%r11\n\t" \
	".cfi_escape 0x10, 6, 2, 0x70 + " number ", 8\n\t" \
	".cfi_escape 0x10, 3, 2, 0x70 + " number ", 24\n\t" \
	".cfi_same_value %%r12\n\t.cfi_same_value %%r13\n\t" \
	".cfi_same_value %%r14\n\t.cfi_same_value %%r15\n\t"
#define CORO_CFI_END ".cfi_restore_state\n"
#else
#define CORO_CFI_BEGIN(number)
#define CORO_CFI_END
#endif

/* Whether C++ has any. */
#define CORO_EXCEPTIONS_TEST \
	"movq %%fs:8(%%r8), %%r11\n\t" \
	"movl 8(%%r11), %%edx\n\t" \
	"orq (%%r11), %%rdx\n\t"

/* r9, which runs, is left, and what was left at `from`, with that DWARF number, goes on. */
#define CORO_SWITCH(from, number) \
	"movq %%rsp, (%%r9)\n\t" \
	"movq %%rbp, 8(%%r9)\n\t" \
	"movq %%rcx, 16(%%r9)\n\t" \
	"movq %%rbx, 24(%%r9)\n\t" \
	"movq 16(" from "), %%r11\n\t" \
	"movq (" from "), %%rsp\n\t" \
	CORO_CFI_BEGIN(number) \
	"movq 8(" from "), %%rbp\n\t" \
	"movq 24(" from "), %%rbx\n\t" \
	"notrack jmp *%%r11\n\t" \
	CORO_CFI_END

extern __inline __attribute__((__gnu_inline__, __always_inline__, __artificial__))
void *coro_resume(struct coro *co, void *value)
{
	void *result;

	__asm__ volatile(
		"movq coro_thread@gottpoff(%%rip), %%r8\n\t"
		"leaq 1f(%%rip), %%rcx\n\t"
		"testq %%rdi, %%rdi\n\t"
		"jz 2f\n\t"
		"movq %%fs:(%%r8), %%r9\n\t"
		"cmpq %%r9, 32(%%rdi)\n\t"
		"jne 2f\n\t"
		CORO_EXCEPTIONS_TEST
		"jnz 2f\n\t"
		"movl $1, 40(%%rdi)\n\t"
		"movq %%rdi, %%fs:(%%r8)\n\t"
		CORO_SWITCH("%%rdi", "5")
		"2:\tjmp *coro_resume_at@GOTPCREL(%%rip)\n"
		"1:"
		: "=a"(result), "+D"(co) : "0"(value) : "rsi", CORO_LOST CORO_UNWINDS_HERE);
	return result;
}

extern __inline __attribute__((__gnu_inline__, __always_inline__, __artificial__))
void *coro_yield(void *value)
{
	void *result;
	int is_cancelled;

	__asm__ volatile(
		"movq coro_thread@gottpoff(%%rip), %%r8\n\t"
		"leaq 1f(%%rip), %%rcx\n\t"
		"movq %%fs:(%%r8), %%r9\n\t"
		"testq %%r9, %%r9\n\t"
		"jz 2f\n\t"
		"movq 32(%%r9), %%r10\n\t"
		"cmpq $1, %%r10\n\t"
		"jbe 2f\n\t"
		CORO_EXCEPTIONS_TEST
		"jnz 2f\n\t"
		"movl $0, 40(%%r9)\n\t"
		"movq %%r10, %%fs:(%%r8)\n\t"
		CORO_SWITCH("%%r10", "10")
		"2:\tjmp *coro_yield_at@GOTPCREL(%%rip)\n"
		"1:"
		: "=a"(result), "=@ccc"(is_cancelled) : "0"(value) : "rdi", "rsi", CORO_LOST);
	if (__builtin_expect(is_cancelled, 0))
		coro_exit(NULL);
	return result;
}

/* Nearly always there is no panic. */
static __inline __attribute__((__always_inline__, __artificial__)) int coro_may_recover(void)
{
	__asm__ goto(
		"movq coro_thread@gottpoff(%%rip), %%rax\n\t"
		"movq %%fs:(%%rax), %%rax\n\t"
		"testq %%rax, %%rax\n\t"
		"jz %l[no]\n\t"
		"cmpq $0, 48(%%rax)\n\t"
		"je %l[no]"
		: : : "rax", "cc", "memory" : no);
	return 1;
no:
	return 0;
}
#define CORO_MAY_RECOVER

#undef CORO_EXCEPTIONS_TEST
#undef CORO_SWITCH
#undef CORO_CFI_BEGIN
#undef CORO_CFI_END
#undef CORO_LOST
#undef CORO_LOST_AVX512
#undef CORO_UNWINDS_HERE

#elif defined(__GNUC__) && defined(__aarch64__) && defined(__LP64__) && !defined(__ARM_FEATURE_SVE)

/* All but x29 and x19, which compilers may need to find the frame by, and the arguments. */
#define CORO_LOST \
	"x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", \
	"x16", "x17", "x18", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", \
	"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", \
	"v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", \
	"v27", "v28", "v29", "v30", "v31", "memory", "cc"

extern __inline __attribute__((__gnu_inline__, __always_inline__, __artificial__))
void *coro_resume(struct coro *co, void *value)
{
	register void *first __asm__("x0") = co;
	register void *second __asm__("x1") = value;

	__asm__ volatile("bl coro_resume_at" : "+r"(first), "+r"(second) : : CORO_LOST);
	return first;
}

extern __inline __attribute__((__gnu_inline__, __always_inline__, __artificial__))
void *coro_yield(void *value)
{
	register void *first __asm__("x0") = value;
	register unsigned long is_cancelled __asm__("x1");

	__asm__ volatile("bl coro_yield_at" : "+r"(first), "=r"(is_cancelled) : : CORO_LOST);
	value = first;
	if (__builtin_expect(is_cancelled != 0, 0))
		coro_exit(NULL);
	return value;
}

#undef CORO_LOST

#endif

#if defined(CORO_MAY_RECOVER)
#undef CORO_MAY_RECOVER
#else
static __inline int coro_may_recover(void)
{
	return 1;
}
#endif

#endif
