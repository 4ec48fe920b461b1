/*
 * grower.c - a plugin whose function, GROWER, allocates; two are made of it, of which one is
 * unloaded before the other is loaded, and may stand where it stood.
 */
#include <stdlib.h>

#include "base/compiler.h"

void *plugin_keep(size_t bytes);

static NOINLINE void *GROWER(size_t bytes)
{
	void *object = malloc(bytes);

	__asm__ volatile("" ::: "memory"); /* no tail call */
	return object;
}

void *plugin_keep(size_t bytes)
{
	void *object = GROWER(bytes);

	__asm__ volatile("" ::: "memory");
	return object;
}
