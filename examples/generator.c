/*
 * generator.c - a coroutine that yields one value after another.
 *
 * A walk over a tree is easiest written as a recursion; whoever uses it wants the next
 * element when he wants it.  The coroutine's stack keeps where the recursion was.
 *
 *     cc generator.c $(pkg-config --cflags --libs mstat_coro)
 */
#include <stdio.h>

#include <mstat_coro.h>

struct tree {
	const char *word;
	const struct tree *left, *right;
};

static void walk(const struct tree *tree)
{
	if (tree == NULL)
		return;
	walk(tree->left);
	coro_yield((void *)tree->word);
	walk(tree->right);
}

static void walk_all(void *tree)
{
	walk(tree);
}

int main(void)
{
	static const struct tree ant = {"ant", NULL, NULL}, cow = {"cow", NULL, NULL},
		fox = {"fox", NULL, NULL}, bee = {"bee", &ant, &cow}, dog = {"dog", &bee, &fox};
	struct coro *words;
	const char *word;

	if (coro_create(&words, NULL, walk_all, (void *)&dog) != 0) {
		perror("coro_create");
		return 1;
	}
	/* NULL is what the end of the function brings. */
	while ((word = coro_resume(words, NULL)) != NULL)
		puts(word);
	coro_destroy(words);
	return 0;
}
