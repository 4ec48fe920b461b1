#include "tools/death.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/cgroup.h"
#include "tools/kmsg.h"
#include "tools/text.h"
#include "tools/units.h"

/* By how much the wall clock may have been set meanwhile. */
static const uint64_t CLOCK_SET_NS = UINT64_C(3600) * 1000000000;

const char *death_source_text(enum death_source source)
{
	static const char *const texts[] = {[DEATH_BY_EVENTS] = "event log",
		[DEATH_BY_KERNEL] = "kernel's log", [DEATH_BY_CGROUP] = "control group",
		[DEATH_BY_BOOT] = "boot id"};

	return texts[source];
}

const char *death_source_word(enum death_source source)
{
	static const char *const words[] = {[DEATH_BY_EVENTS] = "events",
		[DEATH_BY_KERNEL] = "kernel", [DEATH_BY_CGROUP] = "cgroup",
		[DEATH_BY_BOOT] = "boot"};

	return words[source];
}

static PRINTF_LIKE(4, 5) struct death_clue *clue_add(struct death *death,
	enum death_source source, const char *kind, const char *format, ...)
{
	struct death_clue *clue = &death->clues[death->clue_count++];
	va_list arguments;

	*clue = (struct death_clue){.source = source, .kind = kind};
	va_start(arguments, format);
	vsnprintf(clue->sentence, sizeof(clue->sentence), format, arguments);
	va_end(arguments);
	return clue;
}

static void cause_set(struct death *death, struct death_clue *clue)
{
	clue->is_cause = true;
	death->is_known = true;
}

/* ---- the event log --------------------------------------------------------- */

static const struct books_event *last_event(const struct books *books, enum box_event_kind kind)
{
	for (size_t i = books->event_count; i > 0; i--)
		if (books->events[i - 1].kind == kind)
			return &books->events[i - 1];
	return NULL;
}

static void event_note(struct death_clue *clue, const struct books_event *event)
{
	if (event == NULL)
		return;
	clue->realtime_ns = event->realtime_ns;
	snprintf(clue->evidence, sizeof(clue->evidence), "%s", event->text);
}

static void events_look(struct death *death, const struct books *books)
{
	const struct books_event *fatal = last_event(books, BOX_EVENT_FATAL);
	struct death_clue *clue;

	if (fatal != NULL) {
		clue = clue_add(death, DEATH_BY_EVENTS, "fatal", "libmstat ended it.");
		event_note(clue, fatal);
		cause_set(death, clue);
	}
	if (books->out_of_memory_count == 0)
		return;
	clue = clue_add(death, DEATH_BY_EVENTS, "refused",
		"It had been refused memory, %s time%s: many a program ends itself then.",
		units_count((int64_t)books->out_of_memory_count).text,
		books->out_of_memory_count == 1 ? "" : "s");
	event_note(clue, last_event(books, BOX_EVENT_OUT_OF_MEMORY));
}

/* ---- the kernel's log ------------------------------------------------------ */

static void kernel_note(struct death *death, const struct kmsg_found *found)
{
	static const char *const kinds[] = {[KMSG_OOM_CGROUP] = "oom_cgroup",
		[KMSG_OOM_MACHINE] = "oom_machine", [KMSG_FAULT] = "fault"};
	static const char *const sentences[] = {
		[KMSG_OOM_CGROUP] = "The kernel killed it: its control group had reached its limit of "
				    "memory.",
		[KMSG_OOM_MACHINE] = "The kernel killed it: the machine had no memory left.",
		[KMSG_FAULT] = "It crashed: it touched memory that it may not."};
	struct death_clue *clue;

	if (found->is_same_name)
		clue = clue_add(death, DEATH_BY_KERNEL, kinds[found->kind], "%s",
			sentences[found->kind]);
	else
		clue = clue_add(death, DEATH_BY_KERNEL, kinds[found->kind],
			"The kernel tells so of a process of that number and another name: it may "
			"be another process.");
	clue->realtime_ns = kmsg_realtime_ns(found->time_us);
	snprintf(clue->evidence, sizeof(clue->evidence), "%s", found->text);
	if (found->is_same_name)
		cause_set(death, clue);
}

static void kernel_look(struct death *death, const struct target *target, const char *path)
{
	uint64_t since_us = kmsg_time_us(target->content.identity.made_boottime_ns);
	const struct kmsg_wanted wanted = {.books = &target->books, .since_us = since_us};
	struct kmsg_found found;

	death->kernel_error = kmsg_read_path(path, &wanted, &found);
	death->kernel_is_read = death->kernel_error == 0;
	death->kernel_reaches_back = found.oldest_us != 0 && found.oldest_us <= since_us + 1;
	if (death->kernel_is_read && found.kind != KMSG_NOTHING)
		kernel_note(death, &found);
}

/* ---- its control group ----------------------------------------------------- */

static void cgroup_look(struct death *death, const struct box_cgroup *then)
{
	char path[sizeof(then->path) + 1];
	uint64_t now;

	death->has_kills = cgroup_kills_read(then, &death->kills);
	if (!death->has_kills || death->kills == 0)
		return;
	text_copy(path, sizeof(path), then->path, sizeof(then->path));
	now = then->oom_kill_count + death->kills;
	struct death_clue *clue = clue_add(death, DEATH_BY_CGROUP, "oom_kills",
		"The kernel killed %s process%s for memory in its control group since %s%s.",
		units_count((int64_t)death->kills).text, death->kills == 1 ? "" : "es",
		units_time(then->realtime_ns).text,
		death->is_known ? "" : ": it may be one of them");
	snprintf(clue->evidence, sizeof(clue->evidence), "%s: oom_kill was %" PRIu64 ", is %" PRIu64,
		path[0] != '\0' ? path : "/", then->oom_kill_count, now);
}

/* ---- boots ----------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A box on a tmpfs does not name its boot, with which it ends; a copy of it may not.  Then
   both clocks must tell the same of when it was made. */
static bool is_of_this_boot(const struct box_identity *identity)
{
	char boot_id[sizeof(identity->boot_id) + 1];
	uint64_t boottime_ns = clock_ns(CLOCK_BOOTTIME), made_ns = identity->made_boottime_ns;

	text_copy(boot_id, sizeof(boot_id), identity->boot_id, sizeof(identity->boot_id));
	if (boot_id[0] != '\0')
		return strcmp(boot_id, process_boot_id()) == 0;
	if (made_ns > boottime_ns)
		return false;
	uint64_t made_realtime_ns = clock_ns(CLOCK_REALTIME) - (boottime_ns - made_ns);
	uint64_t started_ns = identity->start_realtime_ns;
	return (made_realtime_ns > started_ns ? made_realtime_ns - started_ns
					      : started_ns - made_realtime_ns) < CLOCK_SET_NS;
}

void death_find(struct death *death, const struct target *target, const char *kernel_log)
{
	*death = (struct death){.is_this_boot = is_of_this_boot(&target->content.identity)};
	events_look(death, &target->books);
	if (death->is_this_boot) {
		kernel_look(death, target, kernel_log);
		cgroup_look(death, &target->content.cgroup);
	} else {
		clue_add(death, DEATH_BY_BOOT, "booted",
			"The machine was booted anew since: it ended then at the latest.");
	}
}
