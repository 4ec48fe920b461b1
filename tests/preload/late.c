/*
 * late.c - a program that was started without libmstat.so and loads it.
 *
 * Its arguments are the library, then what to do: `local` or `global`, how it is loaded,
 * and the libraries to load before, as many of the copies of each as go in: they take the
 * memory that thread-local variables of late libraries are in.  What it finds it says, a line each.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/mstat.h"

enum { OBJECTS = 3000 };

static void *(*its_malloc)(size_t);
static void (*its_free)(void *);
static void *(*its_realloc)(void *, size_t);

/* By the functions of the library, for those that ask for them by its handle. */
static void *work(void *arg)
{
	static __thread void *kept[OBJECTS];

	for (size_t i = 0; i < OBJECTS; i++)
		kept[i] = its_malloc(i * i % 70000);
	for (size_t i = 0; i < OBJECTS; i++)
		kept[i] = its_realloc(kept[i], i + 1);
	for (size_t i = 0; i < OBJECTS; i++)
		its_free(kept[i]);
	return arg;
}

static void use(void *library)
{
	void *(*hinted)(size_t, unsigned) = (void *(*)(size_t, unsigned))dlsym(library, "mstat_alloc");
	pthread_t thread;
	void *result = NULL;
	int status = -1;

	its_malloc = (void *(*)(size_t))dlsym(library, "malloc");
	its_free = (void (*)(void *))dlsym(library, "free");
	its_realloc = (void *(*)(void *, size_t))dlsym(library, "realloc");
	work(NULL);
	if (pthread_create(&thread, NULL, work, &its_free) == 0)
		pthread_join(thread, &result);
	puts(result == (void *)&its_free ? "its functions work" : "no thread");
	for (size_t bytes = 0; bytes < 5000; bytes++) {
		free(hinted(bytes, MSTAT_NOSCAN));
		free(hinted(bytes, MSTAT_COLLECTABLE));
		free(hinted(bytes, 0));
	}
	puts("free() takes what is hinted");
	pid_t child = fork();
	if (child == 0)
		_exit(work(NULL) == NULL ? 0 : 1);
	waitpid(child, &status, 0);
	puts(status == 0 ? "a child works" : "no child");
}

/* Of a library that there are copies of, PATH.0 and so on, as many as go in. */
static bool load_copies(const char *path)
{
	char copy[4096];

	for (int i = 0;; i++) {
		snprintf(copy, sizeof(copy), "%s.%d", path, i);
		if (dlopen(copy, RTLD_NOW) == NULL)
			return strstr(dlerror(), "static TLS") != NULL;
	}
}

int main(int argc, char **argv)
{
	char *before = strdup("what was before is as it was");

	if (argc < 3 || before == NULL)
		return 2;
	for (int i = 3; i < argc; i++)
		if (!load_copies(argv[i]))
			puts("all of them were loaded");
	int mode = strcmp(argv[2], "global") == 0 ? RTLD_GLOBAL : RTLD_LOCAL;
	void *library = dlopen(argv[1], RTLD_NOW | mode);
	if (library == NULL)
		puts(strstr(dlerror(), "static TLS") != NULL ? "refused: static TLS" : "refused");
	else
		use(library);
	char *copy = strdup(before);
	puts(copy);
	free(copy);
	free(before);
	if (library != NULL)
		dlclose(library);
	return 0;
}
