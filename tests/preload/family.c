/*
 * family.c - the malloc family as programs know it from glibc.
 *
 * Proves, for each entry point: what size 0 gives, what realloc(p, 0) does, which
 * requests are refused and with which errno, how objects are aligned, that all of
 * malloc_usable_size() may be used, that a free keeps errno and contents survive
 * a resize; that what glibc reports about the heap is there and adds up.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "include/mstat.h"
#include "tests/preload/tap.h"

void cfree(void *ptr);
void free_sized(void *ptr, size_t bytes);
void free_aligned_sized(void *ptr, size_t alignment, size_t bytes);
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t each_bytes);
void *__libc_realloc(void *ptr, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *ptr);
#pragma weak cfree
#pragma weak free_sized
#pragma weak free_aligned_sized
#pragma weak mstat_snapshot
#pragma weak mstat_lookup
#pragma weak mstat_version

static const size_t too_big[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX, SIZE_MAX - 15,
	SIZE_MAX - 4096, SIZE_MAX / 2 + 8192};
static const size_t too_big_to_map[] = {PTRDIFF_MAX, PTRDIFF_MAX - 8192, (size_t)1 << 62,
	(size_t)1 << 47, (size_t)1 << 46};

enum { TOO_BIG_COUNT = sizeof(too_big) / sizeof(too_big[0]) };

static size_t modulo(const void *ptr, size_t divisor)
{
	return (uintptr_t)ptr % divisor;
}

/* Writes all of it, and reads it back. */
static bool all_usable(void *ptr, size_t at_least)
{
	size_t bytes = malloc_usable_size(ptr);
	unsigned char *object = ptr;

	if (ptr == NULL || bytes < at_least)
		return false;
	memset(object, 0x5a, bytes);
	return bytes == 0 || (object[0] == 0x5a && object[bytes - 1] == 0x5a);
}

static void test_size_zero(void)
{
	void *all[9] = {malloc(0), malloc(0), calloc(0, 8), calloc(8, 0), realloc(NULL, 0),
		memalign(64, 0), aligned_alloc(32, 0), valloc(0), reallocarray(NULL, 0, 4)};
	void *out = NULL;
	bool distinct = true;

	for (int i = 0; i < 9; i++)
		for (int j = 0; j < i; j++)
			distinct = distinct && all[i] != NULL && all[i] != all[j];
	tap_ok(distinct, "size 0 gives objects of their own");
	tap_ok(posix_memalign(&out, 64, 0) == 0 && out != NULL && modulo(out, 64) == 0,
		"posix_memalign of size 0 too");
	free(out);
	for (int i = 0; i < 9; i++)
		free(all[i]);
	out = pvalloc(0);
	tap_ok(out != NULL && modulo(out, 4096) == 0, "pvalloc(0) gives an aligned object");
	free(out);
	errno = 77;
	free(NULL);
	tap_ok(errno == 77 && malloc_usable_size(NULL) == 0, "NULL may be freed and has no size");
}

static void test_realloc_zero(void)
{
	struct mstat_snapshot before = {.struct_bytes = sizeof(before)}, after = before;
	void *small = malloc(100), *large = malloc(1 << 20), *array = malloc(100);

	mstat_snapshot(&before);
	errno = 77;
	tap_ok(realloc(small, 0) == NULL && realloc(large, 0) == NULL &&
			reallocarray(array, 0, 8) == NULL,
		"realloc(p, 0) gives NULL");
	tap_ok(errno == 77, "and leaves errno alone");
	mstat_snapshot(&after);
	tap_is(3, (long long)(after.nfree - before.nfree), "and frees");
}

/* Aligned requests that no address space holds. */
static void test_refused_aligned(size_t bytes)
{
	void *out = (void *)&out;

	errno = 0;
	tap_ok(memalign(64, bytes) == NULL && errno == ENOMEM, "memalign(64, %#zx)", bytes);
	errno = 0;
	tap_ok(aligned_alloc(4096, bytes) == NULL && errno == ENOMEM,
		"aligned_alloc(4096, %#zx)", bytes);
	errno = 0;
	tap_ok(memalign(1 << 20, bytes) == NULL && errno == ENOMEM, "memalign(1 MiB, %#zx)", bytes);
	errno = 77;
	tap_ok(posix_memalign(&out, 64, bytes) == ENOMEM && out == (void *)&out && errno == 77,
		"posix_memalign(%#zx): the error is the result, errno and *out stay", bytes);
	errno = 0;
	tap_ok(valloc(bytes) == NULL && errno == ENOMEM, "valloc(%#zx)", bytes);
	errno = 0;
	tap_ok(pvalloc(bytes) == NULL && errno == ENOMEM, "pvalloc(%#zx)", bytes);
}

static void test_refused(size_t bytes)
{
	char *small = strcpy(malloc(32), "stays as it is");
	char *large = strcpy(malloc(1 << 20), "stays as it is");

	errno = 0;
	tap_ok(malloc(bytes) == NULL && errno == ENOMEM, "malloc(%#zx) gives ENOMEM", bytes);
	errno = 0;
	tap_ok(calloc(1, bytes) == NULL && errno == ENOMEM, "calloc(1, %#zx)", bytes);
	errno = 0;
	tap_ok(realloc(NULL, bytes) == NULL && errno == ENOMEM, "realloc(NULL, %#zx)", bytes);
	errno = 0;
	tap_ok(realloc(small, bytes) == NULL && errno == ENOMEM &&
			strcmp(small, "stays as it is") == 0,
		"realloc(small, %#zx): the object stays", bytes);
	errno = 0;
	tap_ok(realloc(large, bytes) == NULL && errno == ENOMEM &&
			strcmp(large, "stays as it is") == 0,
		"realloc(large, %#zx): the object stays", bytes);
	errno = 0;
	tap_ok(reallocarray(small, 1, bytes) == NULL && errno == ENOMEM &&
			strcmp(small, "stays as it is") == 0,
		"reallocarray(small, 1, %#zx)", bytes);
	test_refused_aligned(bytes);
	free(small);
	free(large);
}

static void test_overflow(void)
{
	static const size_t half = (size_t)1 << 32;
	char *object = strcpy(malloc(32), "stays as it is");

	errno = 0;
	tap_ok(calloc(half, half) == NULL && errno == ENOMEM, "calloc of a product of 2^64");
	errno = 0;
	tap_ok(calloc(SIZE_MAX / 16 + 2, 16) == NULL && errno == ENOMEM,
		"calloc of a product that wraps to 16");
	errno = 0;
	tap_ok(reallocarray(object, half, half) == NULL && errno == ENOMEM &&
			strcmp(object, "stays as it is") == 0,
		"reallocarray of a product of 2^64: the object stays");
	errno = 0;
	tap_ok(reallocarray(NULL, SIZE_MAX / 16 + 2, 16) == NULL && errno == ENOMEM,
		"reallocarray of a product that wraps to 16");
	free(object);
}

static void test_alignment_of_malloc(void)
{
	bool aligned = true, usable = true, big_enough = true;

	for (size_t bytes = 0; bytes <= 70000; bytes += bytes < 1100 ? 1 : 61) {
		void *object = malloc(bytes);
		aligned = aligned && object != NULL && modulo(object, 16) == 0;
		big_enough = big_enough && malloc_usable_size(object) >= bytes;
		usable = usable && all_usable(object, bytes);
		free(object);
	}
	tap_ok(aligned, "malloc aligns to 16, every size");
	tap_ok(big_enough && usable, "all of malloc_usable_size() may be used, every size");
}

static void test_alignment(void)
{
	static const size_t sizes[] = {0, 1, 8, 24, 100, 1000, 4000, 4097, 20000, 32768, 40000, 1 << 20};
	bool memalign_is = true, aligned_is = true, posix_is = true, usable = true;

	for (size_t alignment = 1; alignment <= (size_t)1 << 21; alignment *= 2) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			void *a = memalign(alignment, sizes[i]), *b = aligned_alloc(alignment, sizes[i]);
			void *c = NULL;
			int error = posix_memalign(&c, alignment, sizes[i]);
			memalign_is = memalign_is && a != NULL && modulo(a, alignment) == 0;
			aligned_is = aligned_is && b != NULL && modulo(b, alignment) == 0;
			if (alignment < sizeof(void *))
				posix_is = posix_is && error == EINVAL && c == NULL;
			else
				posix_is = posix_is && error == 0 && c != NULL && modulo(c, alignment) == 0;
			usable = usable && all_usable(a, sizes[i]) && all_usable(b, sizes[i]) &&
				(c == NULL || all_usable(c, sizes[i]));
			free(a);
			free(b);
			free(c);
		}
	}
	tap_ok(memalign_is, "memalign keeps every alignment to 2 MiB");
	tap_ok(aligned_is, "aligned_alloc too");
	tap_ok(posix_is, "posix_memalign too, and refuses what is less than a pointer");
	tap_ok(usable, "aligned objects may be used in full");
}

static void test_alignment_huge(void)
{
	bool kept = true;

	for (size_t alignment = (size_t)1 << 22; alignment <= (size_t)1 << 30; alignment *= 2) {
		char *a = memalign(alignment, 100), *b = memalign(alignment, 3 << 20);
		kept = kept && a != NULL && b != NULL && modulo(a, alignment) == 0 &&
			modulo(b, alignment) == 0;
		if (!kept) {
			tap_note("alignment %#zx: %p %p", alignment, (void *)a, (void *)b);
			break;
		}
		a[99] = 1;
		b[(3 << 20) - 1] = 1;
		free(a);
		free(b);
	}
	tap_ok(kept, "alignments to 1 GiB are kept");
	errno = 0;
	tap_ok(memalign((size_t)1 << 62, 1) == NULL && errno == ENOMEM,
		"an alignment of 2^62 gives ENOMEM");
	errno = 0;
	tap_ok(memalign((size_t)1 << 63, 1) == NULL && errno == ENOMEM,
		"an alignment of 2^63 gives ENOMEM");
	errno = 0;
	tap_ok(memalign(((size_t)1 << 63) + 1, 1) == NULL && errno == EINVAL,
		"an alignment above 2^63 gives EINVAL");
}

/* glibc: the next power of two; C11's aligned_alloc is the same function there. */
static void test_alignment_odd(void)
{
	static const size_t odd[][2] = {{0, 16}, {1, 16}, {3, 16}, {17, 32}, {24, 32}, {33, 64},
		{100, 128}, {4095, 4096}, {4097, 8192}, {(1 << 20) + 1, 1 << 21}};
	bool rounded = true;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		void *a = memalign(odd[i][0], 50), *b = aligned_alloc(odd[i][0], 50);
		rounded = rounded && a != NULL && b != NULL && modulo(a, odd[i][1]) == 0 &&
			modulo(b, odd[i][1]) == 0;
		free(a);
		free(b);
	}
	tap_ok(rounded, "an odd alignment is rounded up to a power of two");
}

static void test_posix_memalign(void)
{
	static const size_t bad[] = {0, 1, 2, 4, 12, 24, 48, 100, SIZE_MAX, ((size_t)1 << 63) + 8};
	void *out = &out;
	bool refused = true;

	errno = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused = refused && posix_memalign(&out, bad[i], 64) == EINVAL && out == &out;
	tap_ok(refused, "posix_memalign gives EINVAL for what is no power of two of pointers");
	tap_ok(errno == 77, "and never sets errno");
}

static void test_pages(void)
{
	bool aligned = true, whole = true;

	for (size_t bytes = 1; bytes < 100000; bytes = bytes * 3 / 2 + 1) {
		void *a = valloc(bytes), *b = pvalloc(bytes);
		aligned = aligned && modulo(a, 4096) == 0 && modulo(b, 4096) == 0;
		whole = whole && all_usable(a, bytes) && all_usable(b, (bytes + 4095) / 4096 * 4096);
		free(a);
		free(b);
	}
	tap_ok(aligned, "valloc and pvalloc align to a page");
	tap_ok(whole, "pvalloc gives whole pages");
}

static void fill(unsigned char *bytes, size_t count, unsigned seed)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (unsigned char)(i * 7 + seed + (i >> 8));
}

static bool is_filled(const unsigned char *bytes, size_t count, unsigned seed)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != (unsigned char)(i * 7 + seed + (i >> 8)))
			return false;
	return true;
}

static void test_realloc_keeps(void)
{
	static const size_t sizes[] = {1, 16, 17, 40, 64, 65, 200, 1000, 5000, 32768, 32769, 65536,
		200000, 1 << 20, (1 << 20) + 1, 5 << 20};
	enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
	bool kept = true;

	for (unsigned from = 0; from < COUNT; from++)
		for (unsigned to = 0; to < COUNT; to++) {
			unsigned char *object = malloc(sizes[from]);
			fill(object, sizes[from], from);
			object = realloc(object, sizes[to]);
			kept = kept && object != NULL && malloc_usable_size(object) >= sizes[to] &&
				is_filled(object, sizes[from] < sizes[to] ? sizes[from] : sizes[to], from);
			free(object);
		}
	tap_ok(kept, "realloc keeps the contents, from any size to any");
	unsigned char *object = malloc(1);
	object[0] = 0;
	for (size_t bytes = 1; kept && bytes < 8 << 20; bytes += bytes / 7 + 1) {
		object = realloc(object, bytes);
		fill(object, bytes, 1);
		object = realloc(object, bytes + bytes / 14 + 1);
		kept = is_filled(object, bytes, 1);
	}
	free(object);
	tap_ok(kept, "an object that grows step by step keeps them too");
	object = memalign(4096, 100);
	fill(object, 100, 9);
	object = realloc(object, 300);
	tap_ok(is_filled(object, 100, 9), "an aligned object can be resized");
	free(object);
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void test_calloc(void)
{
	static const size_t sizes[] = {1, 16, 100, 5000, 32768, 32769, 100000, 1 << 20, 20 << 20};
	bool zero = true;

	/* Twice, the second time in memory that was written. */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			unsigned char *many[8];
			for (int j = 0; j < (sizes[i] < 1 << 20 ? 8 : 1); j++) {
				many[j] = calloc(1, sizes[i]);
				zero = zero && many[j] != NULL && is_zero(many[j], sizes[i]);
				memset(many[j], 0xff, malloc_usable_size(many[j]));
			}
			for (int j = 0; j < (sizes[i] < 1 << 20 ? 8 : 1); j++)
				free(many[j]);
		}
	tap_ok(zero, "calloc gives zeros, in used memory too");
}

/* A large object moved by the kernel leaves pages that must read zero if they
   are taken for zero. */
static void test_calloc_after_moves(void)
{
	bool zero = true;

	for (int round = 0; round < 20; round++) {
		unsigned char *object = malloc(3 << 20), *wall = malloc(1 << 20);
		memset(object, 0xee, 3 << 20);
		memset(wall, 0xee, 1 << 20);
		object = realloc(object, 9 << 20);
		memset(object + (3 << 20), 0xee, 6 << 20);
		object = realloc(object, 2 << 20);
		unsigned char *next = calloc(1, 3 << 20), *other = calloc(1, 7 << 20);
		zero = zero && is_zero(next, 3 << 20) && is_zero(other, 7 << 20);
		memset(next, 0xdd, 3 << 20);
		memset(other, 0xdd, 7 << 20);
		free(wall);
		free(object);
		free(next);
		free(other);
	}
	tap_ok(zero, "calloc gives zeros where objects were moved and cut");
}

static void test_free_keeps_errno(void)
{
	void *many[4000];
	bool kept = true;

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 4000; i++)
			many[i] = malloc(round < 2 ? 64 << i % 9 : 4096 << i % 7);
		errno = 77;
		for (int i = 0; i < 4000; i++)
			free(many[i]);
		kept = kept && errno == 77;
	}
	tap_ok(kept, "free keeps errno, giving memory back to the kernel too");
	errno = 77;
	for (int i = 0; i < 4000; i++)
		many[i] = malloc(100);
	tap_ok(errno == 77, "and so does a malloc that succeeds");
	for (int i = 0; i < 4000; i++)
		free_sized(many[i], 100);
	free_aligned_sized(memalign(256, 100), 256, 100);
	cfree(malloc(100));
	__libc_free(__libc_realloc(__libc_malloc(100), 5000));
	__libc_free(__libc_calloc(10, 10));
	__libc_free(__libc_memalign(64, 10));
	tap_ok(errno == 77, "free_sized, free_aligned_sized, cfree and __libc_free are free");
}

static int clamped(size_t value)
{
	return value < INT_MAX ? (int)value : INT_MAX;
}

static void test_reports(void)
{
	void *small = malloc(1000), *large = malloc(5 << 20);
	struct mallinfo2 info = mallinfo2();
	struct mallinfo old = mallinfo();
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};

	mstat_snapshot(&now);
	tap_is((long long)info.arena, (long long)(info.uordblks + info.fordblks),
		"mallinfo2: arena is what is used and what is free");
	tap_is((long long)now.alloc, (long long)(info.uordblks + info.hblkhd),
		"mallinfo2: uordblks and hblkhd are what lives");
	tap_is((long long)now.heap_sys, (long long)(info.arena + info.hblkhd),
		"mallinfo2: arena and hblkhd are the heap");
	tap_ok(info.hblks >= 1 && info.hblkhd >= 5 << 20, "mallinfo2: the large object is in hblks");
	tap_ok(old.uordblks == clamped(info.uordblks) && old.arena == clamped(info.arena),
		"mallinfo says the same, as far as an int goes");
	tap_ok(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1, "mallopt accepts what it is told");
	tap_ok(malloc_info(1, stderr) != 0, "malloc_info refuses options");
	free(small);
	free(large);
	tap_ok(malloc_trim(0) == 1, "malloc_trim gives memory back");
	struct mallinfo2 after = mallinfo2();
	tap_ok(after.keepcost <= info.keepcost && after.hblkhd < info.hblkhd,
		"and mallinfo2 shows it");
}

static void test_lookup(void)
{
	struct mstat_snapshot before = {.struct_bytes = sizeof(before)}, after = before;
	char *small = malloc(100), *large = malloc(100000);
	void *base = NULL;
	size_t bytes = 0;
	int local = 0;

	mstat_snapshot(&before);
	tap_ok(mstat_lookup(small + 57, &base, &bytes) == 0 && base == small &&
			bytes == malloc_usable_size(small),
		"mstat_lookup finds a small object from within");
	tap_ok(mstat_lookup(large + 99999, &base, &bytes) == 0 && base == large &&
			bytes == malloc_usable_size(large),
		"and a large one");
	errno = 0;
	tap_ok(mstat_lookup(&local, &base, &bytes) == -1 && errno == ENOENT, "but not the stack");
	mstat_snapshot(&after);
	tap_is(3, (long long)(after.nlookup - before.nlookup), "nlookup counts all three");
	free(small);
	free(large);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "malloc_info") == 0) {
		free(malloc(100));
		return malloc(1 << 20) == NULL || malloc(1000) == NULL || malloc_info(0, stdout) != 0;
	}
	tap_begin();
	tap_ok(mstat_version != NULL && mstat_snapshot != NULL, "mstat.h's functions are there");
	test_size_zero();
	test_realloc_zero();
	for (size_t i = 0; i < TOO_BIG_COUNT; i++) {
		test_refused(too_big[i]);
		test_refused(too_big_to_map[i]);
	}
	test_overflow();
	test_alignment_of_malloc();
	test_alignment();
	test_alignment_huge();
	test_alignment_odd();
	test_posix_memalign();
	test_pages();
	test_realloc_keeps();
	test_calloc();
	test_calloc_after_moves();
	test_free_keeps_errno();
	test_reports();
	test_lookup();
	return tap_done();
}
