#include "preload/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/format.h"
#include "base/lock.h"
#include "base/os.h"
#include "heap/slowpath.h"
#include "profile/sites.h"
#include "profile/survey.h"
#include "stats/box.h"

/* Not on the stack, which may be a small one. */
static struct outcome {
	struct box_survey told;
	uint64_t generation;
} outcomes[BOX_SURVEYS_MAX];

static int working;

static void path_make(char path[BOX_PATH_BYTES], uint64_t request)
{
	struct format text;

	memset(path, 0, BOX_PATH_BYTES);
	format_init(&text, path, BOX_PATH_BYTES, -1);
	format_text(&text, box_folder());
	format_char(&text, '/');
	format_signed(&text, os_process_id());
	format_char(&text, '-');
	format_unsigned(&text, request >> BOX_REQUEST_NUMBER_SHIFT & 0xffffff);
	format_text(&text, ".survey");
	format_terminate(&text);
}

/* Locked for as long as anybody has it open that got it from here. */
static int file_make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	int error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

static int begin(struct box_survey *told, uint64_t request, const void *context)
{
	struct survey survey = {.kind = (enum survey_kind)(uint32_t)request, .request = request,
		.interrupted = context};

	path_make(told->path, request);
	survey.fd = file_make(told->path);
	if (survey.fd < 0)
		return errno;
	int error = survey_begin(&survey);
	told->pause_ns = survey.pause_ns;
	told->late_tid = survey.late_tid;
	if (error != 0)
		unlink(told->path);
	close(survey.fd);
	return error;
}

/* All the frames that the copy may have named are in the box before it is told of. */
static int obey(struct box_survey *told, uint64_t request, const void *context)
{
	if (lock_is_any_mine())
		return EDEADLK;
	heap_process_look();
	if ((uint32_t)request == SURVEY_NONE)
		return survey_end(false) ? 0 : EALREADY;
	if (!heap_init())
		return ENOMEM;
	int error = begin(told, request, context);
	if (error == 0)
		sites_publish_counts();
	return error;
}

void survey_obey(uint64_t request, const void *context)
{
	uint32_t place = box_survey_place(request);
	struct outcome *outcome = &outcomes[place];
	int cancel_state;

	if (!box_exists() || __atomic_exchange_n(&working, 1, __ATOMIC_ACQUIRE) != 0)
		return; /* who asked sees that he was not heard */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	if (outcome->told.request != request) { /* signals coalesce, and who asks asks again */
		outcome->told = (struct box_survey){.request = request};
		outcome->told.error = obey(&outcome->told, request, context);
		box_write(BOX_SECTION_SURVEY, place, &outcome->told, &outcome->generation);
	}
	pthread_setcancelstate(cancel_state, NULL);
	__atomic_store_n(&working, 0, __ATOMIC_RELEASE);
}
