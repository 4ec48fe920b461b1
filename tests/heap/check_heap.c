/*
 * check_heap.c - heap/heap.c, and with it all that stands below.
 *
 * Proves, by a random program against a model: objects keep their contents and
 * overlap nobody's; zeroed ones are zero and aligned ones aligned; any byte of an
 * object leads to it; the books equal an independent count, with one thread and
 * with several that free what others allocated.
 */
#include "heap/heap.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "heap/cache.h"
#include "heap/fastpath.h"
#include "heap/page_heap.h"
#include "heap/snapshot.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"

enum {
	OBJECTS = 400,
	STEPS = 30000,
	THREADS = 4,
	THREAD_STEPS = 20000,
	SHARED_OBJECTS = 64,
	LARGEST_BYTES = 3 << 20
};

struct object {
	char *ptr;
	size_t bytes;
	uint64_t tag;
};

/* One actor: its objects, its own count. */
struct actor {
	struct object objects[OBJECTS];
	struct tally tally;
	uint64_t next_tag;
};

static struct actor actors[THREADS];

static void object_check(const struct object *object, size_t kept)
{
	size_t good = filled(object->ptr, object->bytes, kept, object->tag);

	ck_assert_msg(good == kept, "byte %zu of %zu at %p was overwritten", good, object->bytes,
		(void *)object->ptr);
}

static void object_lead(const struct object *object)
{
	size_t usable = heap_usable_bytes(object->ptr, NULL), found_bytes;
	size_t at[3] = {0, usable - 1, random_below(usable)};
	void *base;

	ck_assert_uint_ge(usable, object->bytes);
	ck_assert_uint_eq((uintptr_t)object->ptr % 16, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert(heap_lookup(object->ptr + at[i], &base, &found_bytes));
		ck_assert_ptr_eq(base, object->ptr);
		ck_assert_uint_eq(found_bytes, usable);
	}
}

static void *alloc_somehow(size_t bytes)
{
	size_t align = (size_t)16 << random_below(random_below(8) == 0 ? 14 : 6);
	uint32_t family = random_below(2) == 0 ? SIZE_FAMILY_PLAIN : SIZE_FAMILY_NOSCAN;
	char *ptr;

	switch (random_below(4)) {
	case 0:
		ptr = heap_alloc_zeroed(bytes, family);
		ck_assert(ptr == NULL || is_zero(ptr, bytes));
		return ptr;
	case 1:
		ptr = heap_alloc_aligned(align, bytes, family);
		ck_assert_uint_eq((uintptr_t)ptr % align, 0);
		return ptr;
	default:
		return family == SIZE_FAMILY_PLAIN ? heap_alloc(bytes) : heap_alloc_noscan(bytes);
	}
}

static void refusal_check(void)
{
	ck_assert(is_excused());
	ck_assert_int_eq(errno, ENOMEM);
}

static void step_alloc(struct actor *actor, struct object *object, size_t largest)
{
	size_t bytes = random_below(8) == 0 ? random_size(largest) : random_size(2048) - 1;

	errno = 0;
	object->ptr = alloc_somehow(bytes);
	if (object->ptr == NULL) {
		refusal_check();
		return;
	}
	object->bytes = bytes;
	object->tag = actor->next_tag += 0x10000001;
	fill(object->ptr, bytes, object->tag);
	tally_alloc(&actor->tally, object->ptr);
}

static void step_free(struct actor *actor, struct object *object)
{
	object_check(object, object->bytes);
	tally_free(&actor->tally, object->ptr);
	errno = 4711;
	heap_free(object->ptr);
	ck_assert_int_eq(errno, 4711);
	object->ptr = NULL;
}

static void step_realloc(struct actor *actor, struct object *object, size_t largest)
{
	size_t bytes = random_below(4) == 0 ? random_size(largest)
					    : 1 + random_below(2 * object->bytes + 1);
	size_t usable = heap_usable_bytes(object->ptr, NULL);
	uint32_t class = tally_class(object->ptr);
	char *old = object->ptr;

	bytes = bytes < largest ? bytes : largest;
	errno = 0;
	char *ptr = heap_realloc(old, bytes, NULL);
	if (ptr == NULL) {
		refusal_check(); /* and the object is as it was */
		object_check(object, object->bytes);
		return;
	}
	object->ptr = ptr;
	object_check(object, object->bytes < bytes ? object->bytes : bytes);
	object->bytes = bytes;
	fill(ptr, bytes, object->tag);
	tally_realloc(&actor->tally, old, class, usable, ptr);
}

static void step(struct actor *actor, size_t largest)
{
	struct object *object = &actor->objects[random_below(OBJECTS)];
	size_t kind = random_below(8);

	if (object->ptr == NULL) {
		step_alloc(actor, object, largest);
	} else if (kind == 0) {
		object_check(object, object->bytes);
		object_lead(object);
	} else if (kind < 4) {
		step_realloc(actor, object, largest);
	} else {
		step_free(actor, object);
	}
}

static void free_all(struct actor *actor)
{
	for (int i = 0; i < OBJECTS; i++)
		if (actor->objects[i].ptr != NULL)
			step_free(actor, &actor->objects[i]);
}

static void books_compare(const struct tally *tally)
{
	struct mstat_snapshot snapshot;

	heap_snapshot(&snapshot);
	tally_compare(tally, &snapshot);
}

START_TEST(test_a_random_program_finds_its_objects_and_its_books_in_order)
{
	struct actor *actor = &actors[0];

	for (int i = 0; i < STEPS; i++) {
		step(actor, LARGEST_BYTES);
		if (i % 1000 == 0) {
			books_compare(&actor->tally);
			heap_audit();
		}
		if (i % 10000 == 5000)
			heap_trim(random_size(1 << 20));
	}
	books_compare(&actor->tally);
	free_all(actor);
	books_compare(&actor->tally);
}
END_TEST

/* Where threads meet: each puts one object in and takes another's out. */
static struct object *shared_slots[SHARED_OBJECTS];

static void step_exchange(struct actor *actor, struct object *object)
{
	struct object *mine = NULL;

	if (object->ptr != NULL) {
		mine = __builtin_malloc(sizeof(*mine));
		*mine = *object;
		object->ptr = NULL;
	}
	struct object *theirs = __atomic_exchange_n(&shared_slots[random_below(SHARED_OBJECTS)],
		mine, __ATOMIC_ACQ_REL);
	if (theirs != NULL) {
		step_free(actor, theirs);
		__builtin_free(theirs);
	}
}

static void *thread_run(void *argument)
{
	struct actor *actor = argument;

	random_start((uint64_t)(1 + actor - actors));
	actor->next_tag = random_number();
	for (int i = 0; i < THREAD_STEPS; i++) {
		if (random_below(4) == 0)
			step_exchange(actor, &actor->objects[random_below(OBJECTS)]);
		else
			step(actor, 256 << 10);
	}
	if (random_below(2) == 0)
		cache_detach(); /* what comes now goes by the shared cache */
	free_all(actor);
	cache_detach();
	return NULL;
}

START_TEST(test_threads_that_free_each_others_objects_keep_exact_books)
{
	pthread_t threads[THREADS];
	struct tally sum = {0};

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < THREADS; i++)
			ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_run, &actors[i]), 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		heap_audit();
	}
	for (int i = 0; i < SHARED_OBJECTS; i++)
		if (shared_slots[i] != NULL)
			step_free(&actors[0], shared_slots[i]);
	for (int i = 0; i < THREADS; i++)
		tally_add(&sum, &actors[i].tally);
	books_compare(&sum);
	ck_assert_int_eq(sum.alloc, 0);
}
END_TEST

START_TEST(test_every_byte_of_an_object_leads_to_it)      /* _i: every class in turn */
{
	size_t bytes = size_classes[_i].object_bytes;
	char *object = alloc_surely(bytes);
	void *base;

	for (size_t at = 0; at < bytes; at++)
		if (!heap_lookup(object + at, &base, NULL) || base != object)
			ck_abort_msg("byte %zu leads elsewhere", at);
	heap_free(object);
}
END_TEST

START_TEST(test_every_page_of_a_large_object_leads_to_it)
{
	size_t bytes = 40 * PAGE_BYTES, found;
	char *object = alloc_surely(bytes);
	void *base;

	for (size_t at = 0; at < bytes; at += PAGE_BYTES / 2) {
		ck_assert(heap_lookup(object + at, &base, &found));
		ck_assert_ptr_eq(base, object);
		ck_assert_uint_eq(found, bytes);
	}
	heap_free(object);
	ck_assert(!heap_lookup(object, &base, &found));
}
END_TEST

START_TEST(test_what_is_not_the_heaps_leads_nowhere)
{
	int here;

	attach_surely();
	ck_assert(!heap_lookup(&here, NULL, NULL));
	ck_assert(!heap_lookup(NULL, NULL, NULL));
	ck_assert(!heap_lookup((void *)UINTPTR_MAX, NULL, NULL));
	ck_assert_uint_eq(cache_self->nlookup, 3);
}
END_TEST

START_TEST(test_zero_bytes_are_an_object)
{
	char *a = alloc_surely(0), *b = zeroed_surely(0), *c = aligned_surely(64, 0);
	char *d = aligned_surely(2 * PAGE_BYTES, 0), *e = aligned_surely(2 * PAGE_BYTES, 0);

	ck_assert(a != b && a != c && b != c && d != e);
	ck_assert_uint_ge(heap_usable_bytes(a, NULL), 1);
	ck_assert_uint_ge(heap_usable_bytes(d, NULL), 1);
	heap_free(a);
	heap_free(b);
	heap_free(c);
	heap_free(d);
	heap_free(e);
}
END_TEST

START_TEST(test_every_alignment_up_to_a_gibibyte)         /* _i: log2 of it */
{
	size_t align = (size_t)1 << _i;
	static const size_t sizes[] = {1, 100, 4096, 8193, 32768, 32769, 1 << 20};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *object = aligned_surely(align, sizes[i]);
		ck_assert_uint_eq((uintptr_t)object % align, 0);
		ck_assert_uint_ge(heap_usable_bytes(object, NULL), sizes[i]);
		object[0] = object[sizes[i] - 1] = 1;
		heap_free(object);
	}
}
END_TEST

START_TEST(test_what_no_machine_has_is_refused)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - PAGE_BYTES, (size_t)PTRDIFF_MAX + 1,
		PTRDIFF_MAX, (size_t)1 << 50};
	char *object = alloc_surely(100);

	fill(object, 100, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		errno = 0;
		ck_assert_ptr_null(heap_alloc(sizes[i]));
		ck_assert_int_eq(errno, ENOMEM);
		ck_assert_ptr_null(heap_alloc_zeroed(sizes[i], SIZE_FAMILY_PLAIN));
		ck_assert_ptr_null(heap_alloc_aligned(4096, sizes[i], SIZE_FAMILY_PLAIN));
		ck_assert_ptr_null(heap_realloc(object, sizes[i], NULL));
	}
	ck_assert_ptr_null(heap_alloc_aligned((size_t)1 << 63, 1, SIZE_FAMILY_PLAIN));
	ck_assert_uint_eq(filled(object, 100, 100, 1), 100);
	heap_free(object);
}
END_TEST

START_TEST(test_each_refusal_is_counted_once)
{
	uint64_t before = page_heap.out_of_memory_count;

	ck_assert_ptr_null(heap_alloc(PTRDIFF_MAX));
	ck_assert_uint_eq(page_heap.out_of_memory_count, before + 1);
	ck_assert_ptr_null(heap_alloc((size_t)1 << 50));
	ck_assert_uint_eq(page_heap.out_of_memory_count, before + 2);
}
END_TEST

START_TEST(test_trimming_gives_back_all_that_is_free)
{
	void *objects[200];
	struct mstat_snapshot snapshot;

	attach_surely();
	for (int i = 0; i < 200; i++)
		objects[i] = alloc_surely(20000);
	for (int i = 0; i < 200; i++)
		heap_free(objects[i]);
	ck_assert(heap_trim(0));
	heap_snapshot(&snapshot);
	ck_assert_uint_eq(snapshot.heap_inuse, 0);
	ck_assert_uint_eq(snapshot.idle_kept_bytes, 0);
	ck_assert(!heap_trim(0));
}
END_TEST

/* Zeroed objects that have a span of their own: the first of fresh pages, which are
   not touched, then of what was freed, by way of a magazine, a pool or the page heap. */
START_TEST(test_what_was_used_is_zeroed_and_what_was_not_is_left_alone)
{
	size_t bytes = 200 << 10;
	char *object = zeroed_surely(bytes);

	ck_assert_uint_eq(heap_usable_bytes(object, NULL),
		size_classes[size_class_of(bytes)].object_bytes);
	ck_assert_uint_eq(resident_pages(object, bytes), 0);
	ck_assert(is_zero(object, bytes));
	for (int i = 0; i < 200; i++) {
		fill(object, bytes, (uint64_t)i);
		heap_free(object);
		if (i % 4 == 1)
			heap_reclaim(cache_self);
		if (i % 4 == 2)
			heap_trim(0);
		bytes = SHARED_MAX_BYTES + random_size(SMALL_MAX_BYTES - SHARED_MAX_BYTES);
		object = zeroed_surely(bytes);
		if (!is_zero(object, bytes))
			ck_abort_msg("%zu bytes are not zero", bytes);
	}
	heap_free(object);
}
END_TEST

START_TEST(test_trimming_keeps_what_it_is_told_to)
{
	struct mstat_snapshot snapshot;
	void *blocks[4];

	attach_surely();
	for (int i = 0; i < 4; i++)
		blocks[i] = zeroed_surely(512 << 10);
	for (int i = 0; i < 4; i += 2)
		heap_free(blocks[i]);
	heap_trim(600 << 10);
	heap_snapshot(&snapshot);
	ck_assert_uint_le(snapshot.idle_kept_bytes, 600 << 10);
	ck_assert_uint_gt(snapshot.idle_kept_bytes, 0);
	for (int i = 1; i < 4; i += 2)
		heap_free(blocks[i]);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("heap/heap", world_begin, world_end);

	tcase_add_test(tests, test_a_random_program_finds_its_objects_and_its_books_in_order);
	tcase_add_test(tests, test_threads_that_free_each_others_objects_keep_exact_books);
	tcase_add_loop_test(tests, test_every_byte_of_an_object_leads_to_it, 1, SIZED_CLASS_COUNT);
	tcase_add_test(tests, test_every_page_of_a_large_object_leads_to_it);
	tcase_add_test(tests, test_what_is_not_the_heaps_leads_nowhere);
	tcase_add_test(tests, test_zero_bytes_are_an_object);
	tcase_add_loop_test(tests, test_every_alignment_up_to_a_gibibyte, 4, 31);
	tcase_add_test(tests, test_what_no_machine_has_is_refused);
	tcase_add_test(tests, test_each_refusal_is_counted_once);
	tcase_add_test(tests, test_trimming_gives_back_all_that_is_free);
	tcase_add_test(tests, test_what_was_used_is_zeroed_and_what_was_not_is_left_alone);
	tcase_add_test(tests, test_trimming_keeps_what_it_is_told_to);
	return suite_end();
}
