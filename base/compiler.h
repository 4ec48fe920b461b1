/*
 * base/compiler.h - what the compiler is told beyond the language.
 *
 * WHY        The only place for macros: hints, visibility, and the lock
 *            annotations that clang checks and gcc does not know.
 */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define COLD __attribute__((cold, noinline))
/* It reads what stands on stacks, frames of others too. */
#define UNSANITIZED __attribute__((no_sanitize_address))
/* On a declaration: reached without the GOT. */
#define HIDDEN __attribute__((visibility("hidden")))
/* A large table that a process may never touch: the linker lays it behind the
   small variables, which then share pages with each other. */
#define BULKY __attribute__((common, visibility("hidden")))
#define EXPORT __attribute__((visibility("default")))
/* On the definition of what most programs call most: it fits one cache line, or two. */
#define LINE_ALIGNED __attribute__((aligned(64)))
#define PRINTF_LIKE(text_at, first) __attribute__((format(printf, text_at, first)))

/* What is looked at and then returned is loaded to where it is returned: gcc copies
   it there after the look, and malloc is a cache line and three bytes long. */
#if defined(__x86_64__)
#define RESULT_REGISTER(x) __asm__("" : "+a"(x))
#else
#define RESULT_REGISTER(x) ((void)0)
#endif

/* A TLS variable of a preloaded library must not be reached by
   __tls_get_addr, which may allocate. */
#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

/* ALIAS_OF: one more name of a function.  OWN_NAME_OF: one within its file, on a static
   declaration; the function's own name may be bound to somebody else's. */
#if defined(__clang__)
#define ALIAS_OF(name) __attribute__((alias(#name), visibility("default")))
#define OWN_NAME_OF(name) __attribute__((alias(#name)))
#define CAPABILITY(x) __attribute__((capability(x)))
#define ACQUIRES(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define RELEASES(...) __attribute__((release_capability(__VA_ARGS__)))
#define TRY_ACQUIRES(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define UNCHECKED_LOCKING __attribute__((no_thread_safety_analysis))
#else
#define ALIAS_OF(name) __attribute__((alias(#name), visibility("default"), copy(name)))
#define OWN_NAME_OF(name) __attribute__((alias(#name), copy(name)))
#define CAPABILITY(x)
#define ACQUIRES(...)
#define RELEASES(...)
#define TRY_ACQUIRES(...)
#define REQUIRES(...)
#define UNCHECKED_LOCKING
#endif

#endif
