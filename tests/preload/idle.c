/*
 * idle.c - a child of fork() that allocates nothing, so that it has no box: it stays
 * until it is killed ("stay"), or ends when it is old enough for one ("exit",
 * "quick_exit"), and allocates only then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OLD_ENOUGH_US = 30 * 1000, OBJECTS = 600 /* more than the magazines hold */ };

static void *kept[OBJECTS];

static void allocate(void)
{
	for (size_t i = 0; i < OBJECTS; i++)
		kept[i] = malloc(100 + 100 * i);
}

static void child(const char *how)
{
	if (strcmp(how, "stay") == 0)
		pause();
	usleep(OLD_ENOUGH_US);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(at_quick_exit(allocate) == 0 ? 3 : 4);
	exit(3);
}

int main(int argc, char **argv)
{
	int status = 0;

	if (argc != 2)
		return 2;
	printf("%d\n", (int)getpid());
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		child(argv[1]);
	printf("%d\n", (int)pid);
	fflush(stdout);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
