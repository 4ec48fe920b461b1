/*
 * tools/survey.h - a survey of a living process's heap: asking for it, and reading the file.
 *
 * WHY        The process stands still for as long as it takes to copy its page tables; the copy
 *            writes what it finds beside the box (stats/survey_layout.h), which goes once it was
 *            read.
 *
 * OWNERSHIP  survey_free() frees what survey_take() and survey_read() got.
 */
#ifndef TOOLS_SURVEY_H
#define TOOLS_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/survey_layout.h"
#include "tools/file.h"
#include "tools/target.h"

struct survey {
	uint64_t pause_ns;
	const struct survey_header *header;
	const void *rows;       /* header->row_count, whole and in memory */
	struct file file;
};

/* Of a living target, which is read anew then: what the survey names is in it. */
bool survey_take(struct survey *survey, struct target *target, enum survey_kind kind,
	size_t row_bytes, uint64_t timeout_ms, struct failure *failure);

/* From a file. */
bool survey_read(struct survey *survey, const char *path, enum survey_kind kind, size_t row_bytes,
	struct failure *failure);

void survey_free(struct survey *survey);

#endif
