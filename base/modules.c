#include "base/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { MAP_LINE_BYTES = 640 };

struct map_line {
	uintptr_t start;
	uintptr_t end;
	const char *path; /* "" if none */
};

static const char *parse_hex(const char *at, uintptr_t *value)
{
	*value = 0;
	for (;; at++) {
		if (*at >= '0' && *at <= '9')
			*value = *value * 16 + (uintptr_t)(*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			*value = *value * 16 + (uintptr_t)(*at - 'a' + 10);
		else
			return at;
	}
}

/* "START-END PERMS OFFSET DEVICE INODE      PATH" */
static bool line_parse(const char *text, struct map_line *line)
{
	text = parse_hex(text, &line->start);
	if (*text != '-')
		return false;
	text = parse_hex(text + 1, &line->end);
	for (int fields = 0; fields < 4; fields++) {
		text += strspn(text, " ");
		text += strcspn(text, " ");
	}
	line->path = text + strspn(text, " ");
	return true;
}

/* One line at a time, by small reads into a buffer that carries the rest. */
struct map_reader {
	int fd;
	bool is_cut;       /* the line handed out last did not fit: its rest follows */
	size_t used_bytes;
	size_t line_bytes; /* of the line handed out last, its newline included */
	char buffer[2 * MAP_LINE_BYTES];
};

static void reader_drop(struct map_reader *reader, size_t bytes)
{
	reader->used_bytes -= bytes;
	memmove(reader->buffer, reader->buffer + bytes, reader->used_bytes);
	reader->line_bytes = 0;
}

static bool reader_fill(struct map_reader *reader)
{
	ssize_t got = read(reader->fd, reader->buffer + reader->used_bytes,
		sizeof(reader->buffer) - reader->used_bytes);

	if (got <= 0)
		return false;
	reader->used_bytes += (size_t)got;
	return true;
}

static bool reader_next(struct map_reader *reader, struct map_line *line)
{
	reader_drop(reader, reader->line_bytes);
	for (;;) {
		char *newline = memchr(reader->buffer, '\n', reader->used_bytes);
		size_t bytes = newline != NULL ? (size_t)(newline - reader->buffer) + 1
					       : reader->used_bytes;
		if (reader->is_cut) {
			reader_drop(reader, bytes);
			reader->is_cut = newline == NULL;
		} else if (newline != NULL || bytes == sizeof(reader->buffer)) {
			reader->buffer[bytes - 1] = '\0';
			reader->line_bytes = bytes;
			reader->is_cut = newline == NULL;
			return line_parse(reader->buffer, line);
		}
		if ((newline == NULL || reader->used_bytes == 0) && !reader_fill(reader))
			return false;
	}
}

void modules_describe(struct format *out, uintptr_t address)
{
	int saved = errno;
	struct map_reader reader = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
	char path[MAP_LINE_BYTES] = "";
	uintptr_t base = 0;
	struct map_line line;
	bool found = false;

	while (!found && reader.fd >= 0 && reader_next(&reader, &line)) {
		if (strcmp(line.path, path) != 0) {
			/* One longer than any line that we print is none. */
			size_t bytes = strlen(line.path);
			if (bytes >= sizeof(path))
				bytes = 0;
			memcpy(path, line.path, bytes);
			path[bytes] = '\0';
			base = line.start;
		}
		found = address >= line.start && address < line.end;
	}
	if (reader.fd >= 0)
		close(reader.fd);
	if (found && path[0] == '/') {
		format_text(out, path);
		format_char(out, '+');
		format_hex(out, address - base);
	} else {
		format_hex(out, address);
	}
	errno = saved;
}
