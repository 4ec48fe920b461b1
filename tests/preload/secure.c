/*
 * secure.c - a program that is linked with the library and runs with another's rights:
 * prints whether it does, and what signals it catches; has a child that lives a while.
 *
 * WHY        Where the dynamic linker sees such rights it preloads nothing, but it loads
 *            what a program was linked with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "include/mstat.h"

static void work(void)
{
	void *objects[1000];

	for (size_t i = 0; i < 1000; i++)
		objects[i] = malloc(i * 50);
	for (size_t i = 0; i < 1000; i++)
		free(objects[i]);
}

static void print_signals(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "SigCgt:", 7) == 0)
			printf("catches %s", line + 8);
	if (status != NULL)
		fclose(status);
}

int main(void)
{
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};

	work();
	pid_t child = fork();
	if (child == 0) {
		struct timespec rest = {0, 30000000};
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
		for (int i = 0; i < 200; i++)
			work();
		abort();
	}
	waitpid(child, NULL, 0);
	printf("secure %lu\n", getauxval(AT_SECURE));
	print_signals();
	if (mstat_snapshot(&now) != 0 || now.nmalloc < 1000)
		puts("no books");
	fflush(stdout);
	abort(); /* what it leaves behind stays */
}
