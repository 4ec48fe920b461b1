#include "tools/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/text.h"

enum {
	PRIORITY_KERNEL_END = 8,    /* facility 0, of eight levels */
	RECORD_BYTES = 16384,       /* the kernel's longest has 8 KiB; less would be EINVAL */
	RECORDS_MOST = 1 << 20,     /* the largest log has 2^25 bytes */
	COMM_BYTES = 16,            /* a name of the kernel's, its NUL included */
	DRIFT_PARTS = 10000,        /* a clock that goes by itself errs by less than 1 in so many */
	SLACK_US = 1000000
};

/* ---- one line -------------------------------------------------------------- */

/* Whether `at` begins with a name and then `end`. */
static bool name_is(const char *at, const char *name, char end)
{
	size_t bytes = strnlen(name, COMM_BYTES - 1);

	return bytes > 0 && strncmp(at, name, bytes) == 0 && at[bytes] == end;
}

/* Of the program's file, or of one of its threads. */
static bool is_name_of(const struct books *books, const char *at, char end)
{
	const char *slash = strrchr(books->exe, '/');

	if (name_is(at, slash != NULL ? slash + 1 : books->exe, end))
		return true;
	for (size_t i = 0; i < books->thread_count; i++)
		if (name_is(at, books->threads[i].name, end))
			return true;
	return false;
}

static bool is_thread_of(const struct books *books, int64_t number)
{
	bool is_one = number == books->pid;

	for (size_t i = 0; !is_one && i < books->thread_count; i++)
		is_one = number != 0 && books->threads[i].tid == number;
	return is_one;
}

/* "...: Killed process 4711 (name) total-vm:..." */
static enum kmsg_kind killed(const struct kmsg_wanted *wanted, const char *text,
	bool *is_same_name)
{
	static const char words[] = "Killed process ";
	const char *at = strstr(text, words);
	char *end;

	if (at == NULL)
		return KMSG_NOTHING;
	at += strlen(words);
	if (strtoll(at, &end, 10) != wanted->books->pid || end == at ||
		strncmp(end, " (", 2) != 0)
		return KMSG_NOTHING;
	*is_same_name = is_name_of(wanted->books, end + 2, ')');
	return strstr(text, "emory cgroup ") != NULL ? KMSG_OOM_CGROUP : KMSG_OOM_MACHINE;
}

static bool is_of_fault(const char *at)
{
	static const char *const words[] = {": segfault at ", " general protection ", " trap "};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(at, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* "name[4711]: segfault at ...", "traps: name[4711] trap invalid opcode ..."; a name may
   have brackets of its own. */
static enum kmsg_kind faulted(const struct kmsg_wanted *wanted, const char *text,
	bool *is_same_name)
{
	static const char traps[] = "traps: ";
	char *end;

	if (strncmp(text, traps, strlen(traps)) == 0)
		text += strlen(traps);
	for (const char *at = strchr(text, '['); at != NULL; at = strchr(at + 1, '[')) {
		long long number = strtoll(at + 1, &end, 10);
		if (end == at + 1 || *end != ']' || !is_of_fault(end + 1))
			continue;
		if (!is_thread_of(wanted->books, number))
			return KMSG_NOTHING;
		*is_same_name = is_name_of(wanted->books, text, '[');
		return KMSG_FAULT;
	}
	return KMSG_NOTHING;
}

/* The head of a record: its text; NULL if it is none of the kernel's. */
static const char *record_begin(const char *line, uint64_t *time_us)
{
	char *at;
	unsigned long priority = strtoul(line, &at, 10);
	const char *text = strchr(line, ';');

	if (at == line || *at != ',' || text == NULL || priority >= PRIORITY_KERNEL_END)
		return NULL;
	strtoull(at + 1, &at, 10);
	if (*at != ',')
		return NULL;
	*time_us = strtoull(at + 1, &at, 10);
	return *at == ',' || *at == ';' ? text + 1 : NULL;
}

void kmsg_take(const struct kmsg_wanted *wanted, const char *line, struct kmsg_found *found)
{
	uint64_t time_us;
	bool is_same_name = false;
	const char *text = line[0] != ' ' ? record_begin(line, &time_us) : NULL;

	if (text == NULL)
		return;
	if (found->oldest_us == 0)
		found->oldest_us = time_us + 1;
	if (found->kind != KMSG_NOTHING || time_us < wanted->since_us)
		return;
	found->kind = killed(wanted, text, &is_same_name);
	if (found->kind == KMSG_NOTHING)
		found->kind = faulted(wanted, text, &is_same_name);
	if (found->kind == KMSG_NOTHING)
		return;
	found->time_us = time_us;
	found->is_same_name = is_same_name;
	text_copy(found->text, sizeof(found->text), text, strlen(text));
}

/* ---- all of them ----------------------------------------------------------- */

/* Takes the whole lines of a buffer; the bytes of one that has not ended. */
static size_t lines_take(const struct kmsg_wanted *wanted, char *bytes, size_t count,
	struct kmsg_found *found)
{
	char *line = bytes, *end;

	while ((end = memchr(line, '\n', count - (size_t)(line - bytes))) != NULL) {
		*end = '\0';
		kmsg_take(wanted, line, found);
		line = end + 1;
	}
	size_t rest = count - (size_t)(line - bytes);
	memmove(bytes, line, rest);
	return rest;
}

int kmsg_read(int fd, const struct kmsg_wanted *wanted, struct kmsg_found *found)
{
	static char buffer[2 * RECORD_BYTES];
	size_t rest = 0;

	*found = (struct kmsg_found){.kind = KMSG_NOTHING};
	for (int records = 0; records < RECORDS_MOST; records++) {
		ssize_t got = read(fd, buffer + rest, RECORD_BYTES);
		if (got < 0 && (errno == EINTR || errno == EPIPE))
			continue; /* EPIPE: records were overwritten meanwhile */
		if (got < 0 && errno != EAGAIN)
			return errno;
		if (got <= 0)
			break;
		rest = lines_take(wanted, buffer, rest + (size_t)got, found);
		if (rest > RECORD_BYTES)
			rest = 0; /* no line is so long */
	}
	return 0;
}

int kmsg_read_path(const char *path, const struct kmsg_wanted *wanted, struct kmsg_found *found)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*found = (struct kmsg_found){.kind = KMSG_NOTHING};
	if (fd < 0)
		return errno;
	int error = kmsg_read(fd, wanted, found);
	close(fd);
	return error;
}

/* ---- clocks ---------------------------------------------------------------- */

static uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000;
}

uint64_t kmsg_time_us(uint64_t boottime_ns)
{
	uint64_t now_us = clock_us(CLOCK_BOOTTIME), awake_us = clock_us(CLOCK_MONOTONIC);
	uint64_t slept_us = now_us > awake_us ? now_us - awake_us : 0;
	uint64_t early_us = slept_us + awake_us / DRIFT_PARTS + SLACK_US;
	uint64_t at_us = boottime_ns / 1000;

	return at_us > early_us ? at_us - early_us : 0;
}

uint64_t kmsg_realtime_ns(uint64_t time_us)
{
	uint64_t awake_us = clock_us(CLOCK_MONOTONIC), now_us = clock_us(CLOCK_REALTIME);
	uint64_t age_us = awake_us > time_us ? awake_us - time_us : 0;

	return now_us > age_us ? (now_us - age_us) * 1000 : 0;
}
