/*
 * loaders.c - threads that load the process's first libraries at the same moment, and a
 * library that is loaded by dlmopen().
 *
 * Proves: the first of them waits for what is done once, and so do all; what the program
 * allocated the library can free, however it was loaded.
 *
 * The arguments are libraries, each loaded by a thread; "dlmopen" before one: by that.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/preload/tap.h"

enum { LOADERS_MOST = 16 };

static pthread_barrier_t barrier;

static bool is_of_use(void *library)
{
	void (*takes)(void *) = library != NULL ? (void (*)(void *))dlsym(library, "takes") : NULL;

	if (takes == NULL)
		return false;
	takes(strdup("from the program"));
	takes(malloc(100000));
	return true;
}

static void *load(void *path)
{
	pthread_barrier_wait(&barrier);
	return is_of_use(dlopen(path, RTLD_LAZY | RTLD_DEEPBIND)) ? path : NULL;
}

static void test_threads(char **paths, unsigned count)
{
	pthread_t threads[LOADERS_MOST];
	void *result;
	bool good = true;

	pthread_barrier_init(&barrier, NULL, count);
	for (unsigned i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, load, paths[i]) != 0)
			abort();
	for (unsigned i = 0; i < count; i++) {
		pthread_join(threads[i], &result);
		good = good && result != NULL;
	}
	tap_ok(good, "each frees what the program allocated");
}

static void test_dlmopen(const char *path)
{
	void *libc = dlmopen(LM_ID_BASE, "libc.so.6", RTLD_LAZY);
	void (*its_free)(void *) = (void (*)(void *))dlsym(libc, "free");

	its_free(strdup("by the handle"));
	tap_ok(is_of_use(dlmopen(LM_ID_BASE, path, RTLD_LAZY | RTLD_DEEPBIND)),
		"it frees what the program allocated");
	tap_ok(dlmopen(LM_ID_BASE, "there is no such library", RTLD_NOW) == NULL && dlerror() != NULL,
		"what cannot be loaded is an error as ever");
}

int main(int argc, char **argv)
{
	tap_begin();
	if (argc > 2 && strcmp(argv[1], "dlmopen") == 0)
		test_dlmopen(argv[2]);
	else if (argc > 1 && argc - 1 <= LOADERS_MOST)
		test_threads(argv + 1, (unsigned)argc - 1);
	return tap_done();
}
