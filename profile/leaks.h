/*
 * profile/leaks.h - who allocated what is lost.
 *
 * WHY        An object that nothing leads to is found with its address (profile/reach.h), but it
 *            is a call in the program that is wrong.  In a checked process each object's is
 *            known; else the samples' are, which stand for the others.
 *
 * EQUATION   Of each grade, the sum over all rows of own.objects is the number of its objects.  The
 *            sum of the estimates' is an unbiased estimate of the same.
 *
 * PLACE      In a copy of the process, as profile/reach.h.
 */
#ifndef PROFILE_LEAKS_H
#define PROFILE_LEAKS_H

#include <stdbool.h>

#include "stats/survey_layout.h"

/* What the header says of it, and rows: struct survey_leak, in memory of the copy.  0, or an
   errno. */
int leaks_find(struct survey_header *header, const struct survey_leak **rows);

#endif
