/*
 * preload/strings.c - libc's makers of strings, whose results hold no pointers.
 *
 * WHY        Many a program's small objects are such strings.  They need no source
 *            edit and no compiler to be known as what they are.  Off by default: of
 *            nine real programs none gained by it, and one lost (docs/hints.md).
 *
 * INVARIANT  Aligned to 8: programs tag the low bits of such pointers and hand the
 *            strings to SIMD code.  Results and errno are libc's.  (Of a long one a
 *            conversion that the program registered is called twice.)
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "preload/malloc.h"
#include "preload/process.h"
#include "tinyalloc/object.h"

enum {
	STRING_ALIGN_BYTES = 8,
	FORMAT_GUESS_BYTES = 256 /* longer ones are formatted twice */
};

/* By the name, as libc does: the program may have a malloc of its own. */
static void *string_alloc(size_t bytes)
{
	bool hinted = process_conf.noscan_strings && malloc_is_ours();
	void *string = hinted ? object_alloc_noscan(bytes, STRING_ALIGN_BYTES) : NULL;

	return string != NULL ? string : malloc(bytes);
}

static char *copy(const char *text, size_t length)
{
	char *string = string_alloc(length + 1);

	if (string == NULL)
		return NULL;
	string[length] = '\0';
	return memcpy(string, text, length);
}

EXPORT char *strdup(const char *text)
{
	return copy(text, strlen(text));
}

EXPORT char *strndup(const char *text, size_t most)
{
	return copy(text, strnlen(text, most));
}

/* vsnprintf(), checked as libc does if it was called by its checked name. */
int __vsnprintf_chk(char *to, size_t bytes, int flag, size_t room, const char *format,
	va_list arguments);

static int print(char *to, size_t bytes, int flag, const char *format, va_list arguments)
{
	va_list again;

	va_copy(again, arguments);
	int length = flag > 0 ? __vsnprintf_chk(to, bytes, flag, bytes, format, again)
			      : vsnprintf(to, bytes, format, again);
	va_end(again);
	return length;
}

static int vasprint(char **out, int flag, const char *format, va_list arguments)
{
	char guess[FORMAT_GUESS_BYTES];
	int saved = errno; /* which %m prints, each time */
	int length = print(guess, sizeof(guess), flag, format, arguments);

	if (length < 0)
		return -1;
	char *string = string_alloc((size_t)length + 1);
	if (string == NULL)
		return -1;
	if ((size_t)length < sizeof(guess)) {
		memcpy(string, guess, (size_t)length + 1);
	} else {
		int after = errno;
		errno = saved;
		print(string, (size_t)length + 1, flag, format, arguments);
		errno = after;
	}
	*out = string;
	return length;
}

EXPORT int vasprintf(char **out, const char *format, va_list arguments)
{
	return vasprint(out, 0, format, arguments);
}

EXPORT int asprintf(char **out, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vasprint(out, 0, format, arguments);
	va_end(arguments);
	return length;
}

EXPORT int __vasprintf_chk(char **out, int flag, const char *format, va_list arguments);
EXPORT int __vasprintf_chk(char **out, int flag, const char *format, va_list arguments)
{
	return vasprint(out, flag, format, arguments);
}

EXPORT int __asprintf_chk(char **out, int flag, const char *format, ...);
EXPORT int __asprintf_chk(char **out, int flag, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vasprint(out, flag, format, arguments);
	va_end(arguments);
	return length;
}

EXPORT char *__strdup(const char *text) ALIAS_OF(strdup);
EXPORT char *__strndup(const char *text, size_t most) ALIAS_OF(strndup);
EXPORT int __asprintf(char **out, const char *format, ...) ALIAS_OF(asprintf);
