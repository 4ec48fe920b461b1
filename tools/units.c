#include "tools/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

/* Digits in groups of three behind `sign`. */
static struct units_text grouped(const char *sign, uint64_t value)
{
	struct units_text out;
	char digits[24];
	int count = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	size_t at = 0;

	for (; *sign != '\0'; sign++)
		out.text[at++] = *sign;
	for (int i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			out.text[at++] = ',';
		out.text[at++] = digits[i];
	}
	out.text[at] = '\0';
	return out;
}

/* "1.5 KiB", or shorter "1.5K". */
static struct units_text scaled_as(const char *sign, uint64_t bytes, bool is_short)
{
	static const char *const names[] = {" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
	struct units_text out;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(out.text, sizeof(out.text), is_short ? "%s%uB" : "%s%u B", sign,
			(unsigned)bytes);
		return out;
	}
	double value = (double)bytes / 1024;
	/* 1023.96 would be printed as 1024.0 of the smaller unit. */
	while (value >= 1023.95 && unit + 1 < sizeof(names) / sizeof(names[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(out.text, sizeof(out.text), "%s%.1f%.*s", sign, value, is_short ? 1 : 4,
		names[unit] + is_short);
	return out;
}

static struct units_text scaled(const char *sign, uint64_t bytes)
{
	return scaled_as(sign, bytes, false);
}

struct units_text units_bytes(int64_t bytes, bool exact)
{
	return (exact ? grouped : scaled)(bytes < 0 ? "-" : "", magnitude(bytes));
}

static const char *change_sign(int64_t change)
{
	return change < 0 ? "-" : change > 0 ? "+" : "";
}

struct units_text units_change(int64_t bytes, bool exact)
{
	return (exact ? grouped : scaled)(change_sign(bytes), magnitude(bytes));
}

struct units_text units_short(int64_t bytes)
{
	return scaled_as(bytes < 0 ? "-" : "", magnitude(bytes), true);
}

struct units_text units_short_change(int64_t bytes)
{
	return scaled_as(change_sign(bytes), magnitude(bytes), true);
}

struct units_text units_count(int64_t count)
{
	return grouped(count < 0 ? "-" : "", magnitude(count));
}

struct units_text units_count_change(int64_t count)
{
	return grouped(change_sign(count), magnitude(count));
}

struct units_text units_share(uint64_t part, uint64_t whole)
{
	struct units_text out = {"-"};

	if (whole != 0)
		snprintf(out.text, sizeof(out.text), "%.1f %%",
			100 * (double)part / (double)whole);
	return out;
}

struct units_text units_age(uint64_t seconds)
{
	static const struct {
		uint64_t from, seconds;
		const char *name;
	} steps[] = {{172800, 86400, "days"}, {7200, 3600, "h"}, {120, 60, "min"}, {0, 1, "s"}};
	struct units_text out;
	size_t i = 0;

	while (seconds < steps[i].from)
		i++;
	snprintf(out.text, sizeof(out.text), "%llu %s",
		(unsigned long long)(seconds / steps[i].seconds), steps[i].name);
	return out;
}

struct units_text units_time(uint64_t realtime_ns)
{
	struct units_text out = {"?"};
	time_t seconds = (time_t)(realtime_ns / 1000000000u);
	struct tm calendar;

	if (realtime_ns != 0 && localtime_r(&seconds, &calendar) != NULL)
		strftime(out.text, sizeof(out.text), "%Y-%m-%d %H:%M:%S", &calendar);
	return out;
}

bool units_parse_duration(const char *text, uint64_t *milliseconds)
{
	static const struct {
		const char *name;
		double milliseconds;
	} names[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	char *end;

	if (text[0] < '0' || text[0] > '9' || strpbrk(text, "xX") != NULL)
		return false;
	double value = strtod(text, &end);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		double total = value * names[i].milliseconds;
		if (strcmp(end, names[i].name) != 0)
			continue;
		if (!isfinite(total) || total > 86400000)
			return false;
		*milliseconds = (uint64_t)total;
		return true;
	}
	return false;
}

bool units_parse_pid(const char *text, int64_t *pid)
{
	char *end;

	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	long value = strtol(text, &end, 10);
	/* Out of range is still a number: of a process that is not there. */
	*pid = errno != 0 || value > INT32_MAX ? INT32_MAX : value;
	return value > 0;
}
