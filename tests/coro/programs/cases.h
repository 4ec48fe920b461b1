/*
 * cases.h - programs that test what deferred calls, panics and recovery do, by what a
 * program sees of them: mstat_coro.h and nothing of the library's inside.
 *
 * WHY        What they are about depends on how a compiler lays out and leaves frames, so
 *            that each must hold at every level of optimisation, of every compiler:
 *            ../levels.sh builds them again and again.  They speak TAP without Check, whose
 *            own macros would stand in the frames.
 *
 * HOW        A case is a function.  It is called on the thread's own stack, in a coroutine,
 *            and there ten thousand times more (or $MSTAT_REPEATS), which must leave no
 *            memory behind.  What happens in it is noted as a text, a letter a call, which
 *            the case compares.
 */
#ifndef TESTS_CORO_PROGRAMS_CASES_H
#define TESTS_CORO_PROGRAMS_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include "include/mstat_coro.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cases_where {
	CASES_ANYWHERE,
	CASES_SLOW,         /* so is this, and some dozen times are enough */
	CASES_IN_COROUTINE, /* it calls out, yields or exits */
	CASES_ONCE          /* and it makes children: not ten thousand times */
};

struct cases_case {
	const char *name;
	void (*run)(void);
	enum cases_where where;
};

/* All of them, one after the other.  main()'s result. */
int cases_run(const struct cases_case *cases, size_t count);

/* It holds, or the case has failed and the program ends. */
void expect(bool holds, const char *what);

/* The text of what was noted since the case began. */
void note(char letter);
void expect_noted(const char *text);

/* For coro_defer(note_deferred, "x", 1). */
void note_deferred(void *letter);

/* A panic's value is a number here, for it to be compared. */
void panic_with(int value) __attribute__((noreturn));
void expect_value(const void *value, int expected);

/* Nothing is merged with what follows the call, nor made a jump. */
static inline void still_here(void)
{
	__asm__ volatile("" ::: "memory");
}

/* A coroutine, asked for until there is one. */
struct coro *coroutine_of(void (*fn)(void *), void *arg);

/* A coroutine that was made to call it, to its end. */
void in_coroutine(void (*fn)(void *), void *arg);

/* The same; at each of its yields it gets barriers, and at the first there is room for
   some.  Its stack is then moved, if it may be. */
void in_coroutine_with_barriers(enum coro_barriers mode, const struct coro_attr *attr,
	void (*fn)(void *), void *arg);

/* fn() in a child must end it with this status, or minus this signal, and have said
   this, and nothing else, on stderr. */
void expect_ending(void (*fn)(void), int status, const char *text);

#ifdef __cplusplus
}
#endif

#endif
