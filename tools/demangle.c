#include "tools/demangle.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The C++ ABI's, of libstdc++. */
char *__cxa_demangle(const char *name, char *text, size_t *text_bytes, int *status);

/* "S_", "S1A_", "T_", "T0_": an earlier part, a parameter of the template.  In a part's
   own name they may stand by chance. */
static size_t references_count(const char *name)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t count = 0;

	for (; *name != '\0'; name++) {
		if (*name == 'S' || *name == 'T')
			count += name[1 + strspn(name + 1, digits)] == '_';
	}
	return count;
}

static bool is_bounded(const char *name)
{
	size_t bytes = strnlen(name, DEMANGLE_MOST_BYTES);
	size_t references = references_count(name);

	for (size_t i = 0; i < references && bytes < DEMANGLE_MOST_BYTES; i += 3)
		bytes *= 3;
	return bytes < DEMANGLE_MOST_BYTES;
}

char *demangle(const char *name)
{
	int status;

	if (strncmp(name, "_Z", 2) != 0 || !is_bounded(name))
		return NULL;
	return __cxa_demangle(name, NULL, NULL, &status);
}
