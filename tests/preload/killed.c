/*
 * killed.c - a program that grows until it is killed, for killed.sh.
 *
 *     killed MICROSECONDS         the kernel kills it when it ran for so long
 *     killed MICROSECONDS child   the same of a child, whose pid it prints
 *     killed limit                until it is refused memory; then it aborts
 *
 * What grows, grows in table_grow(); churn() asks for as much, and frees it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ROWS_MAX = 1 << 16,
	TABLE_MOST_BYTES = 256 << 20, /* from then on rows are only replaced */
	CHURNED = 8
};

static void *rows[ROWS_MAX];
static size_t row_bytes[ROWS_MAX];
static size_t table_bytes;

static unsigned next_random(void)
{
	static unsigned state = 1;

	state = state * 1103515245u + 12345u;
	return state >> 8;
}

/* Mostly small, some a few pages, a few large. */
static size_t some_size(void)
{
	unsigned kind = next_random() % 100;

	return 16 + next_random() % (kind < 90 ? 500 : kind < 99 ? 16000 : 200000);
}

/* However well what is free is used again. */
static int is_to_end;

/* A new row, or an old one of another size.  False if there is no memory. */
__attribute__((noinline)) static int table_grow(void)
{
	size_t at = next_random() % ROWS_MAX, bytes = some_size();

	if (table_bytes > TABLE_MOST_BYTES && rows[at] == NULL)
		return 1;
	void *row = rows[at] == NULL ? malloc(bytes) : realloc(rows[at], bytes + row_bytes[at] / 2);
	if (row == NULL)
		return 0;
	bytes += rows[at] == NULL ? 0 : row_bytes[at] / 2;
	memset(row, 1, bytes < 64 ? bytes : 64);
	table_bytes += bytes - row_bytes[at];
	row_bytes[at] = bytes;
	rows[at] = row;
	return !is_to_end || malloc(some_size()) != NULL;
}

__attribute__((noinline)) static void churn(void)
{
	void *blocks[CHURNED];

	for (int i = 0; i < CHURNED; i++)
		blocks[i] = malloc(some_size());
	for (int i = 0; i < CHURNED; i++)
		free(blocks[i]);
}

/* At any instruction: not even a handler could be in between. */
static int kill_in(long microseconds)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec when = {.it_value = {.tv_sec = microseconds / 1000000,
		.tv_nsec = microseconds % 1000000 * 1000 + 1}};
	timer_t timer;

	return timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0 &&
		timer_settime(timer, 0, &when, NULL) == 0;
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		pid_t child = fork();
		if (child > 0) {
			printf("%d\n", (int)child);
			return waitpid(child, NULL, 0) == child ? 0 : 1;
		}
	}
	if (argc < 2)
		return 1;
	is_to_end = strcmp(argv[1], "limit") == 0;
	if (!is_to_end && !kill_in(atol(argv[1])))
		return 1;
	while (table_grow())
		churn();
	abort();
}
