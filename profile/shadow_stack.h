/*
 * profile/shadow_stack.h - who called, by the stack that the CPU keeps of return addresses.
 *
 * WHY        Where it is on (x86-64's user shadow stacks: Linux 6.6, glibc 2.39), the return
 *            addresses stand there one after the other: nothing is to be unwound.
 *
 * FORMAT     The innermost lowest.  Between them stand tokens, which are passed: of a signal's
 *            frame the pointer before it, bit 63 set; of a stack that was switched to, the
 *            address behind the token, its lowest bit set (the kernel's
 *            Documentation/arch/x86/shstk.rst).
 *
 * NOT HERE   What a signal interrupted: it called nobody.  aarch64's guarded control stacks.
 */
#ifndef PROFILE_SHADOW_STACK_H
#define PROFILE_SHADOW_STACK_H

#include <stdbool.h>
#include <stdint.h>

/* Of the calling function: where its own return address stands.  0: there is none. */
static inline uintptr_t shadow_stack_pointer(void)
{
	uintptr_t pointer = 0;

#if defined(__x86_64__)
	__asm__ volatile("rdsspq %0" : "+r"(pointer)); /* nothing where it is off */
#endif
	return pointer;
}

/* Return addresses from there on, up to the stack's end or a word of 0.  Returns how many;
   *is_cut: there were more than `most`. */
uint32_t shadow_stack_read(uintptr_t pointer, uintptr_t *pcs, uint32_t most, bool *is_cut);

#endif
