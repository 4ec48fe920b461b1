#include "tools/box_name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "stats/box_layout.h"

static const char *digits_skip(const char *at)
{
	while (isdigit((unsigned char)*at))
		at++;
	return at;
}

bool box_name_begins(const char *name, int64_t *pid, size_t *end)
{
	const char *at = digits_skip(name);

	*pid = strtoll(name, NULL, 10);
	if (at == name || *pid <= 0)
		return false;
	if (at[0] == '-' && isdigit((unsigned char)at[1]))
		at = digits_skip(at + 1);
	*end = (size_t)(at - name) + strlen(BOX_FILE_SUFFIX);
	return strncmp(at, BOX_FILE_SUFFIX, strlen(BOX_FILE_SUFFIX)) == 0;
}

bool box_name_parse(const char *name, int64_t *pid)
{
	size_t end;

	return box_name_begins(name, pid, &end) && name[end] == '\0';
}
