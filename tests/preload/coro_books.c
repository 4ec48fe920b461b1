/*
 * coro_books.c - a process that makes coroutines when it is told to, for coro_books.sh.
 *
 * Each line of stdin is one letter and a number; the answer is the process id and what it
 * has of stacks in use and obtained, as libmstat says from inside, -1 where it is not there.
 *     c N   N more coroutines, each suspended in the middle; every tenth on a large stack
 *     d 0   all are destroyed
 *     t 0   trims
 *     f 0   forks: the child goes on with the lines, and this one when that has ended
 *     e 0   ends
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/mstat.h"
#include "include/mstat_coro.h"

enum { MOST = 4096, LARGE_BYTES = 256 << 10 };

#pragma weak mstat_snapshot

static struct coro *all[MOST];
static int all_count;

static void use_some(void *unused)
{
	char frame[4096];

	memset(frame, 1, sizeof(frame));
	coro_yield(frame);
	coro_yield(unused);
}

static void create(int count)
{
	static const struct coro_attr large = {.stack_bytes = LARGE_BYTES};

	for (; count > 0 && all_count < MOST; count--) {
		if (coro_create(&all[all_count], all_count % 10 == 9 ? &large : NULL, use_some, NULL) != 0)
			exit(3);
		coro_resume(all[all_count++], NULL);
	}
}

static void destroy_all(void)
{
	while (all_count > 0)
		if (coro_destroy(all[--all_count]) != 0)
			exit(4);
}

/* Returns in the child at once; then in the parent. */
static void go_on_in_child(void)
{
	pid_t child = fork();

	if (child < 0 || (child > 0 && waitpid(child, NULL, 0) != child))
		exit(5);
}

static void answer(void)
{
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};

	if (mstat_snapshot == NULL)
		printf("%d -1 -1\n", (int)getpid());
	else if (mstat_snapshot(&now) == 0)
		printf("%d %lu %lu\n", (int)getpid(), now.stacks_inuse, now.stacks_sys);
	fflush(stdout);
}

static void obey(char what, int count)
{
	switch (what) {
	case 'c':
		create(count);
		break;
	case 'd':
		destroy_all();
		break;
	case 't':
		coro_trim();
		break;
	case 'f':
		go_on_in_child();
		break;
	default:
		exit(0);
	}
}

int main(void)
{
	char what;
	int count;

	setvbuf(stdin, NULL, _IONBF, 0); /* a child reads on where its parent stopped */
	answer();
	while (scanf(" %c %d", &what, &count) == 2) {
		obey(what, count);
		answer();
	}
	return 1;
}
