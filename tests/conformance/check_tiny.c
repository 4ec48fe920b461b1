/*
 * check_tiny.c - table T of docs/conformance.md, a test a rule.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "check/check.h"
#include "heap/cache.h"
#include "heap/central.h"
#include "heap/fastpath.h"
#include "heap/heap.h"
#include "heap/hooks.h"
#include "profile/world.h"
#include "tests/heap/tally.h"
#include "tests/heap/world.h"
#include "tests/suite.h"
#include "tests/tinyalloc/hinted.h"
#include "tinyalloc/object.h"
#include "tinyalloc/special.h"

static bool share_a_block(const char *a, const char *b)
{
	return ((uintptr_t)a ^ (uintptr_t)b) < TINY_BLOCK_BYTES;
}

/* Begins a block of which so much is left. */
static char *begin_block(size_t left_bytes)
{
	char *ptr;

	heap_hooks.cache_leaves(cache_self, false);
	ptr = hinted_surely(TINY_BLOCK_BYTES - left_bytes);
	ck_assert_uint_eq((uintptr_t)ptr % TINY_BLOCK_BYTES, 0);
	return ptr;
}

START_TEST(test_t1_only_hinted_objects_below_16_bytes_are_combined)
{
	for (size_t bytes = 1; bytes <= 64; bytes++) {
		char *plain = alloc_surely(bytes), *first = hinted_surely(bytes), *second = hinted_surely(bytes);
		ck_assert_uint_eq(tally_class(plain), size_class_of(bytes));
		ck_assert(span_of_small(plain)->class < SIZED_CLASS_COUNT);
		ck_assert((span_of_small(first)->class == SIZE_CLASS_TINY) == (bytes < 16));
		ck_assert(bytes < 16 || !share_a_block(first, second));
		object_free(second);
		object_free(first);
		object_free(plain);
	}
	char *nothing = hinted_surely(0);
	ck_assert_ptr_eq(hinted_surely(0), nothing);
	for (int i = 0; i < 10; i++)
		object_free(nothing);
	ck_assert_ptr_eq(hinted_surely(0), nothing);
}
END_TEST

START_TEST(test_t1_what_may_be_collected_is_not_mixed_with_what_may_not)
{
	for (int i = 0; i < 50; i++) {
		char *kept = hinted_surely(4), *collectable = collectable_surely(4, true);
		ck_assert(!share_a_block(kept, collectable));
		ck_assert(!span_is_collectable(span_of_small(kept)));
		ck_assert(span_is_collectable(span_of_small(collectable)));
	}
}
END_TEST

/* Without hinted_begin(): nobody has turned it on. */
START_TEST(test_t1_nothing_is_combined_where_that_is_off)
{
	attach_surely();
	for (size_t bytes = 1; bytes < 16; bytes++) {
		char *first = hinted_surely(bytes), *second = hinted_surely(bytes);
		ck_assert(!share_a_block(first, second));
		ck_assert(is_zero(first, bytes));
		ck_assert(span_of_small(first)->class == 1 + SIZE_FAMILY_NOSCAN);
		object_free(first);
		object_free(second);
	}
	ck_assert_uint_eq(snapshot_now().tiny_nmalloc, 0);
}
END_TEST

START_TEST(test_t1_nothing_is_combined_where_each_object_has_its_page)
{
	attach_surely();
	check_start(0, BOX_CHECK_EFENCE, false);
	for (size_t bytes = 1; bytes < 16; bytes++) {
		char *first = hinted_surely(bytes), *second = hinted_surely(bytes);
		ck_assert_ptr_ne(span_of_large(first), NULL);
		ck_assert_ptr_ne(span_of_large(second), NULL);
		ck_assert_ptr_ne(span_of_large(first), span_of_large(second));
		object_free(first);
		object_free(second);
	}
	ck_assert_uint_eq(snapshot_now().tiny_nmalloc, 0);
}
END_TEST

START_TEST(test_t2_the_size_decides_the_alignment)
{
	static const size_t aligns[16] = {0, 1, 2, 1, 4, 1, 2, 1, 8, 1, 2, 1, 4, 1, 2, 1};

	for (int round = 0; round < 2000; round++) {
		size_t bytes = 1 + random_below(15);
		/* A byte before it, so that alignment is not by chance. */
		char *byte = hinted_surely(1), *ptr = hinted_surely(bytes);
		ck_assert_uint_eq((uintptr_t)ptr % aligns[bytes], 0);
		if (random_below(2) == 0)
			object_free(ptr);
		object_free(byte);
	}
	/* And no more than that: an odd size begins where the last one ended. */
	char *first = begin_block(13);
	ck_assert_ptr_eq(hinted_surely(5), first + 3);
	ck_assert_ptr_eq(hinted_surely(6), first + 8);
	ck_assert_ptr_eq(hinted_surely(1), first + 14);
}
END_TEST

START_TEST(test_t3_what_fits_with_its_padding_touches_nothing_else)
{
	for (size_t left = 1; left < 16; left++) {
		for (size_t bytes = 1; bytes < 16; bytes++) {
			char *first = begin_block(left);
			size_t align = tiny_align_of(bytes) < 8 ? tiny_align_of(bytes) : 8;
			size_t at = (16 - left + align - 1) / align * align;
			struct cache_row before = cache_read_row(cache_self, SIZE_CLASS_TINY);
			char *second = hinted_surely(bytes);
			struct cache_row after = cache_read_row(cache_self, SIZE_CLASS_TINY);
			if (at + bytes <= 16) {
				ck_assert_ptr_eq(second, first + at);
				ck_assert_uint_eq(after.nmalloc, before.nmalloc);
				ck_assert_uint_eq(after.held_objects, before.held_objects);
			} else {
				ck_assert(!share_a_block(first, second));
				ck_assert_uint_eq(after.nmalloc, before.nmalloc + 1);
			}
		}
	}
}
END_TEST

START_TEST(test_t4_a_miss_takes_a_block_of_zeros)
{
	char *blocks[100];

	for (int i = 0; i < 100; i++)
		blocks[i] = memset(hinted_surely(15), 0xff, 16);
	for (int i = 0; i < 100; i++)
		object_free(blocks[i]);
	for (int i = 0; i < 100; i++) {
		char *ptr = begin_block(1 + random_below(15));
		ck_assert(is_zero(ptr, TINY_BLOCK_BYTES));
	}
}
END_TEST

START_TEST(test_t5_the_new_block_replaces_the_old_if_more_of_it_is_left)
{
	for (size_t left = 1; left < 16; left++) {
		for (size_t bytes = left + 1; bytes < 16; bytes++) {
			char *old = begin_block(left), *young = hinted_surely(bytes);
			bool replaces = 16 - bytes > left;
			ck_assert(!share_a_block(old, young));
			char *next = hinted_surely(1);
			ck_assert(share_a_block(next, replaces ? young : old));
		}
	}
}
END_TEST

START_TEST(test_t6_a_miss_counts_16_bytes_a_hit_no_bytes)
{
	begin_block(1);
	struct mstat_snapshot before = snapshot_now();
	struct cache_class row = cache_self->classes[SIZE_CLASS_TINY];
	hinted_surely(4);
	struct mstat_snapshot miss = snapshot_now();
	ck_assert_uint_eq(miss.alloc, before.alloc + 16);
	ck_assert_uint_eq(miss.total_alloc, before.total_alloc + 16);
	ck_assert_uint_eq(miss.nmalloc, before.nmalloc + 1);
	ck_assert_uint_eq(miss.by_size[1].nmalloc, before.by_size[1].nmalloc + 1);
	ck_assert_uint_eq(miss.tiny_nmalloc, before.tiny_nmalloc + 1);
	for (int i = 0; i < 3; i++)
		hinted_surely(4);
	struct mstat_snapshot hits = snapshot_now();
	ck_assert_uint_eq(hits.alloc, miss.alloc);
	ck_assert_uint_eq(hits.total_alloc, miss.total_alloc);
	ck_assert_uint_eq(hits.nmalloc, miss.nmalloc);
	ck_assert_uint_eq(hits.tiny_nmalloc, miss.tiny_nmalloc + 3);
	ck_assert_uint_eq(hits.tiny_saved_bytes, miss.tiny_saved_bytes + 3 * 16);
	/* What was looked at is 16 bytes each, whatever was asked for. */
	for (int i = 0; i < 5000; i++)
		hinted_surely(9);
	const struct cache_class *now = &cache_self->classes[SIZE_CLASS_TINY];
	const struct central *central = &centrals[SIZE_CLASS_TINY];
	ck_assert_uint_eq((now->sampled_bytes - row.sampled_bytes) + central->sampled_bytes,
		16 * ((now->sampled_count - row.sampled_count) + central->sampled_objects));
	ck_assert_uint_gt(central->sampled_objects, 0);
}
END_TEST

static void free_twice(void *nothing)
{
	char *ptr = begin_block(8);

	(void)nothing;
	hinted_surely(8);
	object_free(ptr);
	object_free(ptr);
}

START_TEST(test_t7_a_block_goes_back_with_its_last_object)
{
	static const char letters[] = "aaaabbbbccccdddd";
	char *objects[4];
	size_t order[4] = {2, 0, 3, 1};

	hinted_surely(15);
	struct mstat_snapshot before = snapshot_now();
	objects[0] = begin_block(12);
	for (int i = 1; i < 4; i++)
		objects[i] = hinted_surely(4);
	for (int i = 0; i < 4; i++)
		memset(objects[i], 'a' + i, 4);
	for (int i = 0; i < 4; i++) {
		ck_assert_uint_eq(snapshot_now().alloc, before.alloc + 16);
		ck_assert_mem_eq(objects[order[i]], &letters[4 * order[i]], 4);
		object_free(objects[order[i]]);
	}
	ck_assert_uint_eq(snapshot_now().alloc, before.alloc);
	ck_assert_uint_eq(snapshot_now().nfree, before.nfree + 1);
	/* That a second free is caught: tests/tinyalloc/check_tiny.c, for every cut. */
	dies_saying(free_twice, NULL, "double free");
}
END_TEST

static void check_class(void *bytes)
{
	tiny_check_class((size_t)(uintptr_t)bytes);
}

START_TEST(test_t8_another_class_than_of_16_bytes_is_fatal)
{
	tiny_check_class(16);
	dies_saying(check_class, (void *)(uintptr_t)32, "bad tiny size class");
}
END_TEST

/* What 256 objects take, of so many bytes each, all but one of `dead` freed. */
static size_t blocks_of(size_t bytes, int dead)
{
	char *objects[256];

	heap_hooks.cache_leaves(cache_self, false);
	uint64_t before = snapshot_now().tiny_alloc;
	for (int i = 0; i < 256; i++)
		objects[i] = hinted_surely(bytes);
	for (int i = 0; i < 256; i++)
		if (i % dead != 0)
			object_free(objects[i]);
	size_t taken = snapshot_now().tiny_alloc - before;
	for (int i = 0; i < 256; i += dead)
		object_free(objects[i]);
	return taken;
}

START_TEST(test_t10_at_worst_twice_at_best_an_eighth)
{
	/* Against classes of 8 bytes, of objects that these suit best. */
	ck_assert_uint_eq(blocks_of(8, 1), 256 * 8);
	ck_assert_uint_eq(blocks_of(8, 2), 2 * 128 * 8); /* one survivor a block */
	ck_assert_uint_eq(blocks_of(8, 4), 2 * 64 * 8);
	ck_assert_uint_eq(blocks_of(1, 1), 256 * 8 / 8);
	ck_assert_uint_eq(blocks_of(2, 1), 256 * 8 / 4);
}
END_TEST

START_TEST(test_t17_plain_objects_are_aligned_and_never_combined)
{
	struct mstat_snapshot before = snapshot_now();
	char *objects[100];

	hinted_surely(1);
	for (int i = 0; i < 100; i++) {
		objects[i] = alloc_surely(1 + (size_t)i % 15);
		ck_assert_uint_eq((uintptr_t)objects[i] % 16, 0);
		ck_assert_uint_eq(object_usable_bytes(objects[i], NULL), 16);
		ck_assert(!object_is_noscan(objects[i]));
		for (int other = 0; other < i; other++)
			ck_assert(!share_a_block(objects[i], objects[other]));
	}
	struct mstat_snapshot after = snapshot_now();
	ck_assert_uint_eq(after.tiny_nmalloc, before.tiny_nmalloc + 1);
	ck_assert_uint_eq(after.combinable_alloc, before.combinable_alloc + 1600);
	for (int i = 0; i < 100; i++)
		object_free(objects[i]);
}
END_TEST

static char *resized(char *ptr, size_t bytes)
{
	char *moved;

	while ((moved = object_realloc(ptr, bytes, NULL)) == NULL)
		ck_assert(is_excused());
	return moved;
}

START_TEST(test_t18_size_and_realloc_are_right_and_leave_the_neighbours)
{
	for (size_t bytes = 1; bytes < 16; bytes++) {
		for (size_t wanted = 1; wanted < 100; wanted += 3) {
			char *before = hinted_surely(1), *ptr = hinted_surely(bytes), *after = hinted_surely(1);
			size_t usable = object_usable_bytes(ptr, NULL);
			ck_assert_uint_ge(usable, bytes);
			ck_assert_uint_le(usable, 16);
			*before = 'b';
			*after = 'a';
			memset(ptr, 'p', usable);
			ck_assert_int_eq(*before, 'b');
			ck_assert_int_eq(*after, 'a');
			char *moved = resized(ptr, wanted);
			/* Where it stays, it is aligned for what it may be now. */
			ck_assert(moved != ptr || wanted <= usable);
			ck_assert(moved == ptr || wanted > usable || (uintptr_t)ptr % 8 != 0);
			ck_assert_uint_ge(object_usable_bytes(moved, NULL), wanted);
			for (size_t i = 0; i < wanted && i < usable; i++)
				ck_assert_int_eq(moved[i], 'p');
			memset(moved, 'q', wanted);
			ck_assert_int_eq(*before, 'b');
			ck_assert_int_eq(*after, 'a');
			object_free(before);
			object_free(after);
			object_free(moved);
		}
	}
}
END_TEST

static NOINLINE void leave_collectable(uintptr_t *hidden)
{
	char *first = collectable_surely(4, true), *second = collectable_surely(4, true);

	ck_assert(share_a_block(first, second));
	*hidden = ~(uintptr_t)first;
}

START_TEST(test_t9_a_scan_drops_every_threads_block)
{
	uintptr_t hidden;

	if (is_excused() || SUITE_IS_SANITIZED || SUITE_IS_THREAD_SANITIZED)
		return;
	world_init(SIGRTMIN + 5, sigaction);
	uint64_t before = snapshot_now().tiny_alloc;
	for (int i = 0; i < 20; i++) {
		/* Of the block more could be cut; the next object is of another one. */
		leave_collectable(&hidden);
		ck_assert_uint_eq(cache_self->tiny_collectable.at, 8);
		collect_surely();
		ck_assert_uint_eq(cache_self->tiny_collectable.at, 0);
	}
	ck_assert_uint_le(snapshot_now().tiny_alloc, before + 5 * 16);
}
END_TEST

static struct {
	void *ptr;
	uintptr_t args;
	uint32_t count;
} finalized;

static void note(void *ptr, void *arg)
{
	finalized.ptr = ptr;
	finalized.args |= (uintptr_t)arg;
	finalized.count++;
}

static int set(void *ptr, uintptr_t arg)
{
	int error;

	while ((error = special_set_finalizer(ptr, note, (void *)arg)) == ENOMEM)
		ck_assert(is_excused());
	return error;
}

START_TEST(test_t11_on_no_bytes_it_is_ignored)
{
	char *nothing = hinted_surely(0);

	for (uintptr_t i = 0; i < 3; i++)
		ck_assert_int_eq(set(nothing, 1), 0);
	object_free(nothing);
	ck_assert_uint_eq(finalized.count, 0);
	ck_assert_int_eq(special_clear_finalizer(nothing), ENOENT); /* no record was left */
}
END_TEST

static void try_inner_bytes(void)
{
	for (size_t bytes = 2; bytes < 64; bytes++) {
		char *plain = alloc_surely(bytes), *tiny = hinted_surely(bytes);
		for (size_t at = 1; at < bytes; at++) {
			ck_assert_int_eq(set(plain + at, 0), EINVAL);
			ck_assert_int_eq(set(tiny + at, 0), bytes < 16 ? 0 : EINVAL);
		}
		object_free(plain);
		object_free(tiny);
	}
}

/* By a thread at its end nothing is combined. */
static void *try_at_the_end(void *arg)
{
	cache_detach();
	try_inner_bytes();
	return arg;
}

START_TEST(test_t12_an_inner_byte_only_of_a_tiny_object)
{
	pthread_t thread;

	try_inner_bytes();
	ck_assert_int_eq(pthread_create(&thread, NULL, try_at_the_end, NULL), 0);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(test_t13_it_is_called_with_the_very_byte)
{
	for (size_t bytes = 1; bytes < 16; bytes++) {
		for (size_t at = 0; at < bytes; at++) {
			char *before = hinted_surely(1), *ptr = hinted_surely(bytes), *after = hinted_surely(1);
			ck_assert_int_eq(set(ptr + at, 0), 0);
			object_free(before);
			object_free(after);
			ck_assert_ptr_eq(finalized.ptr, NULL);
			object_free(ptr);
			ck_assert_ptr_eq(finalized.ptr, ptr + at);
			finalized.ptr = NULL;
		}
	}
}
END_TEST

START_TEST(test_t14_a_block_has_several_one_an_offset)
{
	char *objects[4];

	objects[0] = begin_block(12);
	for (int i = 1; i < 4; i++)
		objects[i] = hinted_surely(4);
	for (int i = 0; i < 4; i++)
		for (int at = 0; at < 4; at++) {
			ck_assert_int_eq(set(objects[i] + at, 1u << (4 * i + at)), 0);
			ck_assert_int_eq(set(objects[i] + at, 0), EEXIST);
		}
	for (uint32_t i = 0; i < 4; i++) {
		object_free(objects[i]);
		ck_assert_uint_eq(finalized.count, 4 * (i + 1));
	}
	ck_assert_uint_eq(finalized.args, 0xffff);
}
END_TEST

START_TEST(test_t15_removal_is_exact_and_a_free_takes_all_within)
{
	char *first = begin_block(12), *second = hinted_surely(8), *third = hinted_surely(4);

	for (uint32_t at = 0; at < 8; at++)
		ck_assert_int_eq(set(second + at, 1u << at), 0);
	ck_assert_int_eq(set(first + 3, 1u << 8), 0);
	ck_assert_int_eq(set(third, 1u << 9), 0);
	ck_assert_int_eq(special_clear_finalizer(second + 2), 0);
	ck_assert_int_eq(special_clear_finalizer(second + 2), ENOENT);
	ck_assert_int_eq(special_clear_finalizer(first), ENOENT);
	ck_assert_int_eq(special_clear_finalizer(third + 1), ENOENT);
	object_free(second);
	ck_assert_uint_eq(finalized.args, 0xff & ~(1u << 2));
	ck_assert_uint_eq(finalized.count, 7);
	ck_assert_int_eq(special_clear_finalizer(first + 3), 0);
	ck_assert_int_eq(special_clear_finalizer(third), 0);
	object_free(first);
	object_free(third);
	ck_assert_uint_eq(finalized.count, 7);
}
END_TEST

enum { INTEGERS = 100 };

static bool is_done[INTEGERS];
static int left = INTEGERS;

static void finish(void *ptr, void *arg)
{
	int32_t value = *(int32_t *)ptr;

	(void)arg;
	if (value < 0 || value >= INTEGERS || is_done[value])
		ck_abort_msg("got %d", value);
	is_done[value] = true;
	left--;
}

static NOINLINE void make_integers(void)
{
	for (int32_t i = 0; i < INTEGERS; i++) {
		int32_t *integer = collectable_surely(sizeof(*integer), true);
		*integer = i;
		ck_assert_int_eq(special_set_finalizer(integer, finish, NULL), 0);
	}
}

START_TEST(test_t16_tinyfin_most_are_finalized_and_none_twice)
{
	if (is_excused() || SUITE_IS_SANITIZED || SUITE_IS_THREAD_SANITIZED)
		return;
	world_init(SIGRTMIN + 5, sigaction);
	make_integers();
	for (int i = 0; i < 4; i++)
		collect_surely();
	ck_assert_int_lt(left, INTEGERS / 4);
}
END_TEST

static void *free_all(void *argument)
{
	char **objects = argument;

	attach_surely();
	for (int i = 0; i < 1000; i++)
		object_free(objects[i]);
	struct cache_sums sums = cache_read_sums(cache_self);
	ck_assert_int_eq(cache_self->tiny_nfree, 1000);
	ck_assert_int_lt(sums.alloc, 0);
	cache_detach();
	return NULL;
}

START_TEST(test_t19_another_thread_frees_and_the_books_are_exact)
{
	char *objects[1000];
	pthread_t thread;

	hinted_surely(15);
	struct mstat_snapshot before = snapshot_now();
	for (int i = 0; i < 1000; i++)
		objects[i] = hinted_surely(4);
	ck_assert_uint_eq(snapshot_now().alloc, before.alloc + 250 * 16);
	ck_assert_int_eq(pthread_create(&thread, NULL, free_all, objects), 0);
	pthread_join(thread, NULL);
	struct mstat_snapshot after = snapshot_now();
	ck_assert_uint_eq(after.alloc, before.alloc);
	ck_assert_uint_eq(after.nmalloc - after.nfree, before.nmalloc - before.nfree);
	ck_assert_uint_eq(after.tiny_nfree, before.tiny_nfree + 1000);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("conformance/tiny", hinted_begin, NULL);

	tcase_add_test(tests, test_t1_only_hinted_objects_below_16_bytes_are_combined);
	tcase_add_test(tests, test_t1_what_may_be_collected_is_not_mixed_with_what_may_not);
	tcase_add_test(suite_case("off", world_begin, NULL),
		test_t1_nothing_is_combined_where_that_is_off);
	tcase_add_test(suite_case("efence", world_begin, NULL),
		test_t1_nothing_is_combined_where_each_object_has_its_page);
	tcase_add_test(tests, test_t2_the_size_decides_the_alignment);
	tcase_add_test(tests, test_t3_what_fits_with_its_padding_touches_nothing_else);
	tcase_add_test(tests, test_t4_a_miss_takes_a_block_of_zeros);
	tcase_add_test(tests, test_t5_the_new_block_replaces_the_old_if_more_of_it_is_left);
	tcase_add_test(tests, test_t6_a_miss_counts_16_bytes_a_hit_no_bytes);
	tcase_add_test(tests, test_t7_a_block_goes_back_with_its_last_object);
	tcase_add_test(tests, test_t8_another_class_than_of_16_bytes_is_fatal);
	tcase_add_test(tests, test_t9_a_scan_drops_every_threads_block);
	tcase_add_test(tests, test_t10_at_worst_twice_at_best_an_eighth);
	tcase_add_test(tests, test_t11_on_no_bytes_it_is_ignored);
	tcase_add_test(tests, test_t12_an_inner_byte_only_of_a_tiny_object);
	tcase_add_test(tests, test_t13_it_is_called_with_the_very_byte);
	tcase_add_test(tests, test_t14_a_block_has_several_one_an_offset);
	tcase_add_test(tests, test_t15_removal_is_exact_and_a_free_takes_all_within);
	tcase_add_test(tests, test_t16_tinyfin_most_are_finalized_and_none_twice);
	tcase_add_test(tests, test_t17_plain_objects_are_aligned_and_never_combined);
	tcase_add_test(tests, test_t18_size_and_realloc_are_right_and_leave_the_neighbours);
	tcase_add_test(tests, test_t19_another_thread_frees_and_the_books_are_exact);
	return suite_end();
}
