/*
 * busy.c - mstat_dump() while another thread's dump is being written.
 *
 * Proves: it fails with EBUSY at once, the other one is written as if nobody had called,
 * and no file is made that nobody asked for.
 *
 *     busy FOLDER     MSTAT_CONF has dumps made in FOLDER
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "include/mstat.h"
#include "tests/preload/tap.h"

#pragma weak mstat_dump

enum { PIPE_BYTES = 4096 };

static int dump_result = -2;

/* Into a pipe that takes a page of it. */
static void *thread_main(void *arg)
{
	dump_result = mstat_dump(*(int *)arg, "json");
	close(*(int *)arg);
	return NULL;
}

static int files_in(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	if (dir == NULL)
		return -1;
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static size_t read_all(int fd, char *last)
{
	char buffer[PIPE_BYTES];
	size_t sum = 0;

	for (ssize_t got; (got = read(fd, buffer, sizeof(buffer))) > 0; sum += (size_t)got)
		*last = buffer[got - 1] == '\n' && got > 1 ? buffer[got - 2] : buffer[got - 1];
	return sum;
}

int main(int argc, char **argv)
{
	int ends[2], nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pthread_t thread;
	char last = '?';

	tap_begin();
	if (argc != 2 || nowhere < 0 || pipe(ends) != 0 ||
		fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) < 0 ||
		pthread_create(&thread, NULL, thread_main, &ends[1]) != 0)
		return 2;
	struct pollfd has_begun = {.fd = ends[0], .events = POLLIN};
	poll(&has_begun, 1, -1);
	errno = 0;
	int result = mstat_dump(nowhere, "text");
	tap_ok(result == -1 && errno == EBUSY, "while a dump is written another fails with EBUSY");
	size_t bytes = read_all(ends[0], &last);
	pthread_join(thread, NULL);
	tap_ok(dump_result == 0 && bytes > PIPE_BYTES && last == '}', "the first one is written");
	tap_is(0, files_in(argv[1]), "nobody asked for a file, and there is none");
	tap_is(0, mstat_dump(nowhere, "text"), "then there can be another");
	return tap_done();
}
