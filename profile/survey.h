/*
 * profile/survey.h - a look at the whole heap, for somebody outside.
 *
 * WHY        What takes seconds to find out must not hold up the program, nor its answer wait in it.
 *            A copy of the process (profile/world.h) looks, and writes what it found into a
 *            file (stats/survey_layout.h).
 *
 * OWNERSHIP  One at a time.  The copy is a child that no wait() of the program sees; the next
 *            survey, survey_end() or the process's end takes it away.
 */
#ifndef PROFILE_SURVEY_H
#define PROFILE_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/survey_layout.h"

struct survey {
	enum survey_kind kind;
	uint64_t request;
	const void *interrupted; /* as struct world_job */
	int fd;                  /* of the file, open for writing; the copy has it too */
	uint64_t pause_ns;       /* out */
	int32_t late_tid;        /* out, as struct world_job */
};

/* Begins.  0, or an errno: EALREADY, the last one is at it still; EINVAL, no such kind; as
   world_copy(). */
int survey_begin(struct survey *survey);

/* Takes away the copy of one that is over.  With `wait` once it is.  False: it is at it still. */
bool survey_end(bool wait);

/* In a child of a fork: there is none. */
void survey_forget(void);

#endif
