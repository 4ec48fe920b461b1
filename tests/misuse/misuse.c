/*
 * misuse.c - does one thing wrong with the heap, the one that its argument names.
 *
 * WHY        misuse.sh asserts how each ends.  A case that was not noticed says so
 *            and exits with 0; without an argument the cases are listed.
 *
 * Each case is a function of its own, so that the caller that a message names
 * can be told apart.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SMALL_BYTES = 40,         /* of size class 48 */
	CLASS_BYTES = 48,
	LARGE_BYTES = 1 << 20,
	PAGE_BYTES = 8192         /* the heap's */
};

#include "include/mstat.h"

/* The library's, by their names: nothing here is linked to it. */
#pragma weak mstat_lookup
void operator_delete(void *ptr) __asm__("_ZdlPv") __attribute__((weak));
void free_sized_here(void *ptr, size_t bytes) __asm__("free_sized") __attribute__((weak));
void free_aligned_sized_here(void *ptr, size_t alignment, size_t bytes)
	__asm__("free_aligned_sized") __attribute__((weak));
void *operator_new(size_t bytes) __asm__("_Znwm") __attribute__((weak));
void *new_aligned(size_t bytes, size_t alignment)
	__asm__("_ZnwmSt11align_val_t") __attribute__((weak));
void delete_sized(void *ptr, size_t bytes) __asm__("_ZdlPvm") __attribute__((weak));
void delete_array_sized(void *ptr, size_t bytes) __asm__("_ZdaPvm") __attribute__((weak));
void delete_aligned(void *ptr, size_t alignment)
	__asm__("_ZdlPvSt11align_val_t") __attribute__((weak));
void delete_sized_aligned(void *ptr, size_t bytes, size_t alignment)
	__asm__("_ZdlPvmSt11align_val_t") __attribute__((weak));

static char a_static[64];

/* What the compiler must not know to be wrong. */
static void *volatile hidden;

static void *hide(void *ptr)
{
	hidden = ptr;
	return hidden;
}

static void *inside(void *ptr, ptrdiff_t offset)
{
	return hide((char *)ptr + offset);
}

/* Sends home what the magazines and pools hold: where the rest is noticed. */
static void all_go_home(void)
{
	malloc_trim(0);
}

static void free_stack(void)
{
	char local[64];

	free(hide(local));
	memset(local, 0, sizeof(local));
}

static void free_static(void)
{
	free(hide(a_static));
}

static void free_code(void)
{
	free(hide((void *)free_static));
}

static void free_one(void)
{
	free(hide((void *)1));
}

static void free_noncanonical(void)
{
	free(hide((void *)0x4141414141414141));
}

static void free_highest(void)
{
	free(hide((void *)(UINTPTR_MAX - 15)));
}

static void free_sized_stack(void)
{
	char local[64];

	free_sized_here(hide(local), sizeof(local));
	memset(local, 0, sizeof(local));
}

static void delete_static(void)
{
	operator_delete(hide(a_static));
}

static void realloc_stack(void)
{
	char local[64];

	hidden = realloc(hide(local), 128);
	memset(local, 0, sizeof(local));
}

static void realloc_static(void)
{
	hidden = realloc(hide(a_static), 128);
}

static void realloc_noncanonical(void)
{
	hidden = realloc(hide((void *)0x4141414141414141), 128);
}

static void realloc_zero_stack(void)
{
	char local[64];

	hidden = realloc(hide(local), 0);
	memset(local, 0, sizeof(local));
}

static void reallocarray_static(void)
{
	hidden = reallocarray(hide(a_static), 2, 64);
}

static void usable_size_static(void)
{
	hidden = (void *)malloc_usable_size(hide(a_static));
}

static void free_inside_large(void)
{
	free(inside(malloc(LARGE_BYTES), 16));
}

static void free_page_inside_large(void)
{
	free(inside(malloc(LARGE_BYTES), PAGE_BYTES));
}

static void realloc_inside_large(void)
{
	hidden = realloc(inside(malloc(LARGE_BYTES), PAGE_BYTES), 2 * LARGE_BYTES);
}

static void realloc_small_inside_large(void)
{
	hidden = realloc(inside(malloc(LARGE_BYTES), PAGE_BYTES), SMALL_BYTES);
}

static void usable_size_inside_large(void)
{
	hidden = (void *)malloc_usable_size(inside(malloc(LARGE_BYTES), 64));
}

static void double_in_a_row(void)
{
	void *ptr = hide(malloc(SMALL_BYTES));

	free(ptr);
	free(hidden);
}

static void double_in_a_row_delete(void)
{
	void *ptr = hide(malloc(SMALL_BYTES));

	operator_delete(ptr);
	operator_delete(hidden);
}

static void double_by_realloc_zero(void)
{
	free(hide(malloc(SMALL_BYTES)));
	hidden = realloc(hidden, 0);
}

static void double_by_realloc(void)
{
	free(hide(malloc(SMALL_BYTES)));
	hidden = realloc(hidden, LARGE_BYTES);
}

/* It could stay where it is. */
static void realloc_freed_same(void)
{
	free(hide(malloc(SMALL_BYTES)));
	hidden = realloc(hidden, SMALL_BYTES);
}

static void usable_size_freed(void)
{
	free(hide(malloc(SMALL_BYTES)));
	hidden = (void *)malloc_usable_size(hidden);
}

static void usable_size_freed_home(void)
{
	hide(malloc(SMALL_BYTES)); /* keeps the span */
	free(hide(malloc(SMALL_BYTES)));
	malloc_trim(0);
	hidden = (void *)malloc_usable_size(hidden);
}

static void usable_size_inside_small(void)
{
	hidden = (void *)malloc_usable_size(inside(malloc(SMALL_BYTES), 16));
}

static void double_large(void)
{
	void *ptr = hide(malloc(LARGE_BYTES));

	free(ptr);
	free(hidden);
}

static void double_large_apart(void)
{
	void *ptr = hide(malloc(LARGE_BYTES)), *other = malloc(LARGE_BYTES);

	free(ptr);
	free(other);
	free(hidden);
}

static void realloc_freed_large(void)
{
	free(hide(malloc(LARGE_BYTES)));
	hidden = realloc(hidden, 2 * LARGE_BYTES);
}

static void realloc_small_freed_large(void)
{
	free(hide(malloc(LARGE_BYTES)));
	hidden = realloc(hidden, SMALL_BYTES);
}

static void usable_size_freed_large(void)
{
	free(hide(malloc(LARGE_BYTES)));
	hidden = (void *)malloc_usable_size(hidden);
}

static void double_apart(void)
{
	void *ptr = hide(malloc(SMALL_BYTES)), *other = malloc(SMALL_BYTES);

	free(ptr);
	free(other);
	free(hidden);
	all_go_home();
}

static void *free_it(void *ptr)
{
	free(ptr);
	return NULL;
}

static void double_on_two_threads(void)
{
	void *ptr = hide(malloc(SMALL_BYTES));
	pthread_t thread;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, free_it, ptr) != 0 ||
			pthread_join(thread, NULL) != 0)
			exit(2);
	all_go_home();
}

static void free_inside_small(void)
{
	free(inside(malloc(SMALL_BYTES), 16));
	all_go_home();
}

static void free_odd_inside_small(void)
{
	free(inside(malloc(SMALL_BYTES), 1));
	all_go_home();
}

/* Behind the last object of a span: 682 of 48 bytes leave 32 of 4 pages. */
static void free_behind_last(void)
{
	char *ptr = malloc(SMALL_BYTES);

	while (mstat_lookup(ptr, NULL, NULL) == 0)
		ptr += CLASS_BYTES;
	free(hide(ptr));
	all_go_home();
}

/* ---- what nothing comes upon before the end ----------------------------------------- */

static void double_and_exit(void)
{
	void *ptr = hide(malloc(SMALL_BYTES)), *other = malloc(SMALL_BYTES);

	free(ptr);
	free(other);
	free(hidden);
}

static void inside_and_exit(void)
{
	free(inside(malloc(SMALL_BYTES), 16));
}

/* What the parent freed before counts too. */
static void double_and_exit_of_a_child(void)
{
	void *ptr = hide(malloc(SMALL_BYTES)), *other = malloc(SMALL_BYTES);
	int status;

	free(ptr);
	free(other);
	if (fork() == 0) {
		free(hidden);
		exit(0);
	}
	wait(&status);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		_exit(128 + SIGABRT);
}

/* ---- sizes and alignments ------------------------------------------------------------ */

static void delete_larger(void)
{
	delete_sized(hide(operator_new(SMALL_BYTES)), 100);
}

static void delete_array_larger(void)
{
	delete_array_sized(hide(operator_new(SMALL_BYTES)), 100);
}

static void delete_large_smaller(void)
{
	delete_sized(hide(operator_new(LARGE_BYTES)), LARGE_BYTES / 2);
}

static void delete_aligned_as_plain(void)
{
	delete_sized(hide(new_aligned(SMALL_BYTES, 64)), SMALL_BYTES);
}

static void delete_plain_as_aligned(void)
{
	void *ptr = operator_new(SMALL_BYTES);

	while ((uintptr_t)ptr % 64 != 0)
		ptr = operator_new(SMALL_BYTES);
	delete_sized_aligned(hide(ptr), SMALL_BYTES, 64);
}

static void delete_misaligned(void)
{
	void *ptr = operator_new(SMALL_BYTES);

	while ((uintptr_t)ptr % PAGE_BYTES == 0)
		ptr = operator_new(SMALL_BYTES);
	delete_aligned(hide(ptr), PAGE_BYTES);
}

static void delete_no_alignment(void)
{
	delete_sized_aligned(hide(operator_new(SMALL_BYTES)), SMALL_BYTES, 24);
}

static void free_sized_larger(void)
{
	free_sized_here(hide(malloc(SMALL_BYTES)), CLASS_BYTES + 1);
}

static void free_sized_much_smaller(void)
{
	free_sized_here(hide(malloc(1024)), 512);
}

static void free_aligned_sized_larger(void)
{
	free_aligned_sized_here(hide(aligned_alloc(64, SMALL_BYTES)), 64, 65);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"free_stack", free_stack},
	{"free_static", free_static},
	{"free_code", free_code},
	{"free_one", free_one},
	{"free_noncanonical", free_noncanonical},
	{"free_highest", free_highest},
	{"free_sized_stack", free_sized_stack},
	{"delete_static", delete_static},
	{"realloc_stack", realloc_stack},
	{"realloc_static", realloc_static},
	{"realloc_noncanonical", realloc_noncanonical},
	{"realloc_zero_stack", realloc_zero_stack},
	{"reallocarray_static", reallocarray_static},
	{"usable_size_static", usable_size_static},
	{"free_inside_large", free_inside_large},
	{"free_page_inside_large", free_page_inside_large},
	{"realloc_inside_large", realloc_inside_large},
	{"realloc_small_inside_large", realloc_small_inside_large},
	{"usable_size_inside_large", usable_size_inside_large},
	{"double_in_a_row", double_in_a_row},
	{"double_in_a_row_delete", double_in_a_row_delete},
	{"double_by_realloc_zero", double_by_realloc_zero},
	{"double_by_realloc", double_by_realloc},
	{"realloc_freed_same", realloc_freed_same},
	{"usable_size_freed", usable_size_freed},
	{"usable_size_freed_home", usable_size_freed_home},
	{"usable_size_inside_small", usable_size_inside_small},
	{"double_large", double_large},
	{"double_large_apart", double_large_apart},
	{"realloc_freed_large", realloc_freed_large},
	{"realloc_small_freed_large", realloc_small_freed_large},
	{"usable_size_freed_large", usable_size_freed_large},
	{"double_apart", double_apart},
	{"double_on_two_threads", double_on_two_threads},
	{"free_inside_small", free_inside_small},
	{"free_odd_inside_small", free_odd_inside_small},
	{"free_behind_last", free_behind_last},
	{"double_and_exit", double_and_exit},
	{"inside_and_exit", inside_and_exit},
	{"double_and_exit_of_a_child", double_and_exit_of_a_child},
	{"delete_larger", delete_larger},
	{"delete_array_larger", delete_array_larger},
	{"delete_large_smaller", delete_large_smaller},
	{"delete_aligned_as_plain", delete_aligned_as_plain},
	{"delete_plain_as_aligned", delete_plain_as_aligned},
	{"delete_misaligned", delete_misaligned},
	{"delete_no_alignment", delete_no_alignment},
	{"free_sized_larger", free_sized_larger},
	{"free_sized_much_smaller", free_sized_much_smaller},
	{"free_aligned_sized_larger", free_aligned_sized_larger},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc < 2) {
			puts(cases[i].name);
		} else if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			puts("not noticed");
			return 0;
		}
	}
	return argc < 2 ? 0 : 2;
}
