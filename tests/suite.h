/*
 * tests/suite.h - what makes a unit suite a program, and numbers by chance that
 * can be had again.
 *
 * WHY        Check runs each test in a process of its own, so that each finds a
 *            heap that nobody has used.  Its seed is printed: a random test that
 *            failed is run again with MSTAT_SEED=N.
 */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

/* The sanitizers' own tables are terabytes of address space that may be written. */
#if defined(__SANITIZE_ADDRESS__)
enum { SUITE_IS_SANITIZED = 1 };
#else
enum { SUITE_IS_SANITIZED = 0 };
#endif

/* ThreadSanitizer: a coroutine is a thread to it, of which it knows 8,128; and it handles
   signals when it likes. */
#if defined(__SANITIZE_THREAD__)
enum { SUITE_IS_THREAD_SANITIZED = 1 };
#else
enum { SUITE_IS_THREAD_SANITIZED = 0 };
#endif

/* Begins the program's only suite; the fixtures run around each test and may
   be NULL.  More cases, with other fixtures, by suite_case(). */
TCase *suite_begin(const char *name, void (*setup)(void), void (*teardown)(void));
TCase *suite_case(const char *name, void (*setup)(void), void (*teardown)(void));

/* Runs it.  main()'s result. */
int suite_end(void);

/* How fn(arg) ended in a child, and what it wrote to stdout and stderr. */
struct ending {
	int status; /* as waitpid() has it */
	char text[2048];
};

struct ending ending_of(void (*fn)(void *arg), void *arg);

/* It must end by abort(), and have said this. */
void dies_saying(void (*fn)(void *arg), void *arg, const char *sentence);

/* The next number of this process's sequence. */
uint64_t random_number(void);
size_t random_below(size_t bound);

/* 1 to `most`, each power of two as likely as the next. */
size_t random_size(size_t most);

/* Starts this thread's own sequence, the same for the same seed and index. */
void random_start(uint64_t index);

#endif
