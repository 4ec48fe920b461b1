#include "tools/dump_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/dump_fields.h"
#include "tools/text.h"

static const char FIRST_WORDS[] = "mstat dump ";

bool dump_text_is_one(const char *bytes, size_t count)
{
	size_t bytes_needed = strlen(FIRST_WORDS);

	return count >= bytes_needed && memcmp(bytes, FIRST_WORDS, bytes_needed) == 0;
}

/* Counts are unsigned, figures of a thread may be below zero. */
static bool parse_number(const char *word, uint64_t *value)
{
	char *end;

	if (word == NULL || word[0] == '\0')
		return false;
	errno = 0;
	*value = word[0] == '-' ? (uint64_t)strtoll(word, &end, 10) : strtoull(word, &end, 10);
	return errno == 0 && *end == '\0' && word[0] != ' ' && word[0] != '+';
}

/* "NAME VALUE NAME VALUE": the next pair; false at the end or at nonsense. */
static bool next_pair(char **rest, const char **name, const char **value)
{
	*name = strsep(rest, " ");
	*value = *rest;
	return *name != NULL && *value != NULL;
}

static bool read_class(struct books *books, char *rest)
{
	struct books_class *row = dump_add_class(books);
	const char *name, *value;
	uint64_t number;

	if (row == NULL)
		return false;
	while (rest != NULL) {
		if (!next_pair(&rest, &name, &value) || !parse_number(strsep(&rest, " "), &number))
			return false;
		dump_field_class(row, name, number);
	}
	return true;
}

/* The name is the last field and may hold blanks. */
static bool read_thread(struct books *books, char *rest)
{
	struct books_thread *thread = dump_add_thread(books);
	const char *name, *value;
	uint64_t number;

	if (thread == NULL)
		return false;
	while (rest != NULL) {
		if (!next_pair(&rest, &name, &value))
			return false;
		if (strcmp(name, "name") == 0) {
			text_copy(thread->name, sizeof(thread->name), rest, strlen(rest));
			return true;
		}
		value = strsep(&rest, " ");
		if (strcmp(name, "state") == 0)
			thread->is_live = strcmp(value, "live") == 0;
		else if (parse_number(value, &number))
			dump_field_thread(thread, name, (int64_t)number);
		else
			return false;
	}
	return true;
}

static bool read_named(struct books *books, const char *name, const char *rest)
{
	uint64_t number;

	if (strcmp(name, "version") == 0) {
		text_copy(books->version, sizeof(books->version), rest, strlen(rest));
		return true;
	}
	if (strcmp(name, "exe") == 0) {
		text_copy(books->exe, sizeof(books->exe), rest, strlen(rest));
		return true;
	}
	if (!parse_number(rest, &number))
		return false;
	if (strcmp(name, "pid") == 0)
		books->pid = (int64_t)number;
	else if (strcmp(name, "start_ticks") == 0)
		books->start_ticks = number;
	else if (strcmp(name, "realtime_ns") == 0)
		books->realtime_ns = number;
	else
		dump_field_total(books, name, number);
	return true;
}

static bool read_line(struct books *books, char *line)
{
	char *rest = line;
	const char *name = strsep(&rest, " ");

	if (rest == NULL)
		return false;
	if (strcmp(name, "class") == 0)
		return read_class(books, rest);
	if (strcmp(name, "thread") == 0)
		return read_thread(books, rest);
	return read_named(books, name, rest);
}

bool dump_text_read(struct books *books, char *text, const char *path, struct failure *failure)
{
	const char *version = strsep(&text, "\n") + strlen(FIRST_WORDS);
	unsigned line_number = 1;

	if (strcmp(version, "1") != 0)
		return failure_set(failure, FAILURE_DAMAGED,
			"the dump %s has format version %.20s, this mstat reads version 1", path, version);
	for (char *line; (line = strsep(&text, "\n")) != NULL;) {
		line_number++;
		if (strcmp(line, "end") == 0)
			return true;
		/* The last line of a file that was cut is cut, too. */
		if (text == NULL)
			break;
		if (!read_line(books, line))
			return failure_set(failure, FAILURE_DAMAGED,
				"the dump %s is corrupt: line %u", path, line_number);
	}
	return failure_set(failure, FAILURE_DAMAGED,
		"the dump %s is truncated: it does not end with \"end\"", path);
}
