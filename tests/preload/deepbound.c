/*
 * deepbound.c - a program that loads a plugin with RTLD_DEEPBIND, and one that asks for
 * libc's functions by the handle of libc itself.
 *
 * Proves: what libc allocates for the plugin the plugin can free; objects go from the
 * program to the plugin and back, those of its constructor too; the plugin is bound to its
 * own names before the program's all the same; a library that the program loads is looked
 * for where the program's RUNPATH says; free() by libc's handle takes what strdup() returned.
 *
 * The argument is the plugin.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/preload/tap.h"

/* The plugin has one of the same name. */
int whose_name(void);
__attribute__((visibility("default"))) int whose_name(void)
{
	return 1;
}

static void *plugin;

static void *function(const char *name)
{
	void *found = dlsym(plugin, name);

	if (found == NULL)
		abort();
	return found;
}

static bool holds(const char *text, const char *want)
{
	return text != NULL && strcmp(text, want) == 0;
}

static void test_plugin(void)
{
	int (*uses_libc)(void) = (int (*)(void))function("uses_libc");
	void *(*makes)(size_t) = (void *(*)(size_t))function("makes");
	char *(*made_early)(void) = (char *(*)(void))function("made_early");
	void *(*grows)(void *, size_t) = (void *(*)(void *, size_t))function("grows");
	void (*takes)(void *) = (void (*)(void *))function("takes");
	int (*whose)(void) = (int (*)(void))function("whose");

	tap_is(0, uses_libc(), "it frees what libc allocated for it");
	for (size_t bytes = 1; bytes < 2 << 20; bytes *= 3) {
		free(makes(bytes));
		takes(malloc(bytes));
		takes(grows(malloc(bytes), 2 * bytes));
		takes(aligned_alloc(64, 64 * bytes));
		free(grows(makes(bytes), bytes + 100));
	}
	tap_ok(true, "objects go back and forth");
	char *early = made_early();
	tap_ok(holds(early, "early") && malloc_usable_size(early) >= 100,
		"what its constructor allocated is an object like any");
	free(early);
	tap_is(2, whose(), "it is bound to a name of its own before the program's");
}

static void test_neighbour(void)
{
	void *neighbour = dlopen("neighbour.so", RTLD_NOW); /* by its name alone */

	tap_ok(neighbour != NULL, "a library is found where the program's RUNPATH says");
}

static void test_libc_by_handle(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	void *(*its_malloc)(size_t) = (void *(*)(size_t))dlsym(libc, "malloc");
	void (*its_free)(void *) = (void (*)(void *))dlsym(libc, "free");
	void *(*its_realloc)(void *, size_t) = (void *(*)(void *, size_t))dlsym(libc, "realloc");
	char *(*its_strdup)(const char *) = (char *(*)(const char *))dlsym(libc, "strdup");

	its_free(its_strdup("by the handle"));
	its_free(malloc(100));
	free(its_malloc(100));
	char *text = its_realloc(strdup("grows"), 5000);
	tap_ok(holds(text, "grows"), "libc's functions, by its handle, agree with the others");
	free(text);
	errno = 0;
	tap_ok(dlopen("there is no such library", RTLD_NOW) == NULL && dlerror() != NULL,
		"what cannot be loaded is an error as ever");
}

int main(int argc, char **argv)
{
	tap_begin();
	plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND) : NULL;
	if (!tap_ok(plugin != NULL, "the plugin is loaded")) {
		tap_note("%s", dlerror());
		return 1;
	}
	test_plugin();
	test_neighbour();
	test_libc_by_handle();
	return tap_done();
}
