#include "coro/sanitizer.h"

#include <pthread.h>
#include <stdint.h>

/* As sanitizer/asan_interface.h, lsan_interface.h and tsan_interface.h declare them. */
#pragma weak __sanitizer_start_switch_fiber
#pragma weak __sanitizer_finish_switch_fiber
#pragma weak __asan_unpoison_memory_region
#pragma weak __asan_handle_no_return
#pragma weak __lsan_register_root_region
#pragma weak __lsan_unregister_root_region
#pragma weak __tsan_get_current_fiber
#pragma weak __tsan_create_fiber
#pragma weak __tsan_switch_to_fiber
#pragma weak __tsan_destroy_fiber
void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom, size_t bytes);
void __sanitizer_finish_switch_fiber(void *fake_stack, const void **old_bottom, size_t *old_bytes);
void __asan_unpoison_memory_region(const volatile void *address, size_t bytes);
void __asan_handle_no_return(void);
void __lsan_register_root_region(const void *address, size_t bytes);
void __lsan_unregister_root_region(const void *address, size_t bytes);
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_destroy_fiber(void *fiber);

static bool has_addresses(void)
{
	return __sanitizer_start_switch_fiber != NULL && __sanitizer_finish_switch_fiber != NULL;
}

static bool has_threads(void)
{
	return __tsan_switch_to_fiber != NULL;
}

bool sanitizer_is_here(void)
{
	return has_addresses() || has_threads();
}

/* Both at once: what runs until the stack pointer is on the other one looks at neither.
   Where the thread's own stack is it says when that is left first. */
static void addresses_switch(struct thread *thread, struct coro *from, struct coro *to)
{
	bool is_to_root = to == &thread->root;
	const void *bottom;
	size_t bytes;

	__sanitizer_start_switch_fiber(coro_has_finished(from) ? NULL : &from->fake_stack,
		is_to_root ? thread->stack_bottom : to->stack.lo,
		is_to_root ? thread->stack_bytes : to->stack.bytes);
	__sanitizer_finish_switch_fiber(to->fake_stack, &bottom, &bytes);
	to->fake_stack = NULL;
	if (from == &thread->root) {
		thread->stack_bottom = bottom;
		thread->stack_bytes = bytes;
	}
}

static void threads_switch(const struct thread *thread, struct coro *from, struct coro *to)
{
	if (from == &thread->root)
		from->fiber = __tsan_get_current_fiber();
	if (to->fiber == NULL)
		to->fiber = __tsan_create_fiber(0);
	__tsan_switch_to_fiber(to->fiber, 0);
}

void sanitizer_switch_slow(struct thread *thread, struct coro *from, struct coro *to)
{
	if (has_addresses())
		addresses_switch(thread, from, to);
	if (has_threads())
		threads_switch(thread, from, to);
}

void sanitizer_frames_gone(const void *lo, const void *hi)
{
	if (__asan_unpoison_memory_region != NULL && lo < hi)
		__asan_unpoison_memory_region(lo, (uintptr_t)hi - (uintptr_t)lo);
}

void sanitizer_frames_leave(void)
{
	if (__asan_handle_no_return != NULL)
		__asan_handle_no_return();
}

/* Around what takes a lock of theirs, which a child of fork() would find taken. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void sanitizer_fork_begin(void)
{
	pthread_mutex_lock(&lock);
}

void sanitizer_fork_end(void)
{
	pthread_mutex_unlock(&lock);
}

static void region_tell(void (*tell)(const void *address, size_t bytes), const struct stack *stack)
{
	if (tell == NULL || stack->bytes == 0)
		return;
	pthread_mutex_lock(&lock);
	tell(stack->lo, stack->bytes);
	pthread_mutex_unlock(&lock);
}

void sanitizer_stack_begin(const struct stack *stack)
{
	region_tell(__lsan_register_root_region, stack);
}

void sanitizer_stack_end(const struct stack *stack)
{
	region_tell(__lsan_unregister_root_region, stack);
	sanitizer_frames_gone(stack->lo, stack->lo + stack->bytes);
}

void sanitizer_forget(struct coro *co)
{
	if (co->fiber != NULL)
		__tsan_destroy_fiber(co->fiber);
	co->fiber = NULL;
}

bool sanitizer_keeps_stacks(void)
{
	return has_addresses();
}
