/*
 * tests/coro/run.h - a coroutine for a test that is about something else.
 */
#ifndef TESTS_CORO_RUN_H
#define TESTS_CORO_RUN_H

#include "include/mstat_coro.h"

/* Asks until it gets one. */
struct coro *create_surely(const struct coro_attr *attr, void (*fn)(void *), void *arg);

/* fn(arg) in a coroutine, to its end. */
void run_in_coro(void (*fn)(void *), void *arg);

#endif
