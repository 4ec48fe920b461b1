/*
 * bench/heap.c - a heap of a shape and a size, which stays: for bench/leaks.
 *
 * usage: heap SHAPE MIB [small-pages]
 *
 *     buffers   of 4 KiB to 1 MiB, numbers in them
 *     tree      of nodes of 32 to 512 bytes, each with two children and another one
 *     chains    1,000 lists of nodes of 64 bytes, as a hash table's, in no order
 *     list      the same as one list: each node is known from the one before alone
 *
 * small-pages: the kernel makes no huge pages of it.  Says "ready" and waits for its input's end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench/common.h"

enum { NODE_BYTES = 64, CHAINS = 1000, ROOTS = 1 << 16 };

static void *roots[ROOTS];

static void *make(size_t bytes)
{
	void *object = calloc(1, bytes);

	if (object == NULL)
		abort();
	return object;
}

static void shuffle(void **list, size_t count, struct rng *rng)
{
	for (size_t i = count; i > 1; i--) {
		size_t other = rng_next(rng) % i;
		void *object = list[i - 1];
		list[i - 1] = list[other];
		list[other] = object;
	}
}

static void make_buffers(size_t bytes, struct rng *rng)
{
	for (size_t i = 0, total = 0; total < bytes && i < ROOTS; i++) {
		size_t count = rng_between(rng, 512, 131072);
		uint64_t *buffer = make(count * sizeof(*buffer));
		for (size_t j = 0; j < count; j++)
			buffer[j] = rng_next(rng);
		roots[i] = buffer;
		total += count * sizeof(*buffer);
	}
}

static void make_lists(size_t bytes, size_t lists, struct rng *rng)
{
	size_t count = bytes / NODE_BYTES;
	void **nodes = make(count * sizeof(*nodes));

	for (size_t i = 0; i < count; i++)
		nodes[i] = make(NODE_BYTES);
	shuffle(nodes, count, rng);
	for (size_t i = 0; i < count; i++)
		*(void **)nodes[i] = i + lists < count ? nodes[i + lists] : NULL;
	memcpy(roots, nodes, lists * sizeof(*nodes));
	free(nodes);
}

static void make_tree(size_t bytes, struct rng *rng)
{
	void ***nodes = make(bytes / 32 * sizeof(*nodes));
	size_t count = 0;

	for (size_t total = 0; total < bytes; count++) {
		size_t node_bytes = rng_between(rng, 32, 512);
		nodes[count] = make(node_bytes);
		total += node_bytes;
	}
	for (size_t i = 0; i < count; i++) {
		nodes[i][0] = 2 * i + 1 < count ? nodes[2 * i + 1] : NULL;
		nodes[i][1] = 2 * i + 2 < count ? nodes[2 * i + 2] : NULL;
		nodes[i][2] = nodes[rng_next(rng) % count];
	}
	roots[0] = nodes[0];
	free(nodes);
}

int main(int argc, char **argv)
{
	struct rng rng = rng_stream(1);
	size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 10) << 20 : 0;

	if (bytes == 0)
		return 2;
	if (argc > 3)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (strcmp(argv[1], "buffers") == 0)
		make_buffers(bytes, &rng);
	else if (strcmp(argv[1], "tree") == 0)
		make_tree(bytes, &rng);
	else
		make_lists(bytes, strcmp(argv[1], "list") == 0 ? 1 : CHAINS, &rng);
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
