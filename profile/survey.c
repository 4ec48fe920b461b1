#include "profile/survey.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/os.h"
#include "base/syscall.h"
#include "profile/fragments.h"
#include "profile/leaks.h"
#include "profile/world.h"

enum { COPY_NICE = 10, CLOSE_RANGE_CALL = 436 /* Linux 5.9, on all machines */ };

static pid_t copy; /* 0: there is none */

static void nothing(void *arg)
{
	(void)arg;
}

/* What the program had open may be waited for until its last holder closes it. */
static void files_close(int but)
{
	if (but > 0)
		syscall_of_kernel(CLOSE_RANGE_CALL, 0, but - 1, 0, 0, 0, 0);
	syscall_of_kernel(CLOSE_RANGE_CALL, but + 1, UINT_MAX, 0, 0, 0, 0);
}

/* The rows first: with the header all is there. */
static void file_write(int fd, const struct survey_header *header, const void *rows)
{
	bool done = lseek(fd, sizeof(*header), SEEK_SET) >= 0 &&
		os_write(fd, rows, header->row_count * header->row_bytes) && lseek(fd, 0, SEEK_SET) == 0;

	if (done)
		os_write(fd, header, sizeof(*header));
}

static int find(struct survey_header *header, const void **rows)
{
	const struct survey_fragment *fragments;
	const struct survey_leak *leaks;
	bool is_leaks = header->kind == SURVEY_LEAKS;
	int error = is_leaks ? leaks_find(header, &leaks) : fragments_find(header, &fragments);

	if (error == 0)
		*rows = is_leaks ? (const void *)leaks : (const void *)fragments;
	return error;
}

static void in_copy(void *arg)
{
	const struct survey *survey = arg;
	uint64_t begin_ns = os_boottime_ns();
	struct survey_header header = {.kind = survey->kind, .request = survey->request,
		.realtime_ns = os_realtime_ns()};
	const void *rows = NULL;

	prctl(PR_SET_NAME, "mstat-survey");
	setpriority(PRIO_PROCESS, 0, COPY_NICE);
	files_close(survey->fd);
	memcpy(header.magic, SURVEY_MAGIC, sizeof(header.magic));
	header.error = (uint32_t)find(&header, &rows);
	if (header.error != 0)
		header.row_count = 0;
	header.took_ns = os_boottime_ns() - begin_ns;
	file_write(survey->fd, &header, rows);
}

bool survey_end(bool wait)
{
	pid_t old = word_load(&copy);

	if (old == 0)
		return true;
	bool is_over = wait ? world_wait(old) || true : world_reap(old);
	if (is_over)
		word_store(&copy, 0);
	return is_over;
}

int survey_begin(struct survey *survey)
{
	struct world_job job = {.when_still = nothing, .in_copy = in_copy, .arg = survey,
		.interrupted = survey->interrupted};
	pid_t made = 0;

	if (survey->kind != SURVEY_LEAKS && survey->kind != SURVEY_FRAGMENTS)
		return EINVAL;
	if (!survey_end(false))
		return EALREADY;
	int error = world_copy(&job, &made);
	word_store(&copy, error == 0 ? made : 0);
	survey->pause_ns = job.pause_ns;
	survey->late_tid = job.late_tid;
	return error;
}

void survey_forget(void)
{
	if (copy != 0) /* a page that is not written is not copied */
		copy = 0;
}
