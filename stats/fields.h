/*
 * stats/fields.h - the totals of struct mstat_snapshot by name.
 *
 * WHY        The one list from which each report is made, so that a field is
 *            in all of them or in none.
 */
#ifndef STATS_FIELDS_H
#define STATS_FIELDS_H

#include <stddef.h>
#include <stdint.h>

struct stats_field {
	const char *name;
	size_t offset; /* of a uint64_t in struct mstat_snapshot */
};

/* Ended by a row whose name is NULL. */
extern const struct stats_field stats_fields[];

#endif
