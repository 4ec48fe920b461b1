#include "tools/perf_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/file.h"

/* As much of a file as is read; a compiler that has run for weeks wrote less. */
enum { PERF_MAP_MOST_BYTES = 256 << 20 };

static bool bytes_read(int fd, char *bytes, size_t *count, size_t most)
{
	while (*count < most) {
		ssize_t got = read(fd, bytes + *count, most - *count);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		*count += (size_t)got;
	}
	return true;
}

/* False if there is no memory. */
static bool file_take(struct perf_map *map, int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || status.st_size < 0)
		status.st_size = 0;
	size_t most = status.st_size < PERF_MAP_MOST_BYTES ? (size_t)status.st_size
							   : PERF_MAP_MOST_BYTES;
	map->bytes = calloc(most + 1, 1);
	if (map->bytes != NULL && !bytes_read(fd, map->bytes, &map->count, most))
		map->count = 0;
	return map->bytes != NULL;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A hexadecimal number and the blank behind it; some write 0x before it. */
static bool number_take(char **at, uint64_t *number)
{
	char *c = *at;
	size_t digits = 0;

	if (c[0] == '0' && c[1] == 'x')
		c += 2;
	for (*number = 0; digit_of(*c) >= 0; c++, digits++)
		*number = *number << 4 | (uint64_t)digit_of(*c);
	*at = c + 1;
	return digits > 0 && digits <= 16 && *c == ' ';
}

static bool line_read(struct perf_map *map, char *line)
{
	uint64_t start, bytes, end;

	if (!number_take(&line, &start) || !number_take(&line, &bytes) || *line == '\0' ||
		__builtin_add_overflow(start, bytes, &end))
		return true;
	return spans_add(&map->spans, &(struct span){.start = start, .end = end,
		.number = (uint32_t)(line - map->bytes)});
}

/* The last line may be cut anywhere, in its name too: it is no line without its end. */
static bool lines_read(struct perf_map *map)
{
	char *line = map->bytes, *last = map->bytes + map->count, *end;

	for (; (end = memchr(line, '\n', (size_t)(last - line))) != NULL; line = end + 1) {
		*end = '\0';
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		if (!line_read(map, line))
			return false;
	}
	spans_sort(&map->spans);
	return true;
}

bool perf_map_read(struct perf_map *map, const char *path)
{
	struct failure failure;
	int fd = path != NULL ? file_open(path, &failure) : -1;

	*map = (struct perf_map){0};
	if (fd < 0)
		return true;
	bool done = file_take(map, fd);
	close(fd);
	if (done && lines_read(map))
		return true;
	perf_map_free(map);
	return false;
}

const char *perf_map_find(const struct perf_map *map, uint64_t address)
{
	const struct span *span = spans_newest(&map->spans, address);

	return span != NULL ? map->bytes + span->number : NULL;
}

void perf_map_free(struct perf_map *map)
{
	spans_free(&map->spans);
	free(map->bytes);
	*map = (struct perf_map){0};
}
