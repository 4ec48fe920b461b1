#include "tools/suppressions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "tools/failure.h"

static const char prefix[] = "leak:";

/* Whether a text begins with a piece of a pattern that ends at a star or where it does. */
static bool begins_with(const char *text, const char *piece, size_t bytes)
{
	return strncmp(text, piece, bytes) == 0;
}

/* The next place of a piece. */
static const char *piece_find(const char *text, const char *piece, size_t bytes)
{
	for (; *text != '\0' || bytes == 0; text++)
		if (begins_with(text, piece, bytes))
			return text;
	return NULL;
}

static bool ends_with(const char *text, const char *piece, size_t bytes)
{
	size_t text_bytes = strlen(text);

	return text_bytes >= bytes && begins_with(text + text_bytes - bytes, piece, bytes);
}

bool suppressions_match(const char *pattern, const char *name)
{
	bool at_begin = pattern[0] == '^';

	for (pattern += at_begin;;) {
		size_t bytes = strcspn(pattern, "*");
		bool is_last = pattern[bytes] == '\0';
		bool at_end = is_last && bytes != 0 && pattern[bytes - 1] == '$';
		const char *at = name;
		if (at_end)
			bytes--;
		if (at_end)
			return at_begin ? strlen(name) == bytes && begins_with(name, pattern, bytes)
					: ends_with(name, pattern, bytes);
		if (at_begin ? !begins_with(name, pattern, bytes) : (at = piece_find(name, pattern, bytes)) == NULL)
			return false;
		if (is_last)
			return true;
		name = at + bytes;
		pattern += bytes + 1;
		at_begin = false;
	}
}

static bool add(struct suppressions *suppressions, const char *pattern)
{
	char **more = realloc(suppressions->patterns, (suppressions->count + 1) * sizeof(*more));

	if (more == NULL)
		return false;
	suppressions->patterns = more;
	more[suppressions->count] = strdup(pattern);
	return more[suppressions->count] != NULL && ++suppressions->count != 0;
}

/* Blanks around it go; a line of a file made elsewhere may end in \r. */
static char *trim(char *line)
{
	size_t bytes = strlen(line);

	while (bytes > 0 && strchr(" \t\r", line[bytes - 1]) != NULL)
		line[--bytes] = '\0';
	return line + strspn(line, " \t");
}

static bool line_take(struct suppressions *suppressions, char *line, const char *path, size_t number,
	struct failure *failure)
{
	line = trim(line);
	if (line[0] == '\0' || line[0] == '#')
		return true;
	if (strncmp(line, prefix, strlen(prefix)) != 0)
		return failure_set(failure, FAILURE_USAGE, "%s:%zu: \"%.80s\" is not leak:PATTERN", path,
			number, line);
	line += strlen(prefix);
	if (line[strspn(line, "*^$")] == '\0')
		return failure_set(failure, FAILURE_USAGE, "%s:%zu: the pattern is empty, and would be in all",
			path, number);
	return add(suppressions, line) ||
		failure_set(failure, FAILURE_CANNOT, "no memory for the suppressions of %s", path);
}

static bool lines_take(struct suppressions *suppressions, FILE *in, const char *path,
	struct failure *failure)
{
	char *line = NULL;
	size_t room = 0, number = 0;
	bool done = true;

	for (ssize_t bytes; done && (bytes = getline(&line, &room, in)) >= 0;) {
		if (strlen(line) != (size_t)bytes)
			done = failure_set(failure, FAILURE_USAGE, "%s is no text", path);
		line[strcspn(line, "\n")] = '\0';
		done = done && line_take(suppressions, line, path, ++number, failure);
	}
	free(line);
	if (done && ferror(in) != 0)
		done = failure_set_errno(failure, "read", path, errno);
	return done;
}

bool suppressions_read(struct suppressions *suppressions, const char *path, struct failure *failure)
{
	FILE *in = fopen(path, "re");

	if (in == NULL)
		return failure_set_errno(failure, "open", path, errno);
	bool done = lines_take(suppressions, in, path, failure);
	fclose(in);
	return done;
}

const char *suppressions_find(const struct suppressions *suppressions, const char *name)
{
	for (size_t i = 0; name != NULL && i < suppressions->count; i++)
		if (suppressions_match(suppressions->patterns[i], name))
			return suppressions->patterns[i];
	return NULL;
}

void suppressions_free(struct suppressions *suppressions)
{
	for (size_t i = 0; i < suppressions->count; i++)
		free(suppressions->patterns[i]);
	free(suppressions->patterns);
	*suppressions = (struct suppressions){0};
}
