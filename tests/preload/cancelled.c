/*
 * cancelled.c - the dump signal comes to a thread that is to be cancelled and is at
 * no place where that happens.
 *
 * Proves: the handler is no such place; the dump is whole, the thread goes on, and
 * the next dump is written too.
 *
 * The argument begins the dumps' names; MSTAT_CONF names them too.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/preload/tap.h"

static volatile sig_atomic_t is_computing, has_been_asked;
static const char *prefix;

static bool dump_is_whole(int number)
{
	char path[4096], end[4] = "";

	snprintf(path, sizeof(path), "%s-%d.dump", prefix, number);
	FILE *dump = fopen(path, "r");
	if (dump == NULL)
		return false;
	bool whole = fseek(dump, -4, SEEK_END) == 0 && fread(end, 4, 1, dump) == 1 &&
		memcmp(end, "end\n", 4) == 0;
	fclose(dump);
	return whole;
}

static void *compute(void *arg)
{
	is_computing = 1;
	while (!has_been_asked)
		continue;
	raise(SIGUSR2);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *result = NULL;

	tap_begin();
	if (argc != 2)
		return 2;
	prefix = argv[1];
	if (pthread_create(&thread, NULL, compute, &prefix) != 0)
		return 2;
	while (!is_computing)
		continue;
	pthread_cancel(thread);
	has_been_asked = 1;
	pthread_join(thread, &result);
	tap_ok(result == &prefix, "the thread ends by itself");
	tap_ok(dump_is_whole(1), "its dump is whole");
	raise(SIGUSR2);
	tap_ok(dump_is_whole(2), "so is the next one");
	return tap_done();
}
