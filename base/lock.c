#include "base/lock.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/fatal.h"
#include "base/os.h"

enum lock_state {
	LOCK_FREE = 0,
	LOCK_HELD = 1,
	LOCK_CONTENDED = 2 /* held, and somebody may sleep */
};

/* A holder inside the allocator is done within some hundred cycles, unless it
   was descheduled; then spinning longer only burns its time. */
enum { SPIN_COUNT = 100 };

/* Ranks held by this thread, one bit each; locks of one rank (the size
   classes') may be taken together by fork alone, so a count is not needed. */
static THREAD_LOCAL uint32_t ranks_held;

static void rank_enter(const struct lock *lock)
{
	if (!CONFIG_DEBUG)
		return;
	if (ranks_held >> (lock->rank + 1) != 0)
		fatal("lock order violated");
	ranks_held |= 1u << lock->rank;
}

static void rank_leave(const struct lock *lock)
{
	if (CONFIG_DEBUG)
		ranks_held &= ~(1u << lock->rank);
}

void lock_init(struct lock *lock, enum lock_rank rank)
{
	lock->state = LOCK_FREE;
	lock->rank = rank;
}

void lock_reset(struct lock *lock)
{
	if (lock->state != LOCK_FREE) /* a page that is not written is not copied */
		__atomic_store_n(&lock->state, LOCK_FREE, __ATOMIC_RELEASE);
	rank_leave(lock);
}

/* In one order with what stands before and after: a holder looks at the gate
   (heap/central.h) whose owner looks at the lock. */
static bool state_change(struct lock *lock, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&lock->state, &from, to, false, __ATOMIC_SEQ_CST,
		__ATOMIC_RELAXED);
}

static COLD void lock_acquire_slow(struct lock *lock)
{
	for (int i = 0; i < SPIN_COUNT; i++) {
		if (word_load(&lock->state) == LOCK_FREE &&
			state_change(lock, LOCK_FREE, LOCK_HELD))
			return;
		os_cpu_relax();
	}
	while (__atomic_exchange_n(&lock->state, LOCK_CONTENDED, __ATOMIC_SEQ_CST) != LOCK_FREE)
		os_futex_wait(&lock->state, LOCK_CONTENDED);
}

void lock_acquire(struct lock *lock) UNCHECKED_LOCKING
{
	rank_enter(lock);
	if (UNLIKELY(!state_change(lock, LOCK_FREE, LOCK_HELD)))
		lock_acquire_slow(lock);
}

bool lock_try(struct lock *lock) UNCHECKED_LOCKING
{
	if (!state_change(lock, LOCK_FREE, LOCK_HELD))
		return false;
	rank_enter(lock);
	return true;
}

bool lock_is_held(const struct lock *lock)
{
	return word_load(&lock->state) != LOCK_FREE;
}

void lock_await(const struct lock *lock)
{
	for (int i = 0; __atomic_load_n(&lock->state, __ATOMIC_SEQ_CST) != LOCK_FREE; i++) {
		if (i < SPIN_COUNT)
			os_cpu_relax();
		else
			os_yield();
	}
}

void lock_release(struct lock *lock) UNCHECKED_LOCKING
{
	rank_leave(lock);
	if (__atomic_exchange_n(&lock->state, LOCK_FREE, __ATOMIC_RELEASE) == LOCK_CONTENDED)
		os_futex_wake(&lock->state, 1);
}
