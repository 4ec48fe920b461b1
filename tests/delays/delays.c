/*
 * delays.c - a thread may be held up at every atomic, and before every other access.
 *
 * WHY        Two threads that race on a word meet within some nanoseconds, on two CPUs
 *            perhaps once a day.  gcc's -fsanitize=thread calls a function at each access;
 *            these, instead of ThreadSanitizer's, let other threads run there now and
 *            then, for a moment or for longer than any step of theirs takes, so that the
 *            suites of threads find what else needs luck.
 *
 * USE        ./dev delays: configure's CPPFLAGS have the switch and its LIBS this object, so
 *            that the linker never sees the switch, which would bring ThreadSanitizer in.
 *            Not for coroutines, whose frames are their own.
 *
 * It calls nobody but the kernel: an access may be anywhere, in malloc or a handler.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

enum {
	ATOMIC_ONE_IN = 32,
	PLAIN_ONE_IN = 4096,
	SPINS_MOST = 1024,
	SLEEP_ONE_IN = 64, /* of the delays; half of the others give the CPU away */
	SLEEP_NS = 100000
};

#define HOOK __attribute__((visibility("default"), used))

static __thread uint64_t state __attribute__((tls_model("initial-exec")));

static long system_call(long number, long first, long second)
{
	long result;
#if defined(__x86_64__)
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(first), "S"(second)
			 : "rcx", "r11", "memory");
#else
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = first, x1 __asm__("x1") = second;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
	result = x0;
#endif
	return result;
}

static uint64_t next(void)
{
	uint64_t x = state != 0 ? state : (uint64_t)(uintptr_t)&state | 1; /* xorshift64 */

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return state = x;
}

static __attribute__((noinline, cold)) void delay(uint64_t how)
{
	if (how % SLEEP_ONE_IN == 0) {
		struct timespec time = {0, SLEEP_NS};
		system_call(SYS_nanosleep, (long)&time, 0);
	} else if (how % 2 == 0) {
		system_call(SYS_sched_yield, 0, 0);
	} else {
		for (uint64_t spins = how / 2 % SPINS_MOST; spins > 0; spins--)
			__asm__ volatile("");
	}
}

static void maybe(uint64_t one_in)
{
	uint64_t x = next() >> 16;

	if (x % one_in == 0)
		delay(x / one_in);
}

#define PLAIN(name)                              \
	HOOK void __tsan_##name(void *address);  \
	HOOK void __tsan_##name(void *address)   \
	{                                        \
		(void)address;                   \
		maybe(PLAIN_ONE_IN);             \
	}

PLAIN(read1) PLAIN(read2) PLAIN(read4) PLAIN(read8) PLAIN(read16)
PLAIN(write1) PLAIN(write2) PLAIN(write4) PLAIN(write8) PLAIN(write16)
PLAIN(unaligned_read2) PLAIN(unaligned_read4) PLAIN(unaligned_read8) PLAIN(unaligned_read16)
PLAIN(unaligned_write2) PLAIN(unaligned_write4) PLAIN(unaligned_write8) PLAIN(unaligned_write16)
PLAIN(volatile_read1) PLAIN(volatile_read2) PLAIN(volatile_read4) PLAIN(volatile_read8)
PLAIN(volatile_write1) PLAIN(volatile_write2) PLAIN(volatile_write4) PLAIN(volatile_write8)

HOOK void __tsan_read_range(void *address, size_t bytes);
HOOK void __tsan_read_range(void *address, size_t bytes)
{
	(void)address, (void)bytes;
	maybe(PLAIN_ONE_IN);
}

HOOK void __tsan_write_range(void *address, size_t bytes);
HOOK void __tsan_write_range(void *address, size_t bytes)
{
	(void)address, (void)bytes;
	maybe(PLAIN_ONE_IN);
}

HOOK void __tsan_vptr_update(void *address, void *value);
HOOK void __tsan_vptr_update(void *address, void *value)
{
	(void)address, (void)value;
}

HOOK void __tsan_init(void);
HOOK void __tsan_init(void)
{
}

HOOK void __tsan_func_entry(void *caller);
HOOK void __tsan_func_entry(void *caller)
{
	(void)caller;
}

HOOK void __tsan_func_exit(void);
HOOK void __tsan_func_exit(void)
{
}

/* A relaxed one stays so; any other is as strong as can be. */
#define FETCH(bits, name, op)                                                              \
	HOOK uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *word,    \
		uint##bits##_t value, int order);                                          \
	HOOK uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *word,    \
		uint##bits##_t value, int order)                                           \
	{                                                                                  \
		maybe(ATOMIC_ONE_IN);                                                      \
		uint##bits##_t before = order == __ATOMIC_RELAXED                          \
			? op(word, value, __ATOMIC_RELAXED)                                \
			: op(word, value, __ATOMIC_SEQ_CST);                               \
		maybe(ATOMIC_ONE_IN);                                                      \
		return before;                                                             \
	}

#define EXCHANGE(bits, name, is_weak)                                                         \
	HOOK int __tsan_atomic##bits##_compare_exchange_##name(volatile uint##bits##_t *word, \
		uint##bits##_t *expected, uint##bits##_t value, int order, int failed_order); \
	HOOK int __tsan_atomic##bits##_compare_exchange_##name(volatile uint##bits##_t *word, \
		uint##bits##_t *expected, uint##bits##_t value, int order, int failed_order)  \
	{                                                                                     \
		(void)order, (void)failed_order;                                              \
		maybe(ATOMIC_ONE_IN);                                                         \
		bool done = __atomic_compare_exchange_n(word, expected, value, is_weak,       \
			__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                  \
		maybe(ATOMIC_ONE_IN);                                                         \
		return done;                                                                  \
	}

#define ATOMICS(bits)                                                                      \
	HOOK uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *word, \
		int order);                                                                \
	HOOK uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *word, \
		int order)                                                                 \
	{                                                                                  \
		maybe(ATOMIC_ONE_IN);                                                      \
		uint##bits##_t value = order == __ATOMIC_RELAXED                           \
			? __atomic_load_n(word, __ATOMIC_RELAXED)                          \
			: __atomic_load_n(word, __ATOMIC_SEQ_CST);                         \
		maybe(ATOMIC_ONE_IN);                                                      \
		return value;                                                              \
	}                                                                                  \
	HOOK void __tsan_atomic##bits##_store(volatile uint##bits##_t *word,               \
		uint##bits##_t value, int order);                                          \
	HOOK void __tsan_atomic##bits##_store(volatile uint##bits##_t *word,               \
		uint##bits##_t value, int order)                                           \
	{                                                                                  \
		maybe(ATOMIC_ONE_IN);                                                      \
		if (order == __ATOMIC_RELAXED)                                             \
			__atomic_store_n(word, value, __ATOMIC_RELAXED);                   \
		else if (order == __ATOMIC_RELEASE)                                        \
			__atomic_store_n(word, value, __ATOMIC_RELEASE);                   \
		else                                                                       \
			__atomic_store_n(word, value, __ATOMIC_SEQ_CST);                   \
		maybe(ATOMIC_ONE_IN);                                                      \
	}                                                                                  \
	FETCH(bits, exchange, __atomic_exchange_n)                                         \
	FETCH(bits, fetch_add, __atomic_fetch_add)                                         \
	FETCH(bits, fetch_sub, __atomic_fetch_sub)                                         \
	FETCH(bits, fetch_and, __atomic_fetch_and)                                         \
	FETCH(bits, fetch_or, __atomic_fetch_or)                                           \
	FETCH(bits, fetch_xor, __atomic_fetch_xor)                                         \
	EXCHANGE(bits, strong, false)                                                      \
	EXCHANGE(bits, weak, true)

ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)

HOOK void __tsan_atomic_thread_fence(int order);
HOOK void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	maybe(ATOMIC_ONE_IN);
}

HOOK void __tsan_atomic_signal_fence(int order);
HOOK void __tsan_atomic_signal_fence(int order)
{
	(void)order;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}
