/*
 * matrix.c - kinds of misuse, for objects of all sizes, by the thread that made the object or
 * another, at once or after other traffic: one cell a process.
 *
 * WHY        What is caught of one size is often not of another, nor of another thread.
 *            matrix.sh says of each cell how it is to end, for libmstat; for any
 *            other malloc it prints how it did.
 *
 * usage: matrix                         the cells, one a line: KIND SIZE WHO WHEN
 *        matrix KIND SIZE WHO WHEN      does it; "not noticed" and 0 if nobody minded
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* C++'s and C23's: the malloc's own, or the C++ runtime's; nothing here is linked to it. */
void operator_delete_sized(void *ptr, size_t bytes) __asm__("_ZdlPvm") __attribute__((weak));
void operator_delete_aligned(void *ptr, size_t alignment)
	__asm__("_ZdlPvSt11align_val_t") __attribute__((weak));
void *operator_new(size_t bytes) __asm__("_Znwm") __attribute__((weak));

enum { TRAFFIC_OBJECTS = 64, TRAFFIC_ROUNDS = 40 };

static const struct {
	const char *name;
	size_t bytes;
} sizes[] = {{"tiny", 8}, {"small", 40}, {"medium", 5000}, {"large", 100000}, {"huge", 4 << 20}};

enum { SIZE_COUNT = sizeof(sizes) / sizeof(sizes[0]) };

/* What the compiler must not know to be wrong. */
static void *volatile hidden;

static void *hide(void *ptr)
{
	hidden = ptr;
	return hidden;
}

static size_t bytes;       /* of the object */
static char *object;
static bool comes_traffic; /* before the wrong call */

/* What a program does meanwhile: objects of the same size and others come and go. */
static void traffic(void)
{
	static void *others[TRAFFIC_OBJECTS];

	for (int round = 0; comes_traffic && round < TRAFFIC_ROUNDS; round++) {
		for (int i = 0; i < TRAFFIC_OBJECTS; i++)
			others[i] = malloc(i % 2 == 0 ? bytes : (size_t)(16 + i * 24));
		for (int i = 0; i < TRAFFIC_OBJECTS; i++)
			free(others[(i * 7) % TRAFFIC_OBJECTS]);
	}
}

/* ---- the kinds: the right part before, and the wrong call ---------------------------- */

static void nothing(void)
{
}

static void free_object(void)
{
	free(object);
}

/* Another one is freed after it: they are not two frees in a row. */
static void free_object_and_another(void)
{
	void *other = malloc(bytes);

	free(object);
	free(other);
}

static void wrong_free(void)
{
	free(hide(object));
}

/* It is somebody else's by then, who frees it too. */
static void wrong_free_of_reused(void)
{
	void *again = malloc(bytes);

	free(hide(object));
	free(again);
}

static void wrong_free_inside(void)
{
	free(hide(object + (bytes > 32 ? bytes / 2 / 16 * 16 : 16)));
}

static void wrong_free_misaligned(void)
{
	free(hide(object + 1));
}

static void wrong_free_half_aligned(void)
{
	free(hide(object + 8));
}

static void wrong_free_before(void)
{
	free(hide(object - 16));
}

static void wrong_free_behind(void)
{
	free(hide(object + malloc_usable_size(object)));
}

static void wrong_realloc(void)
{
	hidden = realloc(hide(object), bytes * 3);
}

static void wrong_realloc_inside(void)
{
	hidden = realloc(hide(object + 16), bytes * 3);
}

static void wrong_realloc_to_nothing(void)
{
	hidden = realloc(hide(object), 0);
}

static void wrong_size(void)
{
	operator_delete_sized(hide(object), bytes * 2 + 100);
}

static void wrong_size_less(void)
{
	operator_delete_sized(hide(object), bytes / 2 - 4);
}

static void wrong_alignment(void)
{
	size_t aligned_to = (uintptr_t)object & -(uintptr_t)object;

	operator_delete_aligned(hide(object), 2 * aligned_to);
}

static const struct kind {
	const char *name;
	void (*before)(void);
	void (*wrong)(void);
	bool is_new;       /* of operator new */
} kinds[] = {
	{"double_free", free_object, wrong_free, false},
	{"double_free_apart", free_object_and_another, wrong_free, false},
	{"double_free_reused", free_object, wrong_free_of_reused, false},
	{"double_free_by_realloc", free_object, wrong_realloc_to_nothing, false},
	{"realloc_freed", free_object, wrong_realloc, false},
	{"free_inside", nothing, wrong_free_inside, false},
	{"free_misaligned", nothing, wrong_free_misaligned, false},
	{"free_half_aligned", nothing, wrong_free_half_aligned, false},
	{"free_before", nothing, wrong_free_before, false},
	{"free_behind", nothing, wrong_free_behind, false},
	{"realloc_inside", nothing, wrong_realloc_inside, false},
	{"delete_larger", nothing, wrong_size, true},
	{"delete_smaller", nothing, wrong_size_less, true},
	{"delete_alignment", nothing, wrong_alignment, true},
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

/* ---- what is no object of any size ---------------------------------------------------- */

static char a_static[64] __attribute__((aligned(16)));

static void free_stack(void)
{
	char local[64] __attribute__((aligned(16)));

	memset(local, 0, sizeof(local));
	free(hide(local));
}

static void free_static(void)
{
	free(hide(a_static));
}

static void free_constant(void)
{
	free(hide((void *)(uintptr_t) "a constant, somewhat longer than a pointer"));
}

static void free_code(void)
{
	free(hide((void *)free_static));
}

static void free_mapping(void)
{
	char *mapping = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	free(hide(mapping + 4096));
}

static void free_low(void)
{
	free(hide((void *)16));
}

static void free_noncanonical(void)
{
	free(hide((void *)0x4141414141414140));
}

static void free_highest(void)
{
	free(hide((void *)(UINTPTR_MAX - 15)));
}

static void free_unmapped(void)
{
	char *mapping = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(mapping, 65536);
	free(hide(mapping + 16));
}

static void realloc_stack(void)
{
	char local[64] __attribute__((aligned(16)));

	memset(local, 0, sizeof(local));
	hidden = realloc(hide(local), 1000);
}

static const struct {
	const char *name;
	void (*wrong)(void);
} strangers[] = {
	{"free_stack", free_stack}, {"free_static", free_static}, {"free_constant", free_constant},
	{"free_code", free_code}, {"free_mapping", free_mapping}, {"free_low", free_low},
	{"free_noncanonical", free_noncanonical}, {"free_highest", free_highest},
	{"free_unmapped", free_unmapped}, {"realloc_stack", realloc_stack},
};

enum { STRANGER_COUNT = sizeof(strangers) / sizeof(strangers[0]) };

/* ---- one cell ------------------------------------------------------------------------- */

static void *run(void *wrong)
{
	(*(void (**)(void))wrong)();
	return NULL;
}

static void by_whom(const char *who, void (*wrong)(void))
{
	pthread_t thread;

	traffic();
	if (strcmp(who, "owner") == 0)
		wrong();
	else if (pthread_create(&thread, NULL, run, &wrong) != 0 || pthread_join(thread, NULL) != 0)
		exit(2);
	traffic();
}

static void (*wrong_of(const char *kind, const char *size))(void)
{
	for (size_t i = 0; i < STRANGER_COUNT; i++)
		if (strcmp(strangers[i].name, kind) == 0)
			return strangers[i].wrong;
	for (size_t i = 0; i < SIZE_COUNT; i++)
		if (strcmp(sizes[i].name, size) == 0)
			bytes = sizes[i].bytes;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (strcmp(kinds[i].name, kind) != 0)
			continue;
		object = kinds[i].is_new && operator_new != NULL ? operator_new(bytes) : malloc(bytes);
		memset(object, 0, bytes);
		kinds[i].before();
		return kinds[i].wrong;
	}
	exit(2);
}

static void list(const char *kind, const char *size)
{
	static const char *const whos[] = {"owner", "other"}, *const whens[] = {"at_once", "later"};

	for (int who = 0; who < 2; who++)
		for (int when = 0; when < 2; when++)
			printf("%s %s %s %s\n", kind, size, whos[who], whens[when]);
}

static void list_all(void)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		for (size_t size = 0; size < SIZE_COUNT; size++)
			if (kinds[i].wrong != wrong_size_less || sizes[size].bytes > 16)
				list(kinds[i].name, sizes[size].name);
	for (size_t i = 0; i < STRANGER_COUNT; i++)
		list(strangers[i].name, "-");
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		list_all();
		return argc != 1 ? 2 : 0;
	}
	comes_traffic = strcmp(argv[4], "later") == 0;
	void (*wrong)(void) = wrong_of(argv[1], argv[2]);
	by_whom(argv[3], wrong);
	puts("not noticed");
	return 0;
}
