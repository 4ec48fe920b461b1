/*
 * checked.c - does one thing wrong with an object, to be found out by a checked mode.
 *
 * usage: checked               lists the kinds
 *        checked KIND BYTES [COUNT]    does it to an object of so many bytes, after so many
 *                              others were made
 *
 * WHY        checked.sh, efence.sh and sampled.sh assert how each ends.  What was not noticed says so and exits with 0.
 *
 * Each object is made by make_it() and freed by free_it(), so that stacks can be told.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OTHERS = 200000, BATCH = 64 };

void delete_sized(void *ptr, size_t bytes) __asm__("_ZdlPvm") __attribute__((weak));
void *operator_new(size_t bytes) __asm__("_Znwm") __attribute__((weak));
void free_sized_here(void *ptr, size_t bytes) __asm__("free_sized") __attribute__((weak));
void free_aligned_sized_here(void *ptr, size_t alignment, size_t bytes)
	__asm__("free_aligned_sized") __attribute__((weak));

/* What the compiler must not know to be wrong. */
static char *volatile hidden;

static __attribute__((noinline)) char *make_it(size_t bytes)
{
	hidden = malloc(bytes);
	return hidden;
}

static __attribute__((noinline)) void free_it(char *object)
{
	hidden = object;
	free(hidden);
}

static __attribute__((noinline)) void make_some(long count)
{
	for (long i = 0; i < count; i++)
		hidden = malloc(100);
}

static void put(char *object, ptrdiff_t at, size_t count)
{
	hidden = object + at;
	memset(hidden, 'x', count);
}

/* Until the memory of what was freed is handed out again. */
static void make_others(size_t bytes)
{
	static void *others[BATCH];

	for (int i = 0; i < OTHERS; i++) {
		free(others[i % BATCH]);
		others[i % BATCH] = malloc(bytes);
	}
}

static void overflow(size_t bytes, size_t count)
{
	char *object = make_it(bytes);

	put(object, (ptrdiff_t)bytes, count);
	free_it(object);
}

static void overflow_1(size_t bytes)
{
	overflow(bytes, 1);
}

static void overflow_8(size_t bytes)
{
	overflow(bytes, 8);
}

static void overflow_64(size_t bytes)
{
	overflow(bytes, 64);
}

/* A zero, as of a text that has no room for its end. */
static void overflow_zero(size_t bytes)
{
	char *object = make_it(bytes);

	hidden = object + bytes;
	*hidden = '\0';
	free_it(object);
}

static void overflow_into_next(size_t bytes)
{
	char *object = make_it(bytes);

	put(object, (ptrdiff_t)bytes, malloc_usable_size(object) / 2 + 40);
	free_it(object);
}

static void overflow_realloc(size_t bytes)
{
	char *object = make_it(bytes);

	put(object, (ptrdiff_t)bytes, 3);
	hidden = realloc(object, bytes + 1);
}

static void underflow_1(size_t bytes)
{
	char *object = make_it(bytes);

	put(object, -1, 1);
	free_it(object);
}

static void underflow_8(size_t bytes)
{
	char *object = make_it(bytes);

	put(object, -8, 8);
	free_it(object);
}

static void write_freed(size_t bytes)
{
	char *object = make_it(bytes);

	free_it(object);
	put(object, 0, 1);
	make_others(bytes);
}

static void write_freed_last(size_t bytes)
{
	char *object = make_it(bytes);

	free_it(object);
	put(object, (ptrdiff_t)bytes - 1, 1);
	make_others(bytes);
}

static void write_freed_zeroes(size_t bytes)
{
	char *object = make_it(bytes);

	free_it(object);
	hidden = object;
	memset(hidden, 0, bytes);
	make_others(bytes);
}

static void read_freed(size_t bytes)
{
	char *object = make_it(bytes);

	free_it(object);
	hidden = object;
	printf("reads %02x\n", (unsigned char)hidden[bytes / 2]);
}

static void double_free(size_t bytes)
{
	char *object = make_it(bytes);

	free_it(object);
	free_it(object);
}

static void double_free_apart(size_t bytes)
{
	char *object = make_it(bytes);

	free_it(object);
	free(malloc(bytes));
	free(malloc(10));
	free_it(object);
}

static void realloc_freed(size_t bytes)
{
	char *object = make_it(bytes);

	free_it(object);
	hidden = object;
	hidden = realloc(hidden, bytes);
}

static void usable_freed(size_t bytes)
{
	char *object = make_it(bytes);

	free_it(object);
	hidden = object;
	printf("%zu\n", malloc_usable_size(hidden));
}

static void free_inside(size_t bytes)
{
	free_it(make_it(bytes) + 4);
}

static void free_behind(size_t bytes)
{
	free_it(make_it(bytes) + bytes);
}

static void sized_smaller(size_t bytes)
{
	free_sized_here(make_it(bytes), bytes - 1);
}

static void sized_larger(size_t bytes)
{
	free_sized_here(make_it(bytes), bytes + 1);
}

static void delete_smaller(size_t bytes)
{
	delete_sized(operator_new(bytes), bytes - 1);
}

static void aligned_otherwise(size_t bytes)
{
	free_aligned_sized_here(aligned_alloc(64, bytes), 128, bytes);
}

static const struct kind {
	const char *name;
	void (*run)(size_t bytes);
} kinds[] = {{"overflow_1", overflow_1}, {"overflow_8", overflow_8}, {"overflow_64", overflow_64},
	{"overflow_zero", overflow_zero}, {"overflow_into_next", overflow_into_next},
	{"overflow_realloc", overflow_realloc}, {"underflow_1", underflow_1},
	{"underflow_8", underflow_8}, {"write_freed", write_freed},
	{"write_freed_last", write_freed_last}, {"write_freed_zeroes", write_freed_zeroes},
	{"read_freed", read_freed}, {"double_free", double_free},
	{"double_free_apart", double_free_apart}, {"realloc_freed", realloc_freed},
	{"usable_freed", usable_freed}, {"free_inside", free_inside}, {"free_behind", free_behind},
	{"sized_smaller", sized_smaller}, {"sized_larger", sized_larger},
	{"delete_smaller", delete_smaller}, {"aligned_otherwise", aligned_otherwise}};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	make_some(argc > 3 ? strtol(argv[3], NULL, 0) : 0);
	for (int i = 0; i < KINDS; i++) {
		if (argc < 3)
			puts(kinds[i].name);
		else if (strcmp(argv[1], kinds[i].name) == 0)
			kinds[i].run(strtoul(argv[2], NULL, 0));
	}
	if (argc >= 3)
		puts("not noticed");
	return 0;
}
