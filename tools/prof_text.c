#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/prof.h"
#include "tools/prof_rows.h"
#include "tools/table.h"
#include "tools/term.h"
#include "tools/text.h"
#include "tools/units.h"

enum { NAME_COLUMNS = 40 }; /* on a terminal the least that is shown of a name */

static struct units_text bytes_text(double bytes, const struct prof_options *options)
{
	return units_bytes(prof_whole(bytes), options->exact_bytes);
}

static struct units_text change_text(double bytes, const struct prof_options *options)
{
	return units_change(prof_whole(bytes), options->exact_bytes);
}

static struct units_text share_text(double part, double whole)
{
	struct units_text out = {"-"};

	if (whole > 0)
		snprintf(out.text, sizeof(out.text), "%.1f %%", 100 * part / whole);
	return out;
}

/* ---- heading --------------------------------------------------------------- */

static const char *by_word(enum stack_by by)
{
	static const char *const words[] = {[STACK_BY_FUNCTION] = "function",
		[STACK_BY_FILE] = "file", [STACK_BY_LINE] = "line", [STACK_BY_DSO] = "dso",
		[STACK_BY_CALL] = "call stack"};

	return words[by];
}

static const char *value_text(enum site_value value)
{
	static const char *const texts[] = {[SITE_LIVE] = "what is alive",
		[SITE_TOTAL] = "all that was allocated", [SITE_PEAK] = "what was alive at the peak"};

	return texts[value];
}

static const char *sum_label(enum site_value value)
{
	return value == SITE_PEAK ? "at peak" : prof_value_word(value);
}

static void print_rate(const struct sites *sites)
{
	if (sites->rate_bytes == 0)
		printf("rate      sampling is off now\n");
	else
		printf("rate      1 sample in %s\n",
			units_bytes(prof_whole((double)sites->rate_bytes), false).text);
}

static void print_samples(const struct prof *prof, const struct site_sum *sum)
{
	const struct sites *sites = prof_sites(prof);

	printf("samples   %s of %s taken are of it\n", units_count((int64_t)sum->samples).text,
		units_count((int64_t)sites->sample_count).text);
	if (sites->lost_count != 0)
		printf("          %s are not followed, for want of memory: counted as not alive\n",
			units_count((int64_t)sites->lost_count).text);
	if (sites->damaged_parts != 0)
		printf("          %s part%s damaged, counted as nothing\n",
			units_count((int64_t)sites->damaged_parts).text,
			sites->damaged_parts == 1 ? " is" : "s are");
}

static void print_sum(const char *label, const struct site_sum *sum,
	const struct prof_options *options)
{
	printf("%-9s %s ± %s in %s objects; ± is one standard error\n", label,
		bytes_text(sum->bytes, options).text, bytes_text(sum->bytes_error, options).text,
		units_count(prof_whole(sum->objects)).text);
}

static void print_peak(const struct sites *sites, const struct prof_options *options)
{
	if (sites->peak.sequence != 0)
		printf("peak      %s in spans, %s\n",
			bytes_text((double)sites->peak.heap_inuse, options).text,
			units_time(sites->peak.realtime_ns).text);
}

static void print_head(const struct prof *prof, const struct prof_options *options)
{
	const struct sites *sites = prof_sites(prof);
	struct site_sum sum = sites_sum(sites, prof->value);

	printf("%s%s%s  %s, by %s\n", term_bold(), prof->sides[STACK_AFTER].title, term_plain(),
		value_text(prof->value), by_word(options->by));
	print_rate(sites);
	print_samples(prof, &sum);
	print_sum(sum_label(prof->value), &sum, options);
	print_peak(sites, options);
}

static void print_diff_head(const struct prof *prof, const struct prof_options *options)
{
	static const char *const labels[] = {"before", "after"};
	struct site_sum sums[2];

	for (int side = 0; side < 2; side++) {
		const struct prof_side *at = &prof->sides[side];
		sums[side] = sites_sum(at->stacks.sites, prof->value);
		printf("%-9s %s%s%s  %s\n", labels[side], term_bold(), at->title, term_plain(),
			units_time(at->realtime_ns).text);
		printf("          %s ± %s, 1 sample in %s\n",
			bytes_text(sums[side].bytes, options).text,
			bytes_text(sums[side].bytes_error, options).text,
			units_bytes(prof_whole((double)at->stacks.sites->rate_bytes), false).text);
	}
	printf("%-9s %s ± %s of %s, by %s; ± is one standard error\n", "change",
		change_text(sums[1].bytes - sums[0].bytes, options).text,
		bytes_text(hypot(sums[0].bytes_error, sums[1].bytes_error), options).text,
		value_text(prof->value), by_word(options->by));
}

/* ---- tables ---------------------------------------------------------------- */

/* Where a name is from: a file and line, at least a module. */
static const char *origin_of(const struct stack_name *name)
{
	bool is_in_text = name->text[0] == '[' ||
		strncmp(name->text, name->module, strlen(name->module)) == 0;

	if (name->place[0] != '\0' || is_in_text)
		return name->place;
	return name->module;
}

/* "function  file:line", the last column. */
static void add_name(struct table *table, const struct stack_name *name)
{
	const char *origin = origin_of(name);
	char text[2 * STACK_NAME_BYTES + 4];

	snprintf(text, sizeof(text), "%s%s%s", name->text, origin[0] != '\0' ? "  " : "", origin);
	table_add(table, text);
}

static void table_start(struct table *table, const struct table_column *columns, size_t count)
{
	table_begin(table, columns, count);
	/* Into a pipe names go whole: another program reads them. */
	table->last_least = isatty(STDOUT_FILENO) ? NAME_COLUMNS : SIZE_MAX;
}

static void add_error(struct table *table, const struct stack_sum *sum,
	const struct prof_options *options)
{
	char text[UNITS_BYTES + 4];

	snprintf(text, sizeof(text), "± %s", bytes_text(stack_sum_error(sum), options).text);
	table_add(table, text);
}

static void add_row(struct table *table, const struct prof_row *row, double all,
	const struct prof_options *options)
{
	table_add(table, bytes_text(row->flat.after.bytes, options).text);
	add_error(table, &row->flat, options);
	table_add(table, share_text(row->flat.after.bytes, all).text);
	table_add(table, bytes_text(row->cum.after.bytes, options).text);
	table_add(table, share_text(row->cum.after.bytes, all).text);
	table_add(table, units_count(prof_whole(row->flat.after.objects)).text);
	table_add(table, units_count((int64_t)row->flat.after.samples).text);
	add_name(table, row->name);
}

static void print_rows(const struct prof_rows *rows, size_t count, double all,
	const struct prof_options *options)
{
	const struct table_column columns[] = {{"flat", false}, {"error", false}, {"flat %", false},
		{"cum", false}, {"cum %", false}, {"objects", false}, {"samples", false},
		{by_word(options->by), true}};
	struct table table;

	table_start(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < count; i++)
		add_row(&table, &rows->list[i], all, options);
	table_print(&table);
}

static void add_change(struct table *table, const struct prof_row *row,
	const struct prof_options *options)
{
	double objects = row->flat.after.objects - row->flat.before.objects;

	table_add(table, change_text(stack_sum_change(&row->flat), options).text);
	add_error(table, &row->flat, options);
	table_add(table, bytes_text(row->flat.before.bytes, options).text);
	table_add(table, bytes_text(row->flat.after.bytes, options).text);
	table_add(table, change_text(stack_sum_change(&row->cum), options).text);
	table_add(table, units_count_change(prof_whole(objects)).text);
	add_name(table, row->name);
}

static void print_changes(const struct prof_rows *rows, size_t count,
	const struct prof_options *options)
{
	const struct table_column columns[] = {{"change", false}, {"error", false},
		{"before", false}, {"after", false}, {"cum", false}, {"objects", false},
		{by_word(options->by), true}};
	struct table table;

	table_start(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < count; i++)
		add_change(&table, &rows->list[i], options);
	table_print(&table);
}

static void print_rest(size_t shown, size_t count)
{
	if (shown < count)
		printf("%s%s more; --top 0 shows all%s\n", term_dim(),
			units_count((int64_t)(count - shown)).text, term_plain());
}

/* Rows come by size, so those in which nothing differs are the last. */
static size_t rows_that_differ(const struct prof_rows *rows)
{
	size_t count = rows->count;

	while (count > 0 && stack_sum_change(&rows->list[count - 1].flat) == 0 &&
		stack_sum_change(&rows->list[count - 1].cum) == 0)
		count--;
	return count;
}

static bool print_table(const struct prof *prof, const struct stack_tree *tree,
	const struct prof_options *options)
{
	struct prof_rows rows;

	if (!prof_rows_make(&rows, tree))
		return false;
	size_t count = rows_that_differ(&rows);
	size_t shown = count < options->top_count ? count : options->top_count;
	if (count == 0)
		printf("Nothing differs.\n");
	else if (prof->is_diff)
		print_changes(&rows, shown, options);
	else
		print_rows(&rows, shown, tree->nodes[0].whole.after.bytes, options);
	print_rest(shown, count);
	prof_rows_free(&rows);
	return true;
}

/* ---- whole stacks ---------------------------------------------------------- */

static int compare_nodes(const void *a, const void *b, void *tree)
{
	const struct stack_node *nodes = ((const struct stack_tree *)tree)->nodes;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	double left_bytes = fabs(stack_sum_change(&nodes[left].own));
	double right_bytes = fabs(stack_sum_change(&nodes[right].own));

	if (left_bytes != right_bytes)
		return left_bytes < right_bytes ? 1 : -1;
	return (left > right) - (left < right);
}

static void print_sum_of_stack(const struct prof *prof, const struct stack_sum *own, double all,
	const struct prof_options *options)
{
	double bytes = stack_sum_change(own);

	if (prof->is_diff)
		printf("\n%s%s%s ± %s, %s to %s\n", term_bold(), change_text(bytes, options).text,
			term_plain(), bytes_text(stack_sum_error(own), options).text,
			bytes_text(own->before.bytes, options).text,
			bytes_text(own->after.bytes, options).text);
	else
		printf("\n%s%s%s ± %s, %s, %s objects, %s samples\n", term_bold(),
			bytes_text(bytes, options).text, term_plain(),
			bytes_text(stack_sum_error(own), options).text, share_text(bytes, all).text,
			units_count(prof_whole(own->after.objects)).text,
			units_count((int64_t)own->after.samples).text);
}

/* The innermost first, as debuggers do. */
static void print_stack(const struct stack_tree *tree, uint32_t node)
{
	for (; node != 0; node = tree->nodes[node].parent) {
		const struct stack_name *name = stack_node_name(tree, node);
		const char *origin = origin_of(name);
		printf("    %s%s%s%s%s\n", name->text, origin[0] != '\0' ? "  " : "", term_dim(),
			origin, term_plain());
	}
}

static bool print_stacks(const struct prof *prof, const struct stack_tree *tree,
	const struct prof_options *options)
{
	uint32_t *list = calloc(tree->count, sizeof(*list));
	size_t count = 0;

	if (list == NULL)
		return false;
	for (uint32_t i = 1; i < tree->count; i++)
		if (stack_sum_change(&tree->nodes[i].own) != 0)
			list[count++] = i;
	qsort_r(list, count, sizeof(*list), compare_nodes, (void *)(uintptr_t)tree);
	size_t shown = count < options->top_count ? count : options->top_count;
	for (size_t i = 0; i < shown; i++) {
		print_sum_of_stack(prof, &tree->nodes[list[i]].own,
			tree->nodes[0].whole.after.bytes, options);
		print_stack(tree, list[i]);
	}
	printf("%s", shown < count ? "\n" : "");
	print_rest(shown, count);
	free(list);
	return true;
}

/* ---- modules --------------------------------------------------------------- */

/* What a module's file lacks; NULL if nothing. */
static const char *module_lack(enum module_file file)
{
	switch (file) {
	case MODULE_LINES:
	case MODULE_SYMBOLS:
		return NULL;
	case MODULE_STRIPPED:
		return "has no names: it is stripped, and its debug file is not here";
	case MODULE_MISSING:
		return "is not here, so its functions have no names";
	case MODULE_OTHER:
		return "is another file than the one that ran, so it is not believed";
	case MODULE_UNREADABLE:
		return "cannot be read, so its functions have no names";
	}
	return NULL;
}

static const char *lack_of(const struct stacks *stacks, uint32_t module)
{
	return stacks->modules_used[module] ? module_lack(symbols_module(stacks->symbols, module))
					    : NULL;
}

/* Whether it is told of the same file already. */
static bool lack_is_told(const struct stacks *told, const char *path, const char *lack)
{
	for (uint32_t i = 0; told != NULL && i < told->sites->module_count; i++)
		if (strcmp(told->sites->modules[i].path, path) == 0 && lack_of(told, i) == lack)
			return true;
	return false;
}

/* Without those of `told`, which may be NULL. */
static bool print_lacks(const struct stacks *stacks, const struct stacks *told, bool has_any)
{
	const struct sites *sites = stacks->sites;

	for (uint32_t i = 0; i < sites->module_count; i++) {
		const char *lack = lack_of(stacks, i), *path = sites->modules[i].path;
		if (lack == NULL || lack_is_told(told, path, lack))
			continue;
		printf("%s%s %s.\n", has_any ? "" : "\n", path[0] != '\0' ? path : "A module", lack);
		has_any = true;
	}
	return has_any;
}

static void print_modules(const struct prof *prof, const struct prof_options *options)
{
	const struct stacks *after = &prof->sides[STACK_AFTER].stacks;
	const struct stacks *before = prof->is_diff ? &prof->sides[STACK_BEFORE].stacks : NULL;
	bool has_any = before != NULL && print_lacks(before, NULL, false);

	has_any = print_lacks(after, before, has_any);
	if (has_any && !options->use_debuginfod)
		printf("--debuginfod asks the servers of $DEBUGINFOD_URLS for what is missing.\n");
}

bool prof_print_text(struct prof *prof, const struct prof_options *options)
{
	char text[256];
	const char *nothing = prof_nothing(prof, text, sizeof(text));
	struct stack_tree tree;
	bool done;

	if (prof->is_diff)
		print_diff_head(prof, options);
	else
		print_head(prof, options);
	if (nothing != NULL) {
		printf("\n%s\n", nothing);
		return true;
	}
	if (!prof_tree_make(&tree, prof, options->print_stacks ? STACK_BY_CALL : options->by))
		return false;
	if (options->print_stacks) {
		done = print_stacks(prof, &tree, options);
	} else {
		printf("\n");
		done = print_table(prof, &tree, options);
	}
	stack_tree_free(&tree);
	print_modules(prof, options);
	return done;
}
