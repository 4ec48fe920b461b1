#include "tools/top_list.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/boxes.h"
#include "tools/text.h"
#include "tools/units.h"

enum { SEARCH_SHARE = 10 }; /* looking for processes may take a tenth of the time */

bool top_identity_equal(const struct top_identity *a, const struct top_identity *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks && a->box_ns == b->box_ns;
}

/* ---- rows ------------------------------------------------------------------ */

static struct top_row *row_add(struct top_list *list)
{
	struct top_row *larger = reallocarray(list->list, list->count + 1, sizeof(*larger));

	if (larger == NULL)
		return NULL;
	list->list = larger;
	larger[list->count] = (struct top_row){0};
	return &larger[list->count++];
}

static void row_set_process(struct top_row *row, const struct process *process, uint64_t box_ns)
{
	row->identity = (struct top_identity){process->pid, process->start_ticks, box_ns};
	row->uid = process->uid;
	row->thread_count = process->thread_count;
	row->rss_bytes = process_rss_bytes(process->pid);
}

static void row_set_live(struct top_row *row, uint64_t live_bytes, uint64_t nmalloc)
{
	row->live_bytes = live_bytes;
	row->moment = (struct rate_moment){rate_clock_ns(), live_bytes, nmalloc};
}

/* False if the process may not be looked into, or has ended. */
static bool row_read(struct top_row *row, pid_t pid)
{
	struct failure failure;
	struct target target;

	if (!target_open_process(&target, pid, &failure))
		return false;
	const struct books *books = &target.books;
	const char *command = books->command[0] != '\0' ? books->command : books->exe;
	row_set_process(row, &target.process, books->start_realtime_ns);
	row_set_live(row, books->totals.alloc, books->totals.nmalloc);
	row->inuse_bytes = books->totals.heap_inuse;
	text_copy(row->command, sizeof(row->command), command, strlen(command));
	target_close(&target);
	/* The number may have got another process meanwhile. */
	return process_start_ticks(pid) == row->identity.start_ticks;
}

static void row_take(struct top_row *row, const struct box_entry *entry)
{
	const char *command = entry->command != NULL ? entry->command : "?";

	row_set_process(row, &entry->process, entry->start_realtime_ns);
	row_set_live(row, entry->live_bytes, entry->nmalloc);
	row->inuse_bytes = entry->inuse_bytes;
	row->is_published = true;
	text_copy(row->command, sizeof(row->command), command, strlen(command));
}

static void add_found(struct top_list *list, const struct box_entry *entry)
{
	if (entry->is_damaged || entry->life != LIFE_LIVE)
		return;
	struct top_row *row = row_add(list);
	if (row != NULL && !row_read(row, entry->process.pid)) {
		*row = (struct top_row){0};
		row_take(row, entry);
		if (process_start_ticks(entry->process.pid) != entry->process.start_ticks)
			list->count--;
	}
}

static void search(struct top_list *list)
{
	struct boxes boxes;

	boxes_find_all(&boxes, NULL);
	for (size_t i = 0; i < boxes.count; i++)
		add_found(list, &boxes.list[i]);
	boxes_free(&boxes);
}

/* Those alone that are known; of which only the box could be read, stay as they were. */
static void read_again(struct top_list *list, const struct top_list *before)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct top_row *old = &before->list[i];
		const struct top_identity *identity = &old->identity;
		struct top_row *row = row_add(list);
		if (row == NULL)
			return;
		bool is_there = old->is_published
			? process_start_ticks(identity->pid) == identity->start_ticks
			: row_read(row, identity->pid);
		if (!is_there)
			list->count--;
		else if (old->is_published)
			*row = *old;
	}
}

static void user_find(struct top_row *row)
{
	const struct passwd *user = getpwuid(row->uid);

	if (user != NULL)
		text_copy(row->user, sizeof(row->user), user->pw_name, strlen(user->pw_name));
	else
		snprintf(row->user, sizeof(row->user), "%u", (unsigned)row->uid);
}

void top_list_compare(struct top_list *now, const struct top_list *before)
{
	for (size_t i = 0; i < now->count; i++) {
		struct top_row *row = &now->list[i];
		size_t at = top_list_find(before, &row->identity);
		const struct top_row *old = at < before->count ? &before->list[at] : NULL;
		if (old != NULL && old->uid == row->uid)
			memcpy(row->user, old->user, sizeof(row->user));
		else
			user_find(row);
		if (old != NULL && row->moment.monotonic_ns != old->moment.monotonic_ns)
			row->rate = rate_between(&old->moment, &row->moment);
	}
}

void top_list_refresh(struct top_list *list)
{
	struct top_list next = {.order = list->order, .search_ns = list->search_ns};
	uint64_t start_ns = rate_clock_ns();

	if (start_ns >= list->search_ns) {
		search(&next);
		uint64_t end_ns = rate_clock_ns();
		next.search_ns = end_ns + SEARCH_SHARE * (end_ns - start_ns);
	} else {
		read_again(&next, list);
	}
	top_list_compare(&next, list);
	top_list_sort(&next);
	top_list_free(list);
	*list = next;
}

/* ---- order ----------------------------------------------------------------- */

/* 1: a is above b. */
static int compare_as(enum top_order order, const struct top_row *a, const struct top_row *b)
{
	switch (order) {
	case TOP_BY_LIVE:
		return (a->live_bytes > b->live_bytes) - (a->live_bytes < b->live_bytes);
	case TOP_BY_GROWTH:
		return (a->rate.live_bytes > b->rate.live_bytes) -
			(a->rate.live_bytes < b->rate.live_bytes);
	case TOP_BY_RSS:
		return (a->rss_bytes > b->rss_bytes) - (a->rss_bytes < b->rss_bytes);
	case TOP_BY_ALLOCATIONS:
		return (a->rate.allocations > b->rate.allocations) -
			(a->rate.allocations < b->rate.allocations);
	case TOP_BY_PID:
		break;
	}
	return 0;
}

static int compare_rows(const void *a, const void *b, void *order)
{
	const struct top_row *left = a, *right = b;
	int by_order = compare_as(*(const enum top_order *)order, left, right);

	if (by_order != 0)
		return -by_order;
	return (left->identity.pid > right->identity.pid) -
		(left->identity.pid < right->identity.pid);
}

void top_list_sort(struct top_list *list)
{
	if (list->count > 0)
		qsort_r(list->list, list->count, sizeof(*list->list), compare_rows, &list->order);
}

size_t top_list_find(const struct top_list *list, const struct top_identity *identity)
{
	size_t i = 0;

	while (i < list->count && !top_identity_equal(&list->list[i].identity, identity))
		i++;
	return i;
}

const char *top_order_text(enum top_order order)
{
	static const char *const texts[] = {[TOP_BY_LIVE] = "by live bytes",
		[TOP_BY_GROWTH] = "by growth of live bytes", [TOP_BY_RSS] = "by RSS",
		[TOP_BY_ALLOCATIONS] = "by allocations", [TOP_BY_PID] = "by PID"};

	return texts[order];
}

/* ---- the page -------------------------------------------------------------- */

static bool has_many_users(const struct top_list *list)
{
	for (size_t i = 1; i < list->count; i++)
		if (list->list[i].uid != list->list[0].uid)
			return true;
	return false;
}

/* Of a narrow column the folder of the program would take the most. */
static const char *command_text(const struct top_row *row)
{
	const char *at = row->command;
	size_t word = strcspn(at, " ");

	for (size_t i = 0; i + 1 < word; i++)
		if (row->command[i] == '/')
			at = row->command + i + 1;
	return at;
}

static void row_print(struct table *table, const struct top_row *row, bool with_user)
{
	const struct rate *rate = &row->rate;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)row->identity.pid);
	table_add(table, pid);
	if (with_user)
		table_add(table, row->user);
	table_add(table, units_short((int64_t)row->rss_bytes).text);
	table_add(table, units_short((int64_t)row->inuse_bytes).text);
	table_add(table, units_short((int64_t)row->live_bytes).text);
	table_add(table, rate->is_known ? units_short_change(rate->live_bytes).text : "-");
	table_add(table, rate->is_known ? units_count((int64_t)rate->allocations).text : "-");
	table_add(table, units_count((int64_t)row->thread_count).text);
	table_add(table, command_text(row));
}

/* Titles as wide as their columns mostly are: they do not move with each figure. */
void top_list_page(const struct top_list *list, const char *title, struct page *page)
{
	static const struct table_column columns[] = {{"    PID", false}, {"    RSS", false},
		{" in use", false}, {"   live", false}, {"  live/s", false}, {" allocs/s", false},
		{"thr", false}, {"command", true}};
	static const struct table_column with_users[] = {{"    PID", false}, {"user", true},
		{"    RSS", false}, {" in use", false}, {"   live", false}, {"  live/s", false},
		{" allocs/s", false}, {"thr", false}, {"command", true}};
	bool has_users = has_many_users(list);
	struct table table;

	page_add(page, PAGE_TITLE, "%s", title);
	if (list->count == 0) {
		page_fix(page, false);
		page_add(page, PAGE_PLAIN, "No process that can be seen runs under libmstat.");
		return;
	}
	page_fix(page, true);
	table_begin(&table, has_users ? with_users : columns, has_users ? 9 : 8);
	for (size_t i = 0; i < list->count; i++)
		row_print(&table, &list->list[i], has_users);
	page_add_table(page, &table);
}

void top_list_free(struct top_list *list)
{
	free(list->list);
	list->list = NULL;
	list->count = 0;
}
