/*
 * stats/fields.h - the totals of struct mstat_snapshot by name.
 *
 * WHY        The one list from which each report is made, and by which the
 *            reporter reads dumps, so that a field is in all or in none.
 */
#ifndef STATS_FIELDS_H
#define STATS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/mstat.h"

struct stats_field {
	const char *name;
	size_t offset; /* of a uint64_t in struct mstat_snapshot */
	bool is_bytes; /* else a count */
};

/* Ended by a row whose name is NULL. */
extern const struct stats_field stats_fields[];

uint64_t stats_field_read(const struct mstat_snapshot *snapshot, const struct stats_field *field);
void stats_field_write(struct mstat_snapshot *snapshot, const struct stats_field *field,
	uint64_t value);

#endif
