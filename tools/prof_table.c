#include "tools/prof_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/prof_rows.h"
#include "tools/table.h"
#include "tools/term.h"

enum { NAME_COLUMNS = 40 }; /* on a terminal the least that is shown of a name */

struct units_text prof_bytes_text(double bytes, const struct prof_options *options)
{
	return units_bytes(prof_whole(bytes), options->exact_bytes);
}

struct units_text prof_change_text(double bytes, const struct prof_options *options)
{
	return units_change(prof_whole(bytes), options->exact_bytes);
}

struct units_text prof_share_text(double part, double whole)
{
	struct units_text out = {"-"};

	if (whole > 0)
		snprintf(out.text, sizeof(out.text), "%.1f %%", 100 * part / whole);
	return out;
}

const char *prof_by_word(enum stack_by by)
{
	static const char *const words[] = {[STACK_BY_FUNCTION] = "function",
		[STACK_BY_FILE] = "file", [STACK_BY_LINE] = "line", [STACK_BY_DSO] = "dso",
		[STACK_BY_TAG] = "tag",
		[STACK_BY_CALL] = "call stack"};

	return words[by];
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

	snprintf(text, sizeof(text), "± %s", prof_bytes_text(stack_sum_error(sum), options).text);
	table_add(table, text);
}

static void add_row(struct table *table, const struct prof_row *row, double all,
	const struct prof_options *options)
{
	table_add(table, prof_bytes_text(row->flat.after.bytes, options).text);
	add_error(table, &row->flat, options);
	table_add(table, prof_share_text(row->flat.after.bytes, all).text);
	table_add(table, prof_bytes_text(row->cum.after.bytes, options).text);
	table_add(table, prof_share_text(row->cum.after.bytes, all).text);
	table_add(table, units_count(prof_whole(row->flat.after.objects)).text);
	table_add(table, units_count((int64_t)row->flat.after.samples).text);
	add_name(table, row->name);
}

static void print_rows(const struct prof_rows *rows, size_t count, double all,
	const struct prof_options *options)
{
	const struct table_column columns[] = {{"flat", false}, {"error", false}, {"flat %", false},
		{"cum", false}, {"cum %", false}, {"objects", false}, {"samples", false},
		{prof_by_word(options->by), true}};
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

	table_add(table, prof_change_text(stack_sum_change(&row->flat), options).text);
	add_error(table, &row->flat, options);
	table_add(table, prof_bytes_text(row->flat.before.bytes, options).text);
	table_add(table, prof_bytes_text(row->flat.after.bytes, options).text);
	table_add(table, prof_change_text(stack_sum_change(&row->cum), options).text);
	table_add(table, units_count_change(prof_whole(objects)).text);
	add_name(table, row->name);
}

static void print_changes(const struct prof_rows *rows, size_t count,
	const struct prof_options *options)
{
	const struct table_column columns[] = {{"change", false}, {"error", false},
		{"before", false}, {"after", false}, {"cum", false}, {"objects", false},
		{prof_by_word(options->by), true}};
	struct table table;

	table_start(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < count; i++)
		add_change(&table, &rows->list[i], options);
	table_print(&table);
}

static void rest_print(size_t shown, size_t count)
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

bool prof_print_table(const struct prof *prof, const struct stack_tree *tree,
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
	rest_print(shown, count);
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
		printf("\n%s%s%s ± %s, %s to %s\n", term_bold(), prof_change_text(bytes, options).text,
			term_plain(), prof_bytes_text(stack_sum_error(own), options).text,
			prof_bytes_text(own->before.bytes, options).text,
			prof_bytes_text(own->after.bytes, options).text);
	else
		printf("\n%s%s%s ± %s, %s, %s objects, %s samples\n", term_bold(),
			prof_bytes_text(bytes, options).text, term_plain(),
			prof_bytes_text(stack_sum_error(own), options).text, prof_share_text(bytes, all).text,
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

bool prof_print_stacks(const struct prof *prof, const struct stack_tree *tree,
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
	rest_print(shown, count);
	free(list);
	return true;
}

bool prof_print_largest(struct prof *prof, const struct prof_options *options)
{
	struct stack_tree tree;
	uint32_t largest = 0;

	if (!prof_tree_make(&tree, prof, STACK_BY_CALL))
		return false;
	for (uint32_t i = 1; i < tree.count; i++)
		if (largest == 0 || compare_nodes(&i, &largest, &tree) < 0)
			largest = i;
	if (largest != 0) {
		print_sum_of_stack(prof, &tree.nodes[largest].own,
			tree.nodes[0].whole.after.bytes, options);
		print_stack(&tree, largest);
	}
	stack_tree_free(&tree);
	return true;
}
