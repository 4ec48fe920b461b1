/*
 * barriers.c - a program that comes to stop_here() below barriers, in one place after the
 * other: barriers.sh compares what unwinders and gdb see there.
 *
 * It is C and C++.  Each coroutine yields once, deep down, and has barriers when it goes
 * on: at every frame, or spaced.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/mstat_coro.h"
#include "tests/coro/seen.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Room between spaced barriers. */
enum { FRAME_BYTES = 3000 };

/* A cleanup attribute is run by exceptions and by panics, a destructor in C. */
#define LEFT_NOTED __attribute__((unused, cleanup(left)))

/* ---- down to where it yields, and on ---------------------------------------------------- */

NAMED void inner(void (*bottom)(void));
NAMED void middle(void (*bottom)(void));
NAMED void outer(void (*bottom)(void));

/* Frames of some size, none of which may be left out, nor shared with what it calls. */
static inline void use(char *room)
{
	__asm__ volatile("" : : "r"(room) : "memory");
}

void inner(void (*bottom)(void))
{
	coro_yield(NULL);
	bottom();
	still_here();
}

void middle(void (*bottom)(void))
{
	char room[FRAME_BYTES];

	use(room);
	inner(bottom);
	still_here();
}

void outer(void (*bottom)(void))
{
	char room[FRAME_BYTES];

	use(room);
	middle(bottom);
	still_here();
}

/* ---- places -------------------------------------------------------------------------------- */

NAMED void in_inner(void *nothing);
NAMED void nothing_more(void);
NAMED void after_one(void);
NAMED void above_one(void);
NAMED void after_hit(void *nothing);
NAMED void handler(int number);
NAMED void raises(void);
NAMED void in_handler(void *nothing);
NAMED void *called_back(void *nothing);
NAMED void *foreign_inner(void *nothing);
NAMED void *foreign_outer(void *nothing);
NAMED void calls_out(void);
NAMED void in_callback(void *nothing);
NAMED void deferred(void *nothing);
NAMED void panics(void);
NAMED void in_panic(void *nothing);
NAMED void recovers(void *nothing);
NAMED void lexical(void *nothing);
NAMED void passed_by(void);
NAMED void in_passed(void *nothing);
NAMED void leaves(void);
NAMED void at_scope(void *nothing);
NAMED void jumps(void);
NAMED void again(void);
NAMED void after_jump(void *nothing);

void in_inner(void *nothing)
{
	(void)nothing;
	outer(stop_here);
	still_here();
}

/* Its barrier was hit, those above were not. */
void nothing_more(void)
{
}

void after_one(void)
{
	inner(nothing_more);
	stop_here();
	still_here();
}

void above_one(void)
{
	char room[FRAME_BYTES];

	use(room);
	after_one();
	still_here();
}

void after_hit(void *nothing)
{
	(void)nothing;
	above_one();
	still_here();
}

void handler(int number)
{
	(void)number;
	stop_here();
	still_here();
}

void raises(void)
{
	raise(SIGUSR1);
	still_here();
}

void in_handler(void *nothing)
{
	(void)nothing;
	signal(SIGUSR1, handler);
	outer(raises);
	still_here();
}

/* To and fro between both stacks. */
void *called_back(void *nothing)
{
	stop_here();
	still_here();
	return nothing;
}

void *foreign_inner(void *nothing)
{
	void *value = coro_callback(called_back, nothing);

	still_here();
	return value;
}

void *foreign_outer(void *nothing)
{
	void *value = foreign_inner(nothing);

	still_here();
	return value;
}

void calls_out(void)
{
	coro_foreign(foreign_outer, NULL);
	still_here();
}

void in_callback(void *nothing)
{
	(void)nothing;
	outer(calls_out);
	still_here();
}

/* A panic's calls are made while all frames are there. */
void deferred(void *nothing)
{
	(void)nothing;
	stop_here();
	coro_recover();
}

void panics(void)
{
	coro_panic(NULL);
}

void in_panic(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	if (coro_defer(deferred, NULL, 0) == 0)
		outer(panics);
}

/* Of the scope that is left. */
void lexical(void *nothing)
{
	(void)nothing;
	stop_here();
	still_here();
}

void leaves(void)
{
	CORO_DEFER(lexical, NULL);
	still_here();
}

void at_scope(void *nothing)
{
	(void)nothing;
	outer(leaves);
	still_here();
}

void recovers(void *nothing)
{
	(void)nothing;
	coro_recover();
}

void passed_by(void)
{
	CORO_DEFER(lexical, NULL);
	outer(panics);
}

/* Where panics unwind the frames below are gone, else they are still there. */
void in_passed(void *nothing)
{
	CORO_FRAME;

	(void)nothing;
	if (coro_defer(recovers, NULL, 0) == 0)
		passed_by();
}

static jmp_buf out;

void jumps(void)
{
	longjmp(out, 1);
}

/* Other frames have come to where barriers were left behind. */
void again(void)
{
	char room[FRAME_BYTES];

	use(room);
	stop_here();
	still_here();
}

void after_jump(void *nothing)
{
	(void)nothing;
	if (setjmp(out) == 0)
		outer(jumps);
	again();
	still_here();
}

#ifdef __cplusplus
NAMED void left(int *of);
NAMED void throws(void);
NAMED void throws_past(void);
NAMED void in_landing(void *nothing);
NAMED void in_catch(void *nothing);
NAMED void catches(void);
NAMED void below_catch(void *nothing);

/* Frames below are gone. */
void left(int *of)
{
	(void)of;
	stop_here();
	still_here();
}

void throws(void)
{
	throw 1;
}

void throws_past(void)
{
	int here LEFT_NOTED = 0;

	outer(throws);
	still_here();
}

void in_landing(void *nothing)
{
	(void)nothing;
	try {
		throws_past();
	} catch (int) {
		still_here();
	}
}

void in_catch(void *nothing)
{
	(void)nothing;
	try {
		outer(throws);
	} catch (int) {
		stop_here();
	}
	still_here();
}

/* No barrier is passed yet. */
void catches(void)
{
	try {
		throws();
	} catch (int) {
		stop_here();
	}
	still_here();
}

void below_catch(void *nothing)
{
	(void)nothing;
	outer(catches);
	still_here();
}
#endif

static const struct {
	const char *name;
	void (*fn)(void *);
} places[] = {
	{"inner", in_inner}, {"hit", after_hit}, {"handler", in_handler}, {"callback", in_callback},
	{"panic", in_panic}, {"scope", at_scope}, {"passed", in_passed}, {"jump", after_jump},
#ifdef __cplusplus
	{"landing", in_landing}, {"catch", in_catch}, {"below", below_catch},
#endif
};

/* ---- how it comes there --------------------------------------------------------------------- */

static void expect(int holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "%s\n", what);
		exit(EXIT_FAILURE);
	}
}

static void note_hi(const void *lo, const void *hi, void *noted)
{
	(void)lo;
	*(const void **)noted = hi;
}

/* A rescan ends below where it did. */
static void install(struct coro *co)
{
	const void *without = NULL, *with = NULL;

	expect(coro_rescan(co, note_hi, &without) == 0, "it can be looked at");
	expect(coro_barriers_install(co) == 0, "barriers can be installed");
	expect(coro_rescan(co, note_hi, &with) == 0, "it can be looked at again");
	expect((const char *)with < (const char *)without, "there is a barrier");
}

static enum coro_barriers mode = CORO_BARRIERS_ALL;
static int is_moved;

static void place_run(void (*fn)(void *))
{
	struct coro_attr attr = {0, NULL, is_moved, 0};
	struct coro *co;

	expect(coro_create(&co, &attr, fn, NULL) == 0, "a coroutine can be made");
	coro_resume(co, NULL);
	install(co);
	expect(!is_moved || coro_copystack(co, 128 << 10) == 0, "it can be moved");
	coro_resume(co, NULL);
	expect(coro_status(co) == CORO_FINISHED, "it runs to its end");
	coro_destroy(co);
}

/* All of them, unless one is named.  What setjmp() noted does not move along. */
static void *places_run(void *name)
{
	coro_barriers_set(mode);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (name == NULL ? !is_moved || places[i].fn != after_jump
				 : strcmp(places[i].name, (const char *)name) == 0) {
			printf("place: %s\n", places[i].name);
			fflush(stdout);
			place_run(places[i].fn);
		}
	return NULL;
}

/* [spaced | moved | thread | PLACE]... */
int main(int count, char **arguments)
{
	char *name = NULL;
	int is_on_thread = 0;
	pthread_t thread;

	for (int i = 1; i < count; i++) {
		if (strcmp(arguments[i], "spaced") == 0)
			mode = CORO_BARRIERS_SPACED;
		else if (strcmp(arguments[i], "moved") == 0)
			is_moved = 1;
		else if (strcmp(arguments[i], "thread") == 0)
			is_on_thread = 1;
		else
			name = arguments[i];
	}
	if (!is_on_thread) {
		places_run(name);
		return 0;
	}
	expect(pthread_create(&thread, NULL, places_run, name) == 0, "there is a thread");
	pthread_join(thread, NULL);
	return 0;
}

#ifdef __cplusplus
}
#endif
