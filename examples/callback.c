/*
 * callback.c - a C library function runs on the thread's own stack, and what it calls
 * back may panic through it.
 *
 * qsort() knows nothing of coroutines and gets a large stack; the comparison runs on the
 * coroutine's stack again.  When it finds what cannot be compared it panics: qsort()'s
 * frames are given up, and the function that called it recovers.
 *
 *     cc callback.c $(pkg-config --cflags --libs mstat_coro)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mstat_coro.h>

struct pair {
	const char *const *left, *const *right;
	int result;
};

static void *pair_compare(void *arg)
{
	struct pair *pair = arg;

	if (*pair->left == NULL || *pair->right == NULL)
		coro_panic((void *)"there is a hole in the list");
	pair->result = strcmp(*pair->left, *pair->right);
	return NULL;
}

/* Called by qsort(), on the thread's stack. */
static int compare(const void *left, const void *right)
{
	struct pair pair = {left, right, 0};

	coro_callback(pair_compare, &pair);
	return pair.result;
}

struct words {
	const char *words[4];
	size_t count;
};

static void *words_sort(void *arg)
{
	struct words *words = arg;

	qsort(words->words, words->count, sizeof(words->words[0]), compare);
	return NULL;
}

static void print_panic(void *nothing)
{
	const char *text = coro_recover();

	(void)nothing;
	if (text != NULL)
		printf("not sorted: %s\n", text);
}

static void sort_and_print(void *arg)
{
	CORO_FRAME;
	struct words *words = arg;

	if (coro_defer(print_panic, NULL, 0) != 0)
		return;
	coro_foreign(words_sort, words);
	for (size_t i = 0; i < words->count; i++)
		printf("%s%c", words->words[i], i + 1 < words->count ? ' ' : '\n');
}

int main(void)
{
	struct words lists[] = {{{"pear", "apple", "fig", "plum"}, 4}, {{"pear", NULL, "fig"}, 3}};

	for (int i = 0; i < 2; i++) {
		struct coro *co;
		if (coro_create(&co, NULL, sort_and_print, &lists[i]) != 0) {
			perror("coro_create");
			return 1;
		}
		coro_resume(co, NULL);
		coro_destroy(co);
	}
	return 0;
}
