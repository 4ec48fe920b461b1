#include "tools/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tools/control.h"

enum { LOOK_MS = 2, ASK_AGAIN_MS = 300, TRY_AGAIN_MS = 3, LAST_MS = 600 };

/* One that is being asked. */
struct asking {
	struct target *target;
	int fd;               /* of the process */
	uint64_t deadline_ms;
	struct failure *failure;
};

static uint64_t request_make(enum survey_kind kind)
{
	return (uint64_t)BOX_REQUEST_SURVEY << BOX_REQUEST_SHIFT |
		control_number(BOX_REQUEST_SHIFT - BOX_REQUEST_NUMBER_SHIFT) << BOX_REQUEST_NUMBER_SHIFT |
		kind;
}

static bool has_ended(const struct asking *asking, int wait_ms)
{
	struct pollfd end = {.fd = asking->fd, .events = POLLIN};

	return poll(&end, 1, wait_ms) > 0;
}

static bool tell_ended(const struct asking *asking)
{
	return failure_set(asking->failure, FAILURE_CANNOT, "%s ended while it was searched",
		asking->target->title);
}

/* Signals coalesce with those that others send: it is asked until it was heard. */
static bool ask(const struct asking *asking, uint64_t request, struct box_survey *outcome)
{
	uint64_t asked_ms = 0;

	for (;;) {
		uint64_t now_ms = control_now_ms();
		if (control_read(asking->target->path, BOX_SECTION_SURVEY, box_survey_place(request),
			    outcome, sizeof(*outcome)) &&
			outcome->request == request)
			return true;
		if (now_ms >= asking->deadline_ms)
			return control_no_answer(asking->target, "be searched", asking->failure);
		if (now_ms - asked_ms >= ASK_AGAIN_MS) {
			if (!control_send(asking->fd, asking->target, request, asking->failure))
				return false;
			asked_ms = now_ms;
		}
		if (has_ended(asking, LOOK_MS))
			return tell_ended(asking);
	}
}

static bool tell_late(const struct asking *asking, int64_t tid)
{
	char path[64], name[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/task/%lld/comm", (int)asking->target->process.pid,
		(long long)tid);
	ssize_t bytes = file_read_small(path, name, sizeof(name));
	name[bytes > 0 ? strcspn(name, "\n") : 0] = '\0';
	return failure_set(asking->failure, FAILURE_CANNOT,
		"%s could not be searched: thread %lld%s%s%s did not stop; it may block "
		"the signal that MSTAT_CONF=stop_signal names", asking->target->title, (long long)tid,
		name[0] != '\0' ? " (" : "", name, name[0] != '\0' ? ")" : "");
}

static bool tell_error(const struct asking *asking, const struct box_survey *outcome)
{
	const char *why = strerror((int)outcome->error);

	if (outcome->error == ETIMEDOUT)
		return tell_late(asking, outcome->late_tid);
	if (outcome->error == EBUSY)
		why = "the program uses the signal that MSTAT_CONF=stop_signal names";
	else if (outcome->error == EAGAIN)
		why = "there is no room for a copy of it, or it has too many threads";
	else if (outcome->error == EDEADLK)
		why = "it was in the middle of an allocation each time";
	else if (outcome->error == EALREADY)
		why = "somebody else's search is not over";
	return failure_set(asking->failure, FAILURE_CANNOT, "%s could not be searched: %s",
		asking->target->title, why);
}

static void file_remove(const struct asking *asking, const struct box_survey *outcome)
{
	char path[CONTROL_PATH_BYTES];

	control_path(asking->target, outcome->path, path, sizeof(path));
	unlink(path);
}

/* Whoever was interrupted may have been in the heap, and another may be at it: both pass. */
static bool begin(const struct asking *asking, enum survey_kind kind, struct box_survey *outcome)
{
	for (;;) {
		if (!ask(asking, request_make(kind), outcome))
			return false;
		/* EEXIST: the answer of this number was lost to one that was asked for meanwhile. */
		bool passes = outcome->error == EDEADLK || outcome->error == EALREADY ||
			outcome->error == EEXIST;
		if (outcome->error == 0)
			return true;
		if (outcome->error == EEXIST)
			file_remove(asking, outcome);
		if (!passes || control_now_ms() >= asking->deadline_ms)
			return tell_error(asking, outcome);
		if (has_ended(asking, TRY_AGAIN_MS))
			return tell_ended(asking);
	}
}

/* The copy has it locked while it works. */
static bool await(const struct asking *asking, int fd)
{
	while (flock(fd, LOCK_SH | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return failure_set_errno(asking->failure, "lock", "the survey", errno);
		if (has_ended(asking, LOOK_MS))
			return tell_ended(asking);
		if (control_now_ms() >= asking->deadline_ms)
			return failure_set(asking->failure, FAILURE_CANNOT,
				"%s is not searched in time; --timeout gives it more", asking->target->title);
	}
	return true;
}

static bool is_sound(const struct survey_header *header, size_t bytes, enum survey_kind kind,
	size_t row_bytes)
{
	return bytes >= sizeof(*header) && header->kind == kind &&
		memcmp(header->magic, SURVEY_MAGIC, sizeof(header->magic)) == 0 &&
		header->row_bytes == row_bytes && header->row_count <= (bytes - sizeof(*header)) / row_bytes;
}

static bool file_take(struct survey *survey, int fd, const char *path, enum survey_kind kind,
	size_t row_bytes, struct failure *failure)
{
	if (!file_read_fd(fd, path, &survey->file, failure))
		return false;
	survey->header = (const void *)survey->file.bytes;
	survey->rows = survey->file.bytes + sizeof(*survey->header);
	if (survey->file.count == 0)
		failure_set(failure, FAILURE_CANNOT, "the copy of the process was killed while it searched");
	else if (survey->file.count >= sizeof(*survey->header) && survey->header->error != 0)
		failure_set(failure, FAILURE_CANNOT, "the copy of the process could not search: %s",
			strerror((int)survey->header->error));
	else if (is_sound(survey->header, survey->file.count, kind, row_bytes))
		return true;
	else
		failure_set(failure, FAILURE_DAMAGED, "%s is no survey, or not all of one", path);
	file_free(&survey->file);
	return false;
}

static bool finish(struct survey *survey, const struct asking *asking, const struct box_survey *outcome,
	enum survey_kind kind, size_t row_bytes)
{
	char path[CONTROL_PATH_BYTES];

	control_path(asking->target, outcome->path, path, sizeof(path));
	int fd = file_open(path, asking->failure);
	if (fd < 0) /* its files are looked for by way of the process */
		return has_ended(asking, 0) ? tell_ended(asking) : false;
	bool done = await(asking, fd) && file_take(survey, fd, path, kind, row_bytes, asking->failure);
	close(fd);
	unlink(path);
	survey->pause_ns = outcome->pause_ns;
	return done;
}

/* The copy is a child of the process, which has to take it away. */
static void clean(const struct asking *asking)
{
	struct failure unused;
	struct box_survey outcome;
	struct asking last = *asking;

	last.failure = &unused;
	last.deadline_ms = control_now_ms() + LAST_MS;
	ask(&last, request_make(SURVEY_NONE), &outcome);
}

bool survey_take(struct survey *survey, struct target *target, enum survey_kind kind,
	size_t row_bytes, uint64_t timeout_ms, struct failure *failure)
{
	struct box_survey outcome;
	struct asking asking = {.target = target, .deadline_ms = control_now_ms() + timeout_ms,
		.failure = failure};

	*survey = (struct survey){0};
	asking.fd = control_open(target, failure);
	if (asking.fd < 0)
		return false;
	bool begun = begin(&asking, kind, &outcome);
	bool done = begun && finish(survey, &asking, &outcome, kind, row_bytes);
	if (begun)
		clean(&asking);
	close(asking.fd);
	if (!done || target_read_again(target, failure))
		return done;
	survey_free(survey);
	return false;
}

bool survey_read(struct survey *survey, const char *path, enum survey_kind kind, size_t row_bytes,
	struct failure *failure)
{
	*survey = (struct survey){0};
	int fd = file_open(path, failure);
	if (fd < 0)
		return false;
	bool done = file_take(survey, fd, path, kind, row_bytes, failure);
	close(fd);
	return done;
}

void survey_free(struct survey *survey)
{
	file_free(&survey->file);
	survey->header = NULL;
}
