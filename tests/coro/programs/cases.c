#include "tests/coro/programs/cases.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/emulator.h"

enum {
	REPEATS = 10000,
	SLOW_REPEATS_PART = 200,
	NOTED_BYTES = 256,
	SAID_BYTES = 2048,
	MOVED_BYTES = 128 << 10
};

static struct {
	const char *name;
	size_t number;
	char noted[NOTED_BYTES];
	size_t noted_count;
} now;

static _Noreturn void fail(const char *what, const char *got)
{
	printf("not ok %zu - %s\n#   %s\n", now.number, now.name, what);
	if (got != NULL)
		printf("#   but: %s\n", got);
	printf("1..%zu\n", now.number);
	fflush(stdout);
	_exit(EXIT_FAILURE);
}

void expect(bool holds, const char *what)
{
	if (!holds)
		fail(what, NULL);
}

void note(char letter)
{
	if (now.noted_count < NOTED_BYTES - 1)
		now.noted[now.noted_count++] = letter;
}

void note_deferred(void *letter)
{
	note(*(char *)letter);
}

void expect_noted(const char *text)
{
	now.noted[now.noted_count] = '\0';
	if (strcmp(now.noted, text) != 0)
		fail(text, now.noted);
	now.noted_count = 0;
}

void panic_with(int value)
{
	coro_panic((void *)(intptr_t)value);
}

void expect_value(const void *value, int expected)
{
	char wanted[32], got[32];

	if (value == (void *)(intptr_t)expected)
		return;
	snprintf(wanted, sizeof(wanted), "value %d", expected);
	snprintf(got, sizeof(got), "value %d", (int)(intptr_t)value);
	fail(wanted, got);
}

struct coro *coroutine_of(void (*fn)(void *), void *arg)
{
	struct coro *co;
	int error;

	while ((error = coro_create(&co, NULL, fn, arg)) == ENOMEM)
		;
	expect(error == 0, "a coroutine can be made");
	return co;
}

void in_coroutine(void (*fn)(void *), void *arg)
{
	struct coro *co = coroutine_of(fn, arg);

	coro_resume(co, NULL);
	expect(coro_status(co) == CORO_FINISHED, "it runs to its end");
	expect(coro_destroy(co) == 0, "it is destroyed");
}

/* ---- barriers ---------------------------------------------------------------------------- */

static void note_hi(const void *lo, const void *hi, void *noted)
{
	(void)lo;
	*(const char **)noted = hi;
}

/* A rescan ends below where it did. */
static void barriers_install(struct coro *co, bool is_deep)
{
	const char *without = NULL, *with = NULL;

	expect(coro_barriers_remove(co) == 0, "barriers can be removed");
	expect(coro_rescan(co, note_hi, &without) == 0, "its stack can be looked at");
	expect(coro_barriers_install(co) == 0, "barriers can be installed");
	expect(coro_rescan(co, note_hi, &with) == 0, "its stack can be looked at again");
	expect(with < without || !is_deep, "there is a barrier");
}

#if defined(__SANITIZE_ADDRESS__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

static void move(struct coro *co)
{
	int error;

	while ((error = coro_copystack(co, MOVED_BYTES)) == ENOMEM)
		;
	expect(error == (IS_SANITIZED ? EPERM : 0), "it can be moved, unless a sanitizer keeps it");
}

void in_coroutine_with_barriers(enum coro_barriers mode, const struct coro_attr *attr,
	void (*fn)(void *), void *arg)
{
	struct coro *co;
	int error, yield_count = 0;

	expect(coro_barriers_set(mode) == 0, "there is such a mode");
	while ((error = coro_create(&co, attr, fn, arg)) == ENOMEM)
		;
	expect(error == 0, "a coroutine can be made");
	while (coro_resume(co, NULL), coro_status(co) != CORO_FINISHED) {
		barriers_install(co, yield_count++ == 0);
		if (attr != NULL && attr->is_relocatable)
			move(co);
	}
	expect(yield_count > 0, "it has had barriers");
	expect(coro_destroy(co) == 0, "it is destroyed");
	coro_barriers_set(CORO_BARRIERS_SPACED);
}

/* ---- endings ----------------------------------------------------------------------------- */

/* What the child writes to stderr. */
static int child_run(void (*fn)(void), char *said)
{
	size_t used = 0;
	ssize_t got;
	int ends[2], status;

	fflush(stdout);
	expect(pipe(ends) == 0, "a pipe");
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + used, SAID_BYTES - 1 - used)) > 0)
		used += (size_t)got;
	close(ends[0]);
	said[used] = '\0';
	emulator_unsay(said);
	expect(waitpid(child, &status, 0) == child, "the child ends");
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void expect_ending(void (*fn)(void), int status, const char *text)
{
	char said[SAID_BYTES];
	int got = child_run(fn, said);

	if (strcmp(said, text) != 0)
		fail(text, said);
	if (got != status) {
		snprintf(said, sizeof(said), "status %d, not %d", got, status);
		fail(text, said);
	}
}

/* Fewer under an emulator, where what takes a second here takes a minute. */
static int repeats(enum cases_where where)
{
	const char *text = getenv("MSTAT_REPEATS");
	int most = text != NULL ? (int)strtol(text, NULL, 10) : REPEATS;

	return where == CASES_SLOW ? most / SLOW_REPEATS_PART + 1 : most;
}

static void run_once(void *arg)
{
	const struct cases_case *one = arg;

	now.noted_count = 0;
	one->run();
}

static void run_often(void *arg)
{
	const struct cases_case *one = arg;
	size_t before = mallinfo2().uordblks;
	int most = repeats(one->where);

	for (int i = 0; i < most; i++)
		run_once(arg);
	expect(mallinfo2().uordblks == before, "no memory is left behind");
}

/* An exit would end the loop: each in a coroutine of its own. */
static void run_often_alone(struct cases_case *one)
{
	size_t before = mallinfo2().uordblks;
	int most = repeats(one->where);

	for (int i = 0; i < most; i++)
		in_coroutine(run_once, one);
	expect(mallinfo2().uordblks == before, "no memory is left behind");
}

static void run(struct cases_case one)
{
	in_coroutine(run_once, &one); /* what is kept for the next is kept now */
	in_coroutine(run_once, &one);
	if (one.where == CASES_ANYWHERE || one.where == CASES_SLOW) {
		run_once(&one);
		in_coroutine(run_often, &one);
	}
	if (one.where != CASES_ONCE)
		run_often_alone(&one);
	printf("ok %zu - %s\n", now.number, now.name);
}

int cases_run(const struct cases_case *cases, size_t count)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* a case may end the process */
	for (size_t i = 0; i < count; i++) {
		now.name = cases[i].name;
		now.number = i + 1;
		run(cases[i]);
	}
	printf("1..%zu\n", count);
	return EXIT_SUCCESS;
}
