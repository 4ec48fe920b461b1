/*
 * check_reach.c - profile/reach.c and profile/mark.c: what is lost, of random objects.
 *
 * Proves, against an independent search of the same graph: what is reached from a root is never
 * told as lost; by pointers to first bytes alone it is not told as possibly lost either; in each
 * ring of lost objects that nothing else leads to one object is lost definitely, and in others none;
 * each that is lost indirectly is counted behind one that is definitely.
 *
 * What a register or a stack happens to hold is kept by it, so most graphs, not all, must come to
 * exactly what the search did; none may tell more.
 */
#include "profile/reach.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "profile/mark.h"
#include "profile/roots.h"
#include "profile/world.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tests/tinyalloc/hinted.h"

enum { OBJECTS = 300, EDGES = 3, ROOTS = 12, GRAPHS = 30, MOST = 20 };

/* The worse the larger. */
enum { KEPT, POSSIBLE, LOST };

/* Nothing else of this program's data is looked at: the library's tables are in it. */
static volatile uintptr_t *roots;
extern char __executable_start, _end;

/* In memory that both processes have, and which is not looked at for pointers. */
struct graph {
	uintptr_t objects[OBJECTS];
	uint32_t bytes[OBJECTS];
	int to[OBJECTS][EDGES];      /* -1: nowhere */
	bool is_inner[OBJECTS][EDGES];
	int root_to[ROOTS];
	bool root_is_inner[ROOTS];
	int expected[OBJECTS];       /* KEPT, POSSIBLE, LOST */
	int found[OBJECTS];
	bool is_definite[OBJECTS];
	uint64_t behind_objects, behind_bytes;
	bool is_done;
};

static struct graph *graph;
static uint32_t random_to(uint32_t bound)
{
	return (uint32_t)random_below(bound);
}

static uint32_t random_bytes(void)
{
	uint32_t kind = random_to(20);

	return kind == 0 ? 40000 + random_to(400000) : kind < 4 ? 1000 + random_to(20000) : 64 + random_to(500);
}

/* A pointer to an object's first byte, or to another one that no rule takes for as good. */
static uintptr_t pointer_to(int object, bool is_inner)
{
	return graph->objects[object] + (is_inner ? 24 + random_to(graph->bytes[object] - 24) : 0);
}

static NOINLINE void build(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		graph->bytes[i] = random_bytes();
		void *object = alloc_surely(graph->bytes[i]);
		/* What others left behind the bytes that were asked for is looked at, too. */
		memset(object, 0, heap_usable_bytes(object, NULL));
		graph->objects[i] = (uintptr_t)object;
	}
	for (int i = 0; i < OBJECTS; i++)
		for (int edge = 0; edge < EDGES; edge++) {
			bool is_there = random_to(4) == 0;
			int to = (int)random_to(OBJECTS);
			graph->to[i][edge] = is_there ? to : -1;
			graph->is_inner[i][edge] = random_to(5) == 0;
			if (is_there) /* anywhere in it */
				((uintptr_t *)graph->objects[i])[random_to(graph->bytes[i] / 8 / EDGES) * EDGES +
					(uint32_t)edge] = pointer_to(to, graph->is_inner[i][edge]);
		}
	for (int i = 0; i < ROOTS; i++) {
		graph->root_to[i] = (int)random_to(OBJECTS);
		graph->root_is_inner[i] = random_to(4) == 0;
		roots[i] = pointer_to(graph->root_to[i], graph->root_is_inner[i]);
	}
}

/* Until nothing changes: what is at least as well known as what leads to it. */
static void expect(void)
{
	for (int i = 0; i < OBJECTS; i++)
		graph->expected[i] = LOST;
	for (int i = 0; i < ROOTS; i++) {
		int *grade = &graph->expected[graph->root_to[i]], by = graph->root_is_inner[i] ? POSSIBLE : KEPT;
		*grade = by < *grade ? by : *grade;
	}
	for (bool has_changed = true; has_changed;) {
		has_changed = false;
		for (int i = 0; i < OBJECTS; i++)
			for (int edge = 0; edge < EDGES && graph->expected[i] != LOST; edge++) {
				int to = graph->to[i][edge], by = graph->expected[i];
				by = by == KEPT && graph->is_inner[i][edge] ? POSSIBLE : by;
				if (to >= 0 && by < graph->expected[to]) {
					graph->expected[to] = by;
					has_changed = true;
				}
			}
	}
}

static void note(const struct reach_lost *lost, void *arg)
{
	(void)arg;
	for (int i = 0; i < OBJECTS; i++) {
		if (graph->objects[i] != (uintptr_t)lost->object)
			continue;
		graph->found[i] = lost->grade == REACH_POSSIBLE ? POSSIBLE : LOST;
		graph->is_definite[i] = lost->grade == REACH_DEFINITE;
		graph->behind_objects += lost->behind_objects;
		graph->behind_bytes += lost->behind_bytes;
	}
}

static void nothing(void *arg)
{
	(void)arg;
}

static void search(void *arg)
{
	(void)arg;
	graph->is_done = reach_leaks(note, NULL);
}

static void search_surely(void)
{
	struct world_job job = {.when_still = nothing, .in_copy = search};
	pid_t copy;

	for (graph->is_done = false; !graph->is_done;) {
		memset(graph->found, 0, sizeof(graph->found));
		graph->behind_objects = graph->behind_bytes = 0;
		stack_clear();
		ck_assert_int_eq(world_copy(&job, &copy), 0);
		ck_assert(world_wait(copy));
		ck_assert(graph->is_done || is_excused());
		if (!graph->is_done)
			refusal_pass();
	}
}

/* Whether one object leads to another by those that were found to be lost. */
static void lead_from(int object, bool *reached)
{
	for (int edge = 0; edge < EDGES; edge++) {
		int to = graph->to[object][edge];
		if (to < 0 || graph->found[to] != LOST || reached[to])
			continue;
		reached[to] = true;
		lead_from(to, reached);
	}
}

/* Of each definite one: all that leads to it is led to by it. */
static void definite_audit(void)
{
	static bool leads[OBJECTS][OBJECTS];
	uint64_t indirect = 0, bytes = 0;

	memset(leads, 0, sizeof(leads));
	for (int i = 0; i < OBJECTS; i++)
		if (graph->found[i] == LOST)
			lead_from(i, leads[i]);
	for (int i = 0; i < OBJECTS; i++) {
		bool has_definite = false;
		if (graph->found[i] != LOST)
			continue;
		indirect += !graph->is_definite[i];
		for (int other = 0; other < OBJECTS; other++) {
			bool is_above = other != i && graph->found[other] == LOST && leads[other][i];
			has_definite |= is_above && graph->is_definite[other];
			if (graph->is_definite[i] && is_above) {
				ck_assert_msg(leads[i][other], "%d is led to by %d", i, other);
				ck_assert_msg(!graph->is_definite[other], "%d and %d are one ring", i, other);
			}
		}
		ck_assert_msg(graph->is_definite[i] || has_definite, "%d is behind nothing", i);
		const struct span *span = span_containing((const void *)graph->objects[i]);
		bytes += graph->is_definite[i] ? 0 : mark_object_bytes(span);
	}
	ck_assert_uint_eq(graph->behind_objects, indirect);
	ck_assert_uint_eq(graph->behind_bytes, bytes);
}

static void forget(void)
{
	for (int i = 0; i < OBJECTS; i++)
		heap_free((void *)graph->objects[i]);
}

/* Whether all is as the search says; nothing is told that is not so. */
static bool graph_try(void)
{
	bool is_same = true;

	build();
	expect();
	search_surely();
	for (int i = 0; i < OBJECTS; i++) {
		ck_assert_msg(graph->found[i] <= graph->expected[i], "object %d is %d, told %d", i,
			graph->expected[i], graph->found[i]);
		is_same &= graph->found[i] == graph->expected[i];
	}
	definite_audit();
	forget();
	return is_same;
}

START_TEST(test_random_objects)
{
	int same = 0;

	graph = mmap(NULL, bits_round_up(sizeof(*graph), 65536), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(graph != MAP_FAILED);
	roots = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(roots != MAP_FAILED);
	roots_exclude((uintptr_t)&__executable_start, (uintptr_t)&_end);
	for (int i = 0; i < GRAPHS; i++)
		same += graph_try();
	ck_assert_int_ge(same, MOST);
}
END_TEST

static void begin(void)
{
	hinted_begin();
	world_init(SIGRTMIN + 5, sigaction);
}

int main(void)
{
	TCase *tests = suite_begin("profile/reach", begin, world_end);

	tcase_add_test(tests, test_random_objects);
	return suite_end();
}
