#include "base/maps.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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
static bool line_parse(const char *text, struct maps_line *line)
{
	text = parse_hex(text, &line->start);
	if (*text != '-')
		return false;
	text = parse_hex(text + 1, &line->end);
	if (strlen(text) < sizeof(" rwxp") - 1)
		return false;
	line->is_readable = text[1] == 'r';
	line->is_writable = text[2] == 'w';
	line->is_shared = text[4] == 's';
	for (int fields = 0; fields < 4; fields++) {
		text += strspn(text, " ");
		text += strcspn(text, " ");
	}
	line->path = text + strspn(text, " ");
	return true;
}

static void reader_drop(struct maps_reader *reader, size_t bytes)
{
	reader->used_bytes -= bytes;
	memmove(reader->buffer, reader->buffer + bytes, reader->used_bytes);
	reader->line_bytes = 0;
}

static bool reader_fill(struct maps_reader *reader)
{
	ssize_t got = reader->fd < 0 ? -1 : read(reader->fd, reader->buffer + reader->used_bytes,
		sizeof(reader->buffer) - reader->used_bytes);

	if (got < 0)
		reader->has_failed = true;
	if (got <= 0)
		return false;
	reader->used_bytes += (size_t)got;
	return true;
}

bool maps_next(struct maps_reader *reader, struct maps_line *line)
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
			reader->has_failed |= !line_parse(reader->buffer, line);
			return !reader->has_failed;
		}
		if ((newline == NULL || reader->used_bytes == 0) && !reader_fill(reader))
			return false;
	}
}

void maps_open(struct maps_reader *reader)
{
	*reader = (struct maps_reader){.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
}

void maps_close(struct maps_reader *reader)
{
	if (reader->fd >= 0)
		close(reader->fd);
}
