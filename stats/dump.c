#include "stats/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/format.h"
#include "base/os.h"
#include "stats/box.h"
#include "stats/report.h"

enum {
	BUFFER_BYTES = 16 << 10,
	DUMP_MAX_BYTES = 64 << 20 /* more than any dump has */
};

/* 0: no dump runs; 1: one does; 2: and another is wanted. */
static int running;
static int cancel_state; /* of the thread that writes it */
BULKY char dump_buffer[BUFFER_BYTES];
static uint64_t dump_count;
static struct box_dump outcome;

/* open() and write() would end a thread that is to be cancelled, with what it holds:
   the signal may have come anywhere. */
static void begun(void)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
}

bool dump_try(void)
{
	int none = 0;

	if (!__atomic_compare_exchange_n(&running, &none, 1, false, __ATOMIC_ACQUIRE,
		    __ATOMIC_RELAXED))
		return false;
	begun();
	return true;
}

bool dump_begin(void)
{
	int state = word_load(&running);

	for (;;) {
		int next = state == 0 ? 1 : 2;
		if (__atomic_compare_exchange_n(&running, &state, next, false, __ATOMIC_ACQUIRE,
			    __ATOMIC_RELAXED))
			break;
	}
	if (state == 0)
		begun();
	return state == 0;
}

bool dump_end(void)
{
	int one = 1, before = cancel_state;

	if (!__atomic_compare_exchange_n(&running, &one, 0, false, __ATOMIC_RELEASE,
		    __ATOMIC_RELAXED)) {
		word_store(&running, 1);
		return false;
	}
	pthread_setcancelstate(before, NULL);
	return true;
}

void dump_forget(void)
{
	if (running != 0) /* a page that is not written is not copied */
		word_store(&running, 0);
}

static const char *program_name(void)
{
	const char *slash = strrchr(box_identity()->exe, '/');

	return slash != NULL ? slash + 1 : box_identity()->exe;
}

bool dump_expand(char *out, size_t out_bytes, const char *pattern, uint64_t number,
	uint64_t seconds)
{
	struct format text;

	format_init(&text, out, out_bytes, -1);
	for (; *pattern != '\0'; pattern++) {
		char kind = *pattern == '%' ? pattern[1] : '\0';
		if (kind == 'p')
			format_signed(&text, os_process_id()); /* a child may have no identity yet */
		else if (kind == 'e')
			format_text(&text, program_name());
		else if (kind == 't')
			format_unsigned(&text, seconds);
		else if (kind == 'n')
			format_unsigned(&text, number);
		else
			format_char(&text, *pattern);
		if (kind != '\0' && strchr("petn%", kind) != NULL)
			pattern++;
	}
	format_terminate(&text);
	return !text.failed;
}

int dump_open(const char *path)
{
	struct stat status;
	struct rlimit limit;

	/* A write beyond RLIMIT_FSIZE is a signal that ends the program. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < DUMP_MAX_BYTES) {
		errno = EFBIG;
		return -1;
	}
	/* O_NONBLOCK: a FIFO nobody reads must not hold the program up. */
	int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	/* One that has a second name was perhaps put in our way under this one. */
	bool is_ours = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		status.st_uid == geteuid() && status.st_nlink == 1;
	if (is_ours && ftruncate(fd, 0) == 0)
		return fd;
	int error = is_ours ? errno : EPERM;
	close(fd);
	errno = error;
	return -1;
}

bool dump_write_fd(const struct source *source, int fd, bool json, int *error)
{
	struct format out;
	struct report_subject subject = {.pid = os_process_id(),
		.start_ticks = box_start_ticks(), .exe = box_identity()->exe};

	format_init(&out, dump_buffer, sizeof(dump_buffer), fd);
	(json ? report_json : report_text)(&out, source, &subject);
	bool done = format_flush(&out);
	*error = out.error;
	return done;
}

static const char *default_pattern(char *pattern, size_t bytes, bool json)
{
	struct format text;

	format_init(&text, pattern, bytes, -1);
	format_text(&text, box_exists() ? box_folder() : "/tmp");
	format_text(&text, box_exists() ? "/%p-%n" : "/mstat-%p-%n");
	format_text(&text, json ? ".json" : ".dump");
	format_terminate(&text);
	return pattern;
}

static void notice(int fd, const char *path, int error)
{
	char line_bytes[BOX_PATH_BYTES + 128];
	struct format line;

	/* A dump may neither end the program nor hold it up. */
	if (fd < 0 || !os_can_write(fd, true))
		return;
	format_init(&line, line_bytes, sizeof(line_bytes), fd);
	format_text(&line, error == 0 ? "libmstat: dump written to " : "libmstat: no dump in ");
	format_text(&line, path);
	if (error != 0) {
		const char *name = strerrorname_np(error);
		format_text(&line, ": ");
		format_text(&line, name != NULL ? name : "error");
	}
	format_char(&line, '\n');
	format_flush(&line);
}

void dump_write(const struct source *source, const struct dump_settings *settings,
	uint64_t request, int notice_fd)
{
	static uint64_t generation;
	char pattern[BOX_PATH_BYTES];
	uint64_t now = os_realtime_ns();
	int error = 0;

	const char *path = settings->path[0] != '\0'
		? settings->path
		: default_pattern(pattern, sizeof(pattern), settings->json);
	dump_count++;
	memset(outcome.path, 0, sizeof(outcome.path));
	if (!dump_expand(outcome.path, sizeof(outcome.path), path, dump_count, now / 1000000000u)) {
		error = ENAMETOOLONG;
	} else {
		int fd = dump_open(outcome.path);
		if (fd < 0) {
			error = errno;
		} else {
			dump_write_fd(source, fd, settings->json, &error);
			if (close(fd) != 0 && error == 0)
				error = errno;
		}
	}
	outcome.dump_count = dump_count;
	outcome.realtime_ns = now;
	outcome.error = error;
	outcome.request = request;
	box_write(BOX_SECTION_DUMP, 0, &outcome, &generation);
	notice(notice_fd, outcome.path, error);
}
