/*
 * usable.c - all bytes of malloc_usable_size(), in a program compiled with
 * -D_FORTIFY_SOURCE=3, whose memset() is told the size that the compiler knows of an
 * object and ends the program beyond it.
 *
 * Proves: of every size and entry point all of it may be written, and is no neighbour's;
 * realloc() to the usable size, by which a program tells the compiler that it will, stays
 * where it stands.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/preload/tap.h"

enum { SIZES = 4000, WAYS = 7 };

static unsigned char *objects[SIZES];
static volatile size_t one = 1;

static size_t size_at(size_t i)
{
	return i < 2100 ? i : 2100 + (i - 2100) * (i - 2100) / 3;
}

/* The compiler knows of each what it returns. */
static unsigned char *allocate(int way, size_t bytes)
{
	void *out = NULL;

	switch (way) {
	case 0:
		return malloc(bytes);
	case 1:
		return calloc(one, bytes);
	case 2:
		return realloc(malloc(one), bytes + one);
	case 3:
		return reallocarray(NULL, bytes, one);
	case 4:
		return memalign(64, bytes);
	case 5:
		return posix_memalign(&out, 4096, bytes) == 0 ? out : NULL;
	default:
		return pvalloc(bytes);
	}
}

static void test_way(int way)
{
	bool stays = true, is_apart = true;

	for (size_t i = 0; i < SIZES; i += way < 4 ? 1 : 17) {
		unsigned char *object = allocate(way, size_at(i));
		size_t usable = malloc_usable_size(object);
		unsigned char *same = realloc(object, usable); /* 0 of no object */
		stays = stays && same == object && usable >= size_at(i);
		memset(same, (int)(i % 251), usable);
		objects[i] = same;
	}
	for (size_t i = 0; i < SIZES; i += way < 4 ? 1 : 17) {
		const unsigned char *object = objects[i];
		size_t usable = malloc_usable_size(objects[i]);
		is_apart = is_apart && object[0] == i % 251 &&
			memcmp(object, object + 1, usable - 1) == 0;
		free(objects[i]);
	}
	tap_ok(is_apart, "way %d: all usable bytes are an object's own", way);
	tap_ok(stays, "way %d: realloc to the usable size stays where it stands", way);
}

int main(void)
{
	tap_begin();
	for (int way = 0; way < WAYS; way++)
		test_way(way);
	return tap_done();
}
