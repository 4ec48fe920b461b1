/*
 * tools/units.h - numbers as people read them.
 *
 * WHY        Columns line up only if every number of one kind has one form:
 *            bytes with one decimal and a binary unit, or all their digits
 *            (--bytes); counts in groups of three.
 */
#ifndef TOOLS_UNITS_H
#define TOOLS_UNITS_H

#include <stdbool.h>
#include <stdint.h>

enum { UNITS_BYTES = 32 }; /* room for any number here: "-9,223,372,036,854,775,808" */

struct units_text {
	char text[UNITS_BYTES];
};

/* "0 B", "512 B", "1.5 KiB", "23.4 MiB"; with `exact` "24,536,064".
   A value below zero has a minus sign. */
struct units_text units_bytes(int64_t bytes, bool exact);

/* The same with a plus sign above zero: a change. */
struct units_text units_change(int64_t bytes, bool exact);

/* For narrow columns "0B", "512B", "1.5K", "23.4M", at most seven characters up to EiB and
   one more for a sign. */
struct units_text units_short(int64_t bytes);
struct units_text units_short_change(int64_t bytes);

/* "1,234,567". */
struct units_text units_count(int64_t count);
struct units_text units_count_change(int64_t count);

/* part of whole in per cent: "97.3 %", "-" of nothing. */
struct units_text units_share(uint64_t part, uint64_t whole);

/* "45 s", "3 min", "7 h", "12 days". */
struct units_text units_age(uint64_t seconds);

/* Local time, "2026-03-01 14:05:09"; "?" where the calendar ends. */
struct units_text units_time(uint64_t realtime_ns);

/* Reads "10", "0.5", "2m": seconds, "ms", "s", "m" or "h".  False if it is none,
   or above a day. */
bool units_parse_duration(const char *text, uint64_t *milliseconds);

/* A process number: digits alone, 1 and up. */
bool units_parse_pid(const char *text, int64_t *pid);

#endif
