#include "tests/coro/run.h"

#include <errno.h>

#include "base/config.h"
#include "tests/suite.h"

struct stack stack_surely(size_t bytes)
{
	struct stack stack;

	while (!stack_alloc(&stack, bytes))
		ck_assert(CONFIG_TORTURE);
	return stack;
}

struct coro *create_surely(const struct coro_attr *attr, void (*fn)(void *), void *arg)
{
	struct coro *co;
	int error;

	while ((error = coro_create(&co, attr, fn, arg)) == ENOMEM && CONFIG_TORTURE)
		;
	ck_assert_int_eq(error, 0);
	return co;
}

void run_in_coro(void (*fn)(void *), void *arg)
{
	struct coro *co = create_surely(NULL, fn, arg);

	ck_assert_ptr_null(coro_resume(co, NULL));
	ck_assert_int_eq(coro_status(co), CORO_FINISHED);
	ck_assert_int_eq(coro_destroy(co), 0);
}
