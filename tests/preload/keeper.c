/*
 * keeper.c - a program that keeps few objects of many, and waits.
 *
 * usage: keeper BYTES COUNT EVERY [DENSE]    COUNT objects of so many bytes, of which each EVERYth is
 *        kept; then DENSE more, all of which are
 *
 * WHY        fragments.sh compares what it says of its heap with what mstat says.  Who keeps is
 *            keep_one(), who does not drop_one(), and who has the dense ones have_one().
 *
 * It says "ready" and how many bytes are free in the pages that those which were kept are in.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static __attribute__((noinline)) void *keep_one(size_t bytes)
{
	char *object = malloc(bytes);

	memset(object, 'k', bytes);
	return object;
}

static __attribute__((noinline)) void *drop_one(size_t bytes)
{
	char *object = malloc(bytes);

	memset(object, 'd', bytes);
	return object;
}

static __attribute__((noinline)) void *have_one(size_t bytes)
{
	char *object = malloc(bytes);

	memset(object, 'h', bytes);
	return object;
}

enum { PAGE = 4096 };

/* What of a page live objects take, and whether one of these was kept of many. */
struct part {
	uintptr_t page;
	uint32_t bytes;
	uint32_t is_kept;
};

static struct part *parts;
static size_t part_count;

static void part_add(uintptr_t from, uintptr_t to, bool is_kept)
{
	while (from < to) {
		uintptr_t end = (from / PAGE + 1) * PAGE < to ? (from / PAGE + 1) * PAGE : to;
		parts[part_count++] = (struct part){from / PAGE, (uint32_t)(end - from), is_kept};
		from = end;
	}
}

static int by_page(const void *a, const void *b)
{
	const struct part *left = a, *right = b;

	return (left->page > right->page) - (left->page < right->page);
}

/* The free bytes of all pages that one which was kept is in. */
static size_t pinned_bytes(void)
{
	size_t sum = 0;

	qsort(parts, part_count, sizeof(*parts), by_page);
	for (size_t i = 0, next; i < part_count; i = next) {
		size_t live = 0;
		bool is_pinned = false;
		for (next = i; next < part_count && parts[next].page == parts[i].page; next++) {
			live += parts[next].bytes;
			is_pinned |= parts[next].is_kept;
		}
		sum += is_pinned ? PAGE - live : 0;
	}
	return sum;
}

int main(int argc, char **argv)
{
	size_t bytes = argc > 1 ? strtoul(argv[1], NULL, 0) : 100;
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000000;
	size_t every = argc > 3 ? strtoul(argv[3], NULL, 0) : 50;
	size_t dense = argc > 4 ? strtoul(argv[4], NULL, 0) : 0;
	void **objects = mmap(NULL, (count + dense) * sizeof(*objects), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	parts = mmap(NULL, (count / every + dense + 1) * (bytes / PAGE + 2) * sizeof(*parts),
		PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (objects == MAP_FAILED || parts == MAP_FAILED)
		return 1;

	for (size_t i = 0; i < count; i++)
		objects[i] = i % every == 0 ? keep_one(bytes) : drop_one(bytes);
	for (size_t i = 0; i < dense; i++)
		objects[count + i] = have_one(bytes);
	for (size_t i = 0; i < count + dense; i++)
		if (i < count && i % every != 0)
			free(objects[i]);
		else
			part_add((uintptr_t)objects[i], (uintptr_t)objects[i] + bytes, i < count);
	printf("ready %zu\n", pinned_bytes());
	fflush(stdout);
	while (getchar() != EOF)
		free(malloc(10));
	return 0;
}
