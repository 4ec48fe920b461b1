/*
 * coro/lexical.c - CORO_DEFER() by a record, where no unwinder would run it.
 *
 * WHY        Code that is not compiled for exceptions is left by a panic's jump without
 *            further ado; and in a function that recovers itself some scopes are left by
 *            that jump and others not.  There a lexical call is a deferred call like
 *            another, but that its record is in its scope, and taken off at its end.
 *
 * INVARIANT  The record is on the coroutine's list as long as its fn is not NULL.  Those
 *            that the same function deferred dynamically since are above it, until the
 *            function's end.
 */
#include <string.h>

#include "base/compiler.h"
#include "base/fatal.h"
#include "coro/defer.h"
#include "coro/thread.h"
#include "include/mstat_coro.h"

struct lexical {
	void (*fn)(void *);
	void *arg;
	struct defer *record;
};

_Static_assert(sizeof(struct coro_record) == sizeof(struct defer) + sizeof(struct lexical),
	"as mstat_coro.h has it");

/* By a panic, an exit, or the end of a frame above that was not told. */
static void lexical_make(void *args)
{
	const struct lexical *lexical = args;

	lexical->record->fn = NULL;
	lexical->fn(lexical->arg);
}

EXPORT void coro_record_push(struct coro_record *record, void (*fn)(void *), void *arg)
{
	const struct thread *thread = thread_self();
	struct defer *defer = (struct defer *)record;
	struct lexical lexical = {fn, arg, defer};

	if (UNLIKELY(fn == NULL))
		fatal("deferred call of nil");
	if (UNLIKELY(thread->is_foreign))
		fatal("deferred call in foreign code");
	defer_push_special(thread_current(thread), defer, lexical_make);
	defer->bytes = sizeof(lexical);
	memcpy(defer->args, &lexical, sizeof(lexical));
}

EXPORT int coro_record_take(struct coro_record *record)
{
	struct defer *defer = (struct defer *)record;

	if (UNLIKELY(defer->fn == NULL))
		return 0;
	struct defer **link = &thread_current(thread_self())->defers;
	while (UNLIKELY(*link != defer)) {
		if (*link == NULL)
			fatal("deferred call lost");
		link = &(*link)->next;
	}
	*link = defer->next;
	defer->fn = NULL;
	return 1;
}
