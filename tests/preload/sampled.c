/*
 * sampled.c - allocates in functions of known names, says when it has, and waits for the end
 * of its input.
 *
 *     sampled plugins A B COUNT   in each in turn, loaded and unloaded; 1,000,000 bytes each
 *     sampled fork                1,000,000 bytes by parent_keep(), then a child, by child_keep()
 *     sampled storm SECONDS       threads that allocate while the rate is changed
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"

enum { BYTES = 1000000, OBJECTS = 500, THREADS = 4 };

static void *kept[4];
static uintptr_t last_place, same_places;

static void say_and_wait(const char *what)
{
	char unused;

	puts(what);
	fflush(stdout);
	while (read(STDIN_FILENO, &unused, 1) > 0)
		;
}

/* ---- plugins --------------------------------------------------------------------------- */

static void *keep_by(const char *path)
{
	void *plugin = dlopen(path, RTLD_NOW);
	void *(*keep)(size_t) = plugin != NULL ? (void *(*)(size_t))dlsym(plugin, "plugin_keep") : NULL;

	if (keep == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	same_places += (uintptr_t)keep == last_place;
	last_place = (uintptr_t)keep;
	void *object = keep(BYTES);
	dlclose(plugin);
	return object;
}

static int plugins(char **argv)
{
	char line[64];

	for (int i = 0; i < atoi(argv[4]); i++) {
		free(keep_by(argv[2]));
		free(keep_by(argv[3]));
	}
	snprintf(line, sizeof(line), "ready, %lu at the place of the one before",
		(unsigned long)same_places);
	say_and_wait(line);
	return 0;
}

/* ---- a fork ------------------------------------------------------------------------------ */

static NOINLINE void parent_keep(void)
{
	kept[0] = malloc(BYTES);
	__asm__ volatile("" ::: "memory");
}

static NOINLINE void child_keep(void)
{
	kept[1] = malloc(2 * BYTES);
	__asm__ volatile("" ::: "memory");
}

static int forked(void)
{
	char line[32];

	parent_keep();
	pid_t child = fork();
	if (child == 0) {
		child_keep();
		free(kept[0]);
		for (int i = 0; i < 100; i++) { /* it has lived for a while: it gets a box */
			usleep(1000);
			free(malloc(100000));
		}
		snprintf(line, sizeof(line), "child %d", (int)getpid());
		say_and_wait(line);
		return 0;
	}
	waitpid(child, NULL, 0);
	return 0;
}

/* ---- a storm ------------------------------------------------------------------------------- */

static void *churn(void *seconds)
{
	time_t end = time(NULL) + (intptr_t)seconds;
	unsigned random = (unsigned)(uintptr_t)&end;
	void *objects[OBJECTS] = {NULL};

	while (time(NULL) < end)
		for (int i = 0; i < 10000; i++) {
			random = random * 1103515245 + 12345;
			void **object = &objects[(random >> 8) % OBJECTS];
			if ((random >> 30) == 0)
				*object = realloc(*object, (random >> 16) % 3000 + 1);
			else
				free(*object), *object = malloc((random >> 16) % 20000);
		}
	for (int i = 0; i < OBJECTS; i++)
		free(objects[i]);
	return NULL;
}

static int storm(intptr_t seconds)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, churn, (void *)seconds);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	say_and_wait("ready");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "plugins") == 0)
		return plugins(argv);
	if (argc == 2 && strcmp(argv[1], "fork") == 0)
		return forked();
	if (argc == 3 && strcmp(argv[1], "storm") == 0)
		return storm(atoi(argv[2]));
	return 2;
}
