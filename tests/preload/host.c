/*
 * host.c - a program in C that loads a plugin in C++ by RTLD_LOCAL, so that no
 * definition of operator new stands behind the library's own.
 */
#include <dlfcn.h>
#include <stddef.h>

#include "tests/preload/tap.h"

int main(int argc, char **argv)
{
	tap_begin();
	tap_ok(dlsym(RTLD_DEFAULT, "__cxa_throw") == NULL, "the program has no C++ runtime");
	void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	int (*catches)(void) = plugin != NULL ? (int (*)(void))dlsym(plugin, "plugin_catches") : NULL;
	if (!tap_ok(catches != NULL, "the plugin is loaded"))
		tap_note("%s", dlerror());
	tap_ok(catches != NULL && catches() == 1, "its bad_alloc is thrown and caught");
	return tap_done();
}
