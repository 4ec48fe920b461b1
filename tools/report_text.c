#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stats/conf.h"
#include "tools/limit.h"
#include "tools/report.h"
#include "tools/table.h"
#include "tools/tags.h"
#include "tools/term.h"
#include "tools/text.h"
#include "tools/units.h"

enum {
	TOP_CLASSES = 10,
	LABEL_COLUMNS = 23,
	NUMBER_COLUMNS = 12,
	EXACT_COLUMNS = 18
};

static void print_bold(const char *text)
{
	printf("%s%s%s\n", term_bold(), text, term_plain());
}

static void print_cut(const char *label, const char *text)
{
	size_t columns = term_columns() - strlen(label);

	if (text_columns(text) <= columns)
		printf("%s%s\n", label, text);
	else
		printf("%s%.*s...\n", label, (int)text_cut(text, columns - 3), text);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct units_text age_since(uint64_t realtime_ns)
{
	uint64_t now = now_ns();

	return units_age(now > realtime_ns ? (now - realtime_ns) / 1000000000u : 0);
}

static void print_state(const struct report *report)
{
	const struct target *target = &report->target;
	const struct books *books = &target->books;

	printf("%s%s%s  ", term_bold(), target->title, term_plain());
	if (target->kind == TARGET_DUMP)
		printf("dump of %s", units_time(books->realtime_ns).text);
	else if (target->life == LIFE_LIVE)
		printf("running for %s, %" PRIu32 " thread%s", age_since(books->start_realtime_ns).text,
			target->process.thread_count, target->process.thread_count == 1 ? "" : "s");
	else if (target->life == LIFE_ENDED)
		printf("dead, last heard of %s", units_time(books->realtime_ns).text);
	else if (target->life == LIFE_EXECUTED)
		printf("replaced: its process maps this file no more");
	else
		printf("out of sight: of another pid namespace");
	printf("\n");
}

static void print_exactness(const struct report *report)
{
	const struct books *books = &report->target.books;
	bool is_live = report->target.kind == TARGET_BOX && report->target.life == LIFE_LIVE;

	if (report->target.kind == TARGET_DUMP)
		printf("figures   exact: written by the process itself\n");
	else if (books->exactness == BOOKS_EXACT)
		printf("figures   exact: the magazines were read in its memory\n");
	else
		printf("figures   published, behind by at most one magazine a class and thread\n");
	if (books->hidden_threads != 0)
		printf("          without %s threads that found no slot: theirs count as in magazines\n",
			units_count((int64_t)books->hidden_threads).text);
	if (books->damaged_parts != 0)
		printf("          %s: %" PRIu32 " part%s of the box damaged, counted as nothing\n",
			is_live ? "changing" : "incomplete", books->damaged_parts,
			books->damaged_parts == 1 ? " is" : "s are");
}

static void print_head(const struct report *report)
{
	const struct books *books = &report->target.books;

	print_state(report);
	print_cut("command   ", books->command[0] != '\0' ? books->command : books->exe);
	print_exactness(report);
	printf("library   libmstat %s\n", books->version[0] != '\0' ? books->version : "?");
}

/* A part of the line above is indented, an estimate has a tilde. */
static void print_line(const struct ledger_line *line, const struct report_options *options)
{
	bool is_sum = line->sign == '=', is_part = line->sign == '.';
	int width = options->exact_bytes ? EXACT_COLUMNS : NUMBER_COLUMNS;
	char number[UNITS_BYTES + 1];

	snprintf(number, sizeof(number), "%s%s", is_part ? "~" : "",
		units_bytes(line->bytes, options->exact_bytes).text);
	printf("%s%s%c %-*s %*s%s", is_sum ? term_bold() : "", is_part ? "  " : "",
		is_part ? ' ' : line->sign, LABEL_COLUMNS - (is_part ? 2 : 0), line->label, width,
		number, is_sum ? term_plain() : "");
	if (line->note[0] != '\0')
		printf("  %s%s%s", term_dim(), line->note, term_plain());
	printf("\n");
}

static void print_ledger(const struct report *report, const struct report_options *options)
{
	printf("\n");
	for (size_t i = 0; i < report->ledger.count; i++) {
		const struct ledger_line *line = &report->ledger.lines[i];
		if (!line->is_optional || line->bytes != 0)
			print_line(line, options);
	}
	if (report->resident_error != 0)
		printf("\nHow much of it is resident cannot be told: /proc/%d/smaps: %s.\n",
			(int)report->target.process.pid, strerror(report->resident_error));
}

static void print_fact(const char *label, const char *value, const char *note)
{
	printf("  %-16s %s", label, value);
	if (note[0] != '\0')
		printf("  %s%s%s", term_dim(), note, term_plain());
	printf("\n");
}

static void print_cgroup(const struct report *report, const struct report_options *options)
{
	const struct cgroup_memory *memory = &report->cgroup;
	char value[160];

	if (!report->has_cgroup)
		return;
	snprintf(value, sizeof(value), "%s of %s used (%s)",
		units_bytes((int64_t)memory->used_bytes, options->exact_bytes).text,
		units_bytes((int64_t)memory->limit_bytes, options->exact_bytes).text,
		units_share(memory->used_bytes, memory->limit_bytes).text);
	print_fact("cgroup limit", value, "");
}

static void print_signal(const struct report *report)
{
	const struct box_signal *signal = &report->target.content.signal;
	static const char *const states[] = {[BOX_SIGNAL_NONE] = "switched off",
		[BOX_SIGNAL_OURS] = "ready", [BOX_SIGNAL_PROGRAM] = "no: the program handles it itself",
		[BOX_SIGNAL_IGNORED] = "no: the program ignores it",
		[BOX_SIGNAL_DEFAULT] = "no: the program took our handler away"};
	const char *name = signal_name((int)signal->signal_number);
	char value[96];

	if (report->target.kind != TARGET_BOX || report->target.life != LIFE_LIVE ||
		signal->state < 0 || signal->state > BOX_SIGNAL_DEFAULT)
		return;
	if (signal->state == BOX_SIGNAL_NONE)
		snprintf(value, sizeof(value), "switched off");
	else if (name != NULL)
		snprintf(value, sizeof(value), "%s, %s", name, states[signal->state]);
	else
		snprintf(value, sizeof(value), "signal %" PRId64 ", %s", signal->signal_number,
			states[signal->state]);
	print_fact("dump signal", value, "");
}

/* What combining did, and for what it could still be of use. */
static void print_tiny(const struct mstat_snapshot *totals, const struct report_options *options)
{
	bool exact = options->exact_bytes;
	char value[160];

	if (totals->tiny_nmalloc != 0) {
		snprintf(value, sizeof(value), "%s objects in %s",
			units_count((int64_t)(totals->tiny_nmalloc - totals->tiny_nfree)).text,
			units_bytes((int64_t)totals->tiny_alloc, exact).text);
		print_fact("combined", value, "");
		print_fact("  saved", units_bytes((int64_t)totals->tiny_saved_bytes, exact).text, "");
	}
	if (totals->combinable_alloc != 0)
		print_fact("could combine", units_bytes((int64_t)totals->combinable_alloc, exact).text,
			"of at most 16 bytes each, not hinted");
}

static void print_stacks(const struct mstat_snapshot *totals, const struct report_options *options)
{
	char value[160];

	if (totals->stacks_sys == 0)
		return;
	snprintf(value, sizeof(value), "%s in use of %s",
		units_bytes((int64_t)totals->stacks_inuse, options->exact_bytes).text,
		units_bytes((int64_t)totals->stacks_sys, options->exact_bytes).text);
	print_fact("coroutine stacks", value, "");
}

/* The mode, and what it takes beyond the spans. */
static void print_checks(const struct books *books, const struct report_options *options)
{
	char value[160];

	snprintf(value, sizeof(value), "%s: %s of records; of free in spans %s freed and waiting", books->check,
		units_bytes((int64_t)books->check_bytes, options->exact_bytes).text,
		units_bytes((int64_t)books->retired_bytes, options->exact_bytes).text);
	print_fact("checked", value, "");
}

static void print_facts(const struct report *report, const struct report_options *options)
{
	const struct books *books = &report->target.books;
	char value[160];

	printf("\n");
	print_cgroup(report, options);
	if (report->target.kind == TARGET_BOX)
		limit_print(&report->target.content, options->exact_bytes);
	if (books->has_peak)
		print_fact("peak of spans",
			units_bytes((int64_t)books->peak_heap_inuse, options->exact_bytes).text, "");
	snprintf(value, sizeof(value), "%s, %s freed",
		units_count((int64_t)books->totals.nmalloc).text,
		units_count((int64_t)books->totals.nfree).text);
	print_fact("allocations", value, "");
	print_fact("allocated in all",
		units_bytes((int64_t)books->totals.total_alloc, options->exact_bytes).text, "");
	print_tiny(&books->totals, options);
	print_stacks(&books->totals, options);
	if (books->check != NULL)
		print_checks(books, options);
	if (books->out_of_memory_count != 0)
		print_fact("refused", units_count((int64_t)books->out_of_memory_count).text,
			"allocations, for want of memory");
	print_signal(report);
}

static int compare_classes(const void *a, const void *b)
{
	uint64_t left = books_class_live_bytes(*(const struct books_class *const *)a);
	uint64_t right = books_class_live_bytes(*(const struct books_class *const *)b);

	return (left < right) - (left > right);
}

/* The classes that were ever used, the largest by live bytes first. */
static size_t classes_sort(const struct books *books, const struct books_class **rows)
{
	size_t count = 0;

	for (uint32_t i = 1; i < books->class_count; i++)
		if (books->classes[i].nmalloc != 0 || books->classes[i].span_count != 0)
			rows[count++] = &books->classes[i];
	qsort(rows, count, sizeof(const struct books_class *), compare_classes);
	return count;
}

static void add_bytes(struct table *table, uint64_t bytes, const struct report_options *options)
{
	table_add(table, units_bytes((int64_t)bytes, options->exact_bytes).text);
}

static void add_count(struct table *table, uint64_t count)
{
	table_add(table, units_count((int64_t)count).text);
}

static void class_add(struct table *table, const struct books_class *row,
	const struct report_options *options)
{
	add_count(table, row->size_bytes);
	add_count(table, row->live_objects);
	add_bytes(table, books_class_live_bytes(row), options);
	add_bytes(table, row->magazine_objects * row->size_bytes, options);
	add_bytes(table, books_class_free_bytes(row), options);
	if (options->all_classes) {
		add_count(table, row->span_count);
		add_count(table, row->nmalloc);
		add_count(table, row->nfree);
	}
	table_add(table,
		units_share(books_class_live_bytes(row), books_class_span_bytes(row)).text);
}

/* Large objects have no class, magazines or spans of their own. */
static void large_add(struct table *table, const struct books *books,
	const struct report_options *options)
{
	table_add(table, "large");
	add_count(table, books->large_objects);
	add_bytes(table, books->totals.large_alloc, options);
	table_add(table, "");
	table_add(table, "");
	if (options->all_classes) {
		table_add(table, "");
		add_count(table, books->totals.large_nmalloc);
		add_count(table, books->totals.large_nfree);
	}
	table_add(table, "");
}

static void print_classes(const struct report *report, const struct report_options *options)
{
	static const struct table_column columns[] = {{"class", false}, {"live", false},
		{"bytes", false}, {"in magazines", false}, {"free in spans", false},
		{"occupied", false}};
	static const struct table_column all_columns[] = {{"class", false}, {"live", false},
		{"bytes", false}, {"magazines", false}, {"free", false}, {"spans", false},
		{"mallocs", false}, {"frees", false}, {"full", false}};
	const struct books_class *rows[BOX_CLASSES_MAX] = {NULL};
	size_t count = classes_sort(&report->target.books, rows);
	size_t shown = options->all_classes || count < TOP_CLASSES ? count : TOP_CLASSES;
	struct table table;
	char title[96];

	snprintf(title, sizeof(title), shown < count ? "\nSize classes, the largest %zu of %zu" :
		"\nSize classes", shown, count);
	print_bold(title);
	table_begin(&table, options->all_classes ? all_columns : columns,
		options->all_classes ? 9 : 6);
	if (report->target.books.totals.large_nmalloc != 0)
		large_add(&table, &report->target.books, options);
	for (size_t i = 0; i < shown; i++)
		class_add(&table, rows[i], options);
	table_print(&table);
}

static void thread_add(struct table *table, const struct books_thread *thread,
	const struct report_options *options)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRId64, thread->tid);
	table_add(table, thread->tid != 0 ? number : "-");
	table_add(table, units_bytes(thread->alloc, options->exact_bytes).text);
	add_bytes(table, thread->total_alloc, options);
	add_count(table, thread->nmalloc);
	add_count(table, thread->nfree);
	if (thread->has_magazines)
		add_bytes(table, thread->magazine_bytes, options);
	else
		table_add(table, "?");
	table_add(table, thread->is_live ? "live" : "ended");
	table_add(table, thread->tid != 0 ? thread->name : "(without a cache)");
}

static void print_threads(const struct books *books, const struct report_options *options)
{
	static const struct table_column columns[] = {{"tid", false}, {"live", false},
		{"allocated", false}, {"mallocs", false}, {"frees", false}, {"magazines", false},
		{"state", true}, {"name", true}};
	const struct books_thread **rows = books_threads_by_bytes(books);
	struct table table;

	if (rows == NULL)
		return;
	print_bold("\nThreads");
	table_begin(&table, columns, 8);
	for (size_t i = 0; i < books->thread_count; i++)
		thread_add(&table, rows[i], options);
	table_print(&table);
	free(rows);
}

static void print_events(const struct books *books)
{
	if (books->event_count == 0)
		return;
	print_bold("\nEvents");
	for (size_t i = 0; i < books->event_count; i++) {
		const struct books_event *event = &books->events[i];
		char label[96];
		snprintf(label, sizeof(label), "%s  %s  ", units_time(event->realtime_ns).text,
			books_event_word(event));
		print_cut(label, event->text);
	}
}

void report_print_text(const struct report *report, const struct report_options *options)
{
	print_head(report);
	print_ledger(report, options);
	print_facts(report, options);
	print_classes(report, options);
	tags_print(&report->target.sites, options->exact_bytes);
	if (options->threads)
		print_threads(&report->target.books, options);
	print_events(&report->target.books);
}
