/*
 * elsewhere.c - a program that changes where it is, or who.
 *
 *     elsewhere chroot FOLDER ROOT     another root, with a file named as its box
 *     elsewhere mount FOLDER OTHER     OTHER in the place of its box's folder, likewise
 *     elsewhere namesake FOLDER [dump] from number 1 of a pid namespace to another one's,
 *                                      a child that ends at once, or is asked for a dump
 *     elsewhere drop UID               another user's rights for good; a child of that
 *                                      user's that lives a while; both asked for dumps
 *
 * FOLDER is that of its box.  5: all is well; 77: this may not be done here.
 */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { IMPOSSIBLE = 77, PATH_BYTES = 4096 };

static void must(bool done)
{
	if (!done)
		exit(IMPOSSIBLE);
}

static void work(void)
{
	void *objects[1000];

	for (size_t i = 0; i < 1000; i++)
		objects[i] = malloc(i * 50);
	for (size_t i = 0; i < 1000; i++)
		free(objects[i]);
}

static const char *own_box(const char *folder)
{
	static char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%d.box", folder, (int)getpid());
	return path;
}

/* A file of our box's name, which is another process's for all that we know. */
static void make_namesake(const char *folder)
{
	int fd = open(own_box(folder), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, "precious", 8) == 8);
	close(fd);
}

static int to_root(const char *folder, const char *root)
{
	must(chroot(root) == 0 && chdir("/") == 0);
	make_namesake(folder);
	work();
	return 5;
}

static int to_mount(const char *folder, const char *other)
{
	must(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount(other, folder, NULL, MS_BIND, NULL) == 0);
	make_namesake(folder);
	work();
	return 5;
}

/* The child is one that no fork handler sees. */
static int to_namesake(const char *folder, bool is_signalled)
{
	struct stat before, after;
	int status;

	must(getpid() == 1 && stat(own_box(folder), &before) == 0 && unshare(CLONE_NEWPID) == 0);
	if (is_signalled)
		raise(SIGUSR2); /* the parent has written to its box of dumps */
	pid_t child = _Fork();
	if (child == 0) {
		if (getpid() != 1)
			_exit(IMPOSSIBLE);
		if (is_signalled)
			raise(SIGUSR2);
		_exit(5);
	}
	waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 5)
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return stat(own_box(folder), &after) == 0 && after.st_ino == before.st_ino ? 5 : 3;
}

static int to_user(uid_t uid)
{
	must(setgroups(0, NULL) == 0 && setgid(uid) == 0 && setuid(uid) == 0);
	work();
	pid_t child = fork();
	if (child == 0) {
		struct timespec rest = {0, 30000000};
		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
		for (int i = 0; i < 200; i++)
			work();
		raise(SIGUSR2);
		raise(SIGKILL);
	}
	waitpid(child, NULL, 0);
	raise(SIGUSR2);
	return 5;
}
int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	free(malloc(100));
	if (strcmp(argv[1], "chroot") == 0 && argc > 3)
		return to_root(argv[2], argv[3]);
	if (strcmp(argv[1], "mount") == 0 && argc > 3)
		return to_mount(argv[2], argv[3]);
	if (strcmp(argv[1], "namesake") == 0)
		return to_namesake(argv[2], argc > 3);
	if (strcmp(argv[1], "drop") == 0)
		return to_user((uid_t)atoi(argv[2]));
	return 2;
}
