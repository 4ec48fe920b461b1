/*
 * tests/coro/run.h - a coroutine, or a stack, for a test that is about
 * something else.
 */
#ifndef TESTS_CORO_RUN_H
#define TESTS_CORO_RUN_H

#include "coro/stack.h"
#include "include/mstat_coro.h"

/* Ask until they get one. */
struct stack stack_surely(size_t bytes);
struct coro *create_surely(const struct coro_attr *attr, void (*fn)(void *), void *arg);

/* fn(arg) in a coroutine, to its end. */
void run_in_coro(void (*fn)(void *), void *arg);

#endif
