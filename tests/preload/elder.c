/*
 * elder.c - a library whose constructor runs before libmstat's and whose destructor
 * after it, and whose fork handlers allocate, as the destructor does.  It says in each
 * child that they came so far.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { OBJECTS = 600 }; /* more than the magazines hold */

static void *kept[OBJECTS];

static void allocate(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		free(kept[i]);
		kept[i] = malloc(100 + 100 * (size_t)i);
	}
}

static void in_child(void)
{
	allocate();
	if (write(STDOUT_FILENO, "elder\n", 6) != 6)
		_exit(1);
}

__attribute__((constructor)) static void constructor(void)
{
	pthread_atfork(allocate, allocate, in_child);
}

__attribute__((destructor)) static void destructor(void)
{
	allocate();
}
