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

/* The lowest rank first.  A handler of this thread may look at any time. */
static THREAD_LOCAL struct {
	uint32_t count;
	struct lock *locks[LOCK_RANK_EVENT + 1]; /* one of each rank at most */
} mine;

static inline void mine_add(struct lock *lock)
{
	uint32_t count = mine.count;

	if (CONFIG_DEBUG && count != 0 && mine.locks[count - 1]->rank > lock->rank)
		fatal("lock order violated");
	mine.locks[count] = lock;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	mine.count = count + 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static COLD void mine_remove_slow(const struct lock *lock)
{
	uint32_t at = 0;

	while (at < mine.count && mine.locks[at] != lock)
		at++;
	if (at == mine.count)
		return; /* a child's, which one of the parent's other threads had */
	for (mine.count--; at < mine.count; at++)
		mine.locks[at] = mine.locks[at + 1];
}

static inline void mine_remove(const struct lock *lock)
{
	uint32_t count = mine.count;

	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (LIKELY(count != 0 && mine.locks[count - 1] == lock))
		mine.count = count - 1;
	else
		mine_remove_slow(lock);
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
	mine_remove(lock);
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
	mine_add(lock);
	if (UNLIKELY(!state_change(lock, LOCK_FREE, LOCK_HELD)))
		lock_acquire_slow(lock);
}

bool lock_try(struct lock *lock) UNCHECKED_LOCKING
{
	mine_add(lock);
	if (state_change(lock, LOCK_FREE, LOCK_HELD))
		return true;
	mine_remove(lock);
	return false;
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
	if (__atomic_exchange_n(&lock->state, LOCK_FREE, __ATOMIC_RELEASE) == LOCK_CONTENDED)
		os_futex_wake(&lock->state, 1);
	mine_remove(lock);
}

bool lock_is_any_mine(void)
{
	return *(volatile uint32_t *)&mine.count != 0;
}

void lock_release_mine(void) UNCHECKED_LOCKING
{
	while (mine.count != 0)
		lock_release(mine.locks[mine.count - 1]);
}
