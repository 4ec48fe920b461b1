/*
 * preload/survey.h - surveys that are asked for from outside (profile/survey.h).
 *
 * WHY        Who asks finds the file in the box's folder, and what became of the request in the
 *            box: why there is none, or how long the program stood still.
 *
 * LOCKING    One at a time, whoever asks; the second is told so.
 */
#ifndef PRELOAD_SURVEY_H
#define PRELOAD_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/survey_layout.h"

/* In the handler of a signal: `request` as struct box_control has it. */
void survey_obey(uint64_t request, const void *context);

#endif
