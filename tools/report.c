#include "tools/report.h"

#include <errno.h>
#include <string.h>

enum {
	GATHER_TRIES = 4,
	REMAINDER_SHARE = 200 /* 1/200 of RSS is near enough */
};

static bool agrees(const struct report *report)
{
	int64_t remainder = report->ledger.remainder_bytes;
	uint64_t size = remainder < 0 ? 0 - (uint64_t)remainder : (uint64_t)remainder;

	return size <= report->resident.rss_bytes / REMAINDER_SHARE;
}

static void look(struct report *report)
{
	report->has_resident = resident_read(report->target.process.pid, &report->target.books,
		&report->resident);
	if (!report->has_resident)
		report->resident_error = errno;
	ledger_make(&report->ledger, &report->target.books,
		report->has_resident ? &report->resident : NULL);
}

bool report_gather(struct report *report, const struct target *target, struct failure *failure)
{
	memset(report, 0, sizeof(*report));
	report->target = *target;
	if (target->kind == TARGET_DUMP || target->life != LIFE_LIVE) {
		ledger_make(&report->ledger, &target->books, NULL);
		return true;
	}
	look(report);
	for (int tries = 1; tries < GATHER_TRIES && report->has_resident && !agrees(report); tries++) {
		if (!target_read_again(&report->target, failure))
			return false;
		look(report);
	}
	report->has_cgroup = cgroup_memory_read(report->target.process.pid, &report->cgroup);
	return true;
}

void report_free(struct report *report)
{
	target_close(&report->target);
}
