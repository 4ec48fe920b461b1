#include "tools/top_process.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/target_symbols.h"

/* NULL and a sentence if the process cannot be looked into. */
static struct report *look(pid_t pid, struct failure *failure)
{
	struct target target;
	char argument[16];
	struct report *report = malloc(sizeof(*report));

	snprintf(argument, sizeof(argument), "%d", (int)pid);
	if (report == NULL)
		failure_set(failure, FAILURE_CANNOT, "no memory to look at process %d", (int)pid);
	else if (target_open_sites(&target, argument, failure) &&
		report_gather(report, &target, failure))
		return report;
	free(report);
	return NULL;
}

static void report_drop(struct report *report)
{
	if (report != NULL)
		report_free(report);
	free(report);
}

static struct top_identity identity_of(const struct report *report)
{
	return (struct top_identity){report->target.process.pid,
		report->target.process.start_ticks, report->target.books.start_realtime_ns};
}

bool top_process_open(struct top_process *process, pid_t pid, struct failure *failure)
{
	*process = (struct top_process){.now = look(pid, failure)};
	if (process->now == NULL)
		return false;
	process->now_ns = rate_clock_ns();
	process->identity = identity_of(process->now);
	process->rss_bytes = process_rss_bytes(pid);
	return true;
}

static void fate_set(struct top_process *process, enum top_fate fate)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	process->fate = fate;
	process->fate_realtime_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A zombie still has a start, and no memory. */
static bool has_ended(const struct top_identity *identity)
{
	struct process process;

	return !process_read(identity->pid, &process) ||
		process.start_ticks != identity->start_ticks;
}

static void take(struct top_process *process, struct report *next)
{
	/* Symbols point to the sites of the present report. */
	if (process->symbols != NULL && !symbols_follow(process->symbols, &next->target.sites)) {
		symbols_close(process->symbols);
		process->symbols = NULL;
	}
	report_drop(process->before);
	process->before = process->now;
	process->before_ns = process->now_ns;
	process->now = next;
	process->now_ns = rate_clock_ns();
	process->rss_bytes = process_rss_bytes(process->identity.pid);
	process->fate = TOP_RUNS;
}

void top_process_refresh(struct top_process *process)
{
	if (process->fate == TOP_ENDED || process->fate == TOP_EXECUTED)
		return;
	struct report *next = look(process->identity.pid, &process->failure);
	struct top_identity found = next != NULL ? identity_of(next) : process->identity;
	if (has_ended(&process->identity)) {
		fate_set(process, TOP_ENDED);
	} else if (next == NULL) {
		fate_set(process, TOP_UNREAD);
	} else if (!top_identity_equal(&found, &process->identity)) {
		fate_set(process, TOP_EXECUTED);
	} else {
		take(process, next);
		return;
	}
	report_drop(next);
}

struct rate top_process_rate(const struct top_process *process)
{
	struct rate_moment moments[2] = {{0}};

	if (process->before == NULL)
		return (struct rate){0};
	const struct books *before = &process->before->target.books;
	const struct books *now = &process->now->target.books;
	moments[0] = (struct rate_moment){process->before_ns, before->totals.alloc,
		before->totals.nmalloc};
	moments[1] = (struct rate_moment){process->now_ns, now->totals.alloc, now->totals.nmalloc};
	return rate_between(&moments[0], &moments[1]);
}

void top_process_close(struct top_process *process)
{
	symbols_close(process->symbols);
	report_drop(process->now);
	report_drop(process->before);
	*process = (struct top_process){0};
}
