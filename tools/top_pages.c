#include "tools/top_pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/prof_rows.h"
#include "tools/target_symbols.h"
#include "tools/text.h"
#include "tools/units.h"

enum {
	SITES_SHOWN = 500,    /* rows; who wants more has `mstat prof --top 0` */
	LABEL_COLUMNS = 23,   /* as `mstat show` has them */
	NUMBER_COLUMNS = 12
};

const char *top_page_word(enum top_page which)
{
	static const char *const words[TOP_PAGES] = {[TOP_LEDGER] = "ledger",
		[TOP_CLASSES] = "classes", [TOP_THREADS] = "threads", [TOP_SITES] = "sites"};

	return words[which];
}

static uint64_t elapsed_ns(const struct top_process *process)
{
	return process->before != NULL && process->now_ns > process->before_ns
		? process->now_ns - process->before_ns
		: 0;
}

static void add_count(struct table *table, uint64_t count)
{
	table_add(table, units_count((int64_t)count).text);
}

static void add_bytes(struct table *table, uint64_t bytes)
{
	table_add(table, units_short((int64_t)bytes).text);
}

/* ---- the head -------------------------------------------------------------- */

static const char *clock_of(struct units_text *time)
{
	return strlen(time->text) > 11 ? time->text + 11 : time->text;
}

static void add_fate(struct page *page, const struct top_process *process)
{
	const struct target *target = &process->now->target;
	struct units_text time = units_time(process->fate_realtime_ns);
	int pid = (int)process->identity.pid;

	switch (process->fate) {
	case TOP_RUNS:
		page_add(page, PAGE_TITLE, "%s  %" PRIu32 " thread%s, up since %s", target->title,
			target->process.thread_count, target->process.thread_count == 1 ? "" : "s",
			units_time(target->books.start_realtime_ns).text);
		break;
	case TOP_UNREAD:
		page_add(page, PAGE_WARNING, "%s  cannot be read since %s: last figures",
			target->title, clock_of(&time));
		break;
	case TOP_ENDED:
		page_add(page, PAGE_WARNING, "%.*s  PID %d ended at %s: its last figures",
			(int)strcspn(target->title, "("), target->title, pid, clock_of(&time));
		break;
	case TOP_EXECUTED:
		page_add(page, PAGE_WARNING,
			"%.*s  PID %d executed another program at %s: last figures",
			(int)strcspn(target->title, "("), target->title, pid, clock_of(&time));
		break;
	}
}

void top_head_add(struct page *page, const struct top_process *process)
{
	const struct books *books = &process->now->target.books;
	struct rate rate = top_process_rate(process);

	add_fate(page, process);
	page_add_cut(page, process->fate == TOP_UNREAD ? "because   " : "command   ",
		process->fate == TOP_UNREAD ? process->failure.text :
		books->command[0] != '\0' ? books->command : books->exe);
	page_add(page, PAGE_PLAIN, "RSS %s  in use %s  live %s  live/s %s  allocs/s %s%s",
		units_short((int64_t)process->rss_bytes).text,
		units_short((int64_t)books->totals.heap_inuse).text,
		units_short((int64_t)books->totals.alloc).text,
		rate.is_known ? units_short_change(rate.live_bytes).text : "-",
		rate.is_known ? units_count((int64_t)rate.allocations).text : "-",
		books->exactness == BOOKS_EXACT ? "" : "  (published)");
}

void top_tabs_add(struct page *page, enum top_page which)
{
	char text[96] = "";

	for (enum top_page i = 0; i < TOP_PAGES; i++) {
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, i == which ? "[%s] " : " %s  ",
			top_page_word(i));
	}
	page_add(page, PAGE_BOLD, "%s", text);
	page_fix(page, which != TOP_LEDGER);
}

/* ---- the ledger ------------------------------------------------------------ */

static void ledger_line_add(struct page *page, const struct ledger_line *line)
{
	bool is_sum = line->sign == '=', is_part = line->sign == '.';
	char number[UNITS_BYTES + 1];

	snprintf(number, sizeof(number), "%s%s", is_part ? "~" : "",
		units_bytes(line->bytes, false).text);
	page_add(page, is_sum ? PAGE_BOLD : PAGE_PLAIN, "%s%c %-*s %*s%s%s", is_part ? "  " : "",
		is_part ? ' ' : line->sign, LABEL_COLUMNS - (is_part ? 2 : 0), line->label,
		NUMBER_COLUMNS, number, line->note[0] != '\0' ? "  " : "", line->note);
}

static void ledger_add(struct page *page, const struct report *report)
{
	for (size_t i = 0; i < report->ledger.count; i++) {
		const struct ledger_line *line = &report->ledger.lines[i];
		if (!line->is_optional || line->bytes != 0)
			ledger_line_add(page, line);
	}
	if (report->resident_error != 0)
		page_add(page, PAGE_PLAIN, "How much of it is resident cannot be told: %s.",
			strerror(report->resident_error));
}

static void facts_add(struct page *page, const struct report *report)
{
	const struct books *books = &report->target.books;
	const struct cgroup_memory *memory = &report->cgroup;

	page_add(page, PAGE_PLAIN, "%s", "");
	if (report->has_cgroup)
		page_add(page, PAGE_PLAIN, "  cgroup limit     %s of %s used (%s)",
			units_bytes((int64_t)memory->used_bytes, false).text,
			units_bytes((int64_t)memory->limit_bytes, false).text,
			units_share(memory->used_bytes, memory->limit_bytes).text);
	page_add(page, PAGE_PLAIN, "  peak of spans    %s",
		units_bytes((int64_t)books->peak_heap_inuse, false).text);
	page_add(page, PAGE_PLAIN, "  allocations      %s, %s freed",
		units_count((int64_t)books->totals.nmalloc).text,
		units_count((int64_t)books->totals.nfree).text);
	page_add(page, PAGE_PLAIN, "  allocated in all %s",
		units_bytes((int64_t)books->totals.total_alloc, false).text);
	if (books->out_of_memory_count != 0)
		page_add(page, PAGE_PLAIN, "  refused          %s allocations, for want of memory",
			units_count((int64_t)books->out_of_memory_count).text);
}

/* ---- size classes ---------------------------------------------------------- */

static int compare_classes(const void *a, const void *b)
{
	uint64_t left = books_class_live_bytes(*(const struct books_class *const *)a);
	uint64_t right = books_class_live_bytes(*(const struct books_class *const *)b);

	return (left < right) - (left > right);
}

/* A size class has the same number in all looks at one box. */
static void class_add(struct table *table, const struct top_process *process,
	const struct books_class *row)
{
	const struct books *now = &process->now->target.books;
	uint64_t elapsed = elapsed_ns(process);

	add_count(table, row->size_bytes);
	add_count(table, row->live_objects);
	add_bytes(table, books_class_live_bytes(row));
	if (elapsed != 0) {
		const struct books_class *old =
			&process->before->target.books.classes[row - now->classes];
		table_add(table, units_short_change(rate_of_change(books_class_live_bytes(old),
			books_class_live_bytes(row), elapsed)).text);
		add_count(table, rate_of_count(old->nmalloc, row->nmalloc, elapsed));
	} else {
		table_add(table, "-");
		table_add(table, "-");
	}
	add_bytes(table, row->magazine_objects * row->size_bytes);
	add_bytes(table, books_class_free_bytes(row));
	table_add(table,
		units_share(books_class_live_bytes(row), books_class_span_bytes(row)).text);
}

/* Large objects have no magazines or spans of their own. */
static void large_add(struct table *table, const struct top_process *process)
{
	const struct books *now = &process->now->target.books;
	uint64_t elapsed = elapsed_ns(process);

	if (now->totals.large_nmalloc == 0)
		return;
	table_add(table, "large");
	add_count(table, now->large_objects);
	add_bytes(table, now->totals.large_alloc);
	if (elapsed != 0) {
		const struct mstat_snapshot *old = &process->before->target.books.totals;
		table_add(table, units_short_change(rate_of_change(old->large_alloc,
			now->totals.large_alloc, elapsed)).text);
		add_count(table,
			rate_of_count(old->large_nmalloc, now->totals.large_nmalloc, elapsed));
	} else {
		table_add(table, "-");
		table_add(table, "-");
	}
	table_add(table, "");
	table_add(table, "");
	table_add(table, "");
}

static void classes_add(struct page *page, const struct top_process *process)
{
	static const struct table_column columns[] = {{"  class", false}, {"   objects", false},
		{"   live", false}, {"  live/s", false}, {" allocs/s", false}, {"magazines", false},
		{"   free", false}, {"   full", false}};
	const struct books *books = &process->now->target.books;
	const struct books_class *rows[BOX_CLASSES_MAX] = {NULL};
	struct table table;
	size_t count = 0;

	for (uint32_t i = 1; i < books->class_count; i++)
		if (books->classes[i].nmalloc != 0 || books->classes[i].span_count != 0)
			rows[count++] = &books->classes[i];
	qsort(rows, count, sizeof(const struct books_class *), compare_classes);
	table_begin(&table, columns, 8);
	large_add(&table, process);
	for (size_t i = 0; i < count; i++)
		class_add(&table, process, rows[i]);
	page_add_table(page, &table);
}

/* ---- threads --------------------------------------------------------------- */

static const struct books_thread *thread_find(const struct books *books, int64_t tid)
{
	for (size_t i = 0; i < books->thread_count; i++)
		if (books->threads[i].tid == tid)
			return &books->threads[i];
	return NULL;
}

static void thread_add(struct table *table, const struct top_process *process,
	const struct books_thread *thread)
{
	uint64_t elapsed = elapsed_ns(process);
	const struct books_thread *old =
		elapsed != 0 ? thread_find(&process->before->target.books, thread->tid) : NULL;
	char number[24];

	snprintf(number, sizeof(number), "%" PRId64, thread->tid);
	table_add(table, thread->tid != 0 ? number : "-");
	table_add(table, units_short(thread->alloc).text);
	add_bytes(table, thread->total_alloc);
	table_add(table, old == NULL ? "-" :
		units_short((int64_t)rate_of_count(old->total_alloc, thread->total_alloc,
			elapsed)).text);
	table_add(table, old == NULL ? "-" :
		units_count((int64_t)rate_of_count(old->nmalloc, thread->nmalloc, elapsed)).text);
	table_add(table,
		thread->has_magazines ? units_short((int64_t)thread->magazine_bytes).text : "?");
	table_add(table, thread->is_live ? "live" : "ended");
	table_add(table, thread->tid != 0 ? thread->name : "(without a cache)");
}

static void threads_add(struct page *page, const struct top_process *process)
{
	static const struct table_column columns[] = {{"    tid", false}, {"   live", false},
		{"allocated", false}, {" bytes/s", false}, {" allocs/s", false},
		{"magazines", false}, {"state", true}, {"name", true}};
	const struct books *books = &process->now->target.books;
	const struct books_thread **rows = books_threads_by_bytes(books);
	struct table table;

	if (rows == NULL)
		return;
	table_begin(&table, columns, 8);
	for (size_t i = 0; i < books->thread_count; i++)
		thread_add(&table, process, rows[i]);
	page_add_table(page, &table);
	free(rows);
}

/* ---- call sites ------------------------------------------------------------ */

static const char *share_of(double part, double whole, char *text, size_t text_bytes)
{
	snprintf(text, text_bytes, whole > 0 ? "%.1f %%" : "-", 100 * part / whole);
	return text;
}

static void site_add(struct table *table, const struct prof_row *row, double all)
{
	const struct stack_name *name = row->name;
	const char *origin = name->place[0] != '\0' ? name->place :
		strncmp(name->text, name->module, strlen(name->module)) == 0 || name->text[0] == '['
		? ""
		: name->module;
	char text[2 * STACK_NAME_BYTES + 4];

	table_add(table, units_short(prof_whole(row->flat.after.bytes)).text);
	table_add(table, units_short(prof_whole(stack_sum_error(&row->flat))).text);
	table_add(table, share_of(row->flat.after.bytes, all, text, sizeof(text)));
	table_add(table, units_short(prof_whole(row->cum.after.bytes)).text);
	table_add(table, share_of(row->cum.after.bytes, all, text, sizeof(text)));
	snprintf(text, sizeof(text), "%s%s%s", name->text, origin[0] != '\0' ? "  " : "", origin);
	table_add(table, text);
}

static bool site_table_add(struct page *page, struct prof *prof)
{
	static const struct table_column columns[] = {{"   flat", false}, {" +- err", false},
		{"flat %", false}, {"    cum", false}, {" cum %", false}, {"function", true}};
	struct stack_tree tree;
	struct prof_rows rows;
	struct table table;

	if (!prof_tree_make(&tree, prof, STACK_BY_FUNCTION))
		return false;
	bool done = prof_rows_make(&rows, &tree);
	if (done) {
		table_begin(&table, columns, 6);
		for (size_t i = 0; i < rows.count && i < SITES_SHOWN; i++)
			site_add(&table, &rows.list[i], tree.nodes[0].whole.after.bytes);
		page_add_table(page, &table);
		if (rows.count > SITES_SHOWN)
			page_add(page, PAGE_DIM, "%s more; mstat prof --top 0 shows all",
				units_count((int64_t)(rows.count - SITES_SHOWN)).text);
		prof_rows_free(&rows);
	}
	stack_tree_free(&tree);
	return done;
}

static void sites_add(struct page *page, struct top_process *process)
{
	const struct target *target = &process->now->target;
	struct prof prof = {.value = SITE_LIVE};
	struct stacks *stacks = &prof.sides[STACK_AFTER].stacks;
	char text[256];

	if (process->symbols == NULL)
		process->symbols = target_symbols(target, false);
	if (process->symbols == NULL || !stacks_open(stacks, &target->sites, process->symbols)) {
		page_add(page, PAGE_PLAIN, "There is no memory for the call sites.");
		return;
	}
	const char *nothing = prof_nothing(&prof, text, sizeof(text));
	if (nothing != NULL)
		page_add_sentence(page, nothing);
	else if (!site_table_add(page, &prof))
		page_add(page, PAGE_PLAIN, "There is no memory for the call sites.");
	stacks_close(stacks);
}

void top_page_add(struct page *page, enum top_page which, struct top_process *process)
{
	switch (which) {
	case TOP_LEDGER:
		ledger_add(page, process->now);
		facts_add(page, process->now);
		break;
	case TOP_CLASSES:
		classes_add(page, process);
		break;
	case TOP_THREADS:
		threads_add(page, process);
		break;
	case TOP_SITES:
		sites_add(page, process);
		break;
	case TOP_PAGES:
		break;
	}
}
