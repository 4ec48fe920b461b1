#include "tools/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/term.h"
#include "tools/text.h"

void table_begin(struct table *table, const struct table_column *columns, size_t column_count)
{
	*table = (struct table){.columns = columns, .column_count = column_count};
}

void table_add(struct table *table, const char *text)
{
	if (table->cell_count == table->room) {
		size_t room = table->room == 0 ? 64 : 2 * table->room;
		char **larger = reallocarray(table->cells, room, sizeof(*larger));
		if (larger == NULL)
			return;
		table->cells = larger;
		table->room = room;
	}
	char *copy = strdup(text);
	if (copy != NULL)
		table->cells[table->cell_count++] = copy;
}

static void pad(FILE *out, size_t columns)
{
	fprintf(out, "%*s", (int)columns, "");
}

static void cell_print(FILE *out, const struct table_column *column, const char *text,
	size_t width, size_t columns_left, bool is_last)
{
	size_t columns = text_columns(text);

	if (!column->is_text) {
		pad(out, width - columns);
		fputs(text, out);
	} else if (!is_last) {
		fputs(text, out);
		pad(out, width - columns);
	} else if (columns <= columns_left || columns_left < 8) {
		fputs(text, out);
	} else {
		fprintf(out, "%.*s...", (int)text_cut(text, columns_left - 3), text);
	}
}

static size_t last_columns(const struct table *table, size_t left)
{
	return left > table->last_least ? left : table->last_least;
}

static void row_print(const struct table *table, FILE *out, size_t columns, char *const *cells,
	const size_t *widths)
{
	size_t at = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		const char *gap = i == 0 ? "" : "  ";
		at += strlen(gap);
		fputs(gap, out);
		cell_print(out, &table->columns[i], cells[i], widths[i],
			last_columns(table, columns > at ? columns - at : 0),
			i + 1 == table->column_count);
		at += widths[i];
	}
}

static void widths_measure(const struct table *table, size_t *widths)
{
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = text_columns(table->columns[i].title);
	for (size_t i = 0, column = 0; i < table->cell_count; i++, column++) {
		if (column == table->column_count)
			column = 0;
		size_t columns = text_columns(table->cells[i]);
		if (columns > widths[column])
			widths[column] = columns;
	}
}

static void rows_print(struct table *table, FILE *out, size_t columns, const char *before_titles,
	const char *after_titles)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};
	char *titles[TABLE_COLUMNS_MAX];

	widths_measure(table, widths);
	for (size_t i = 0; i < table->column_count; i++)
		titles[i] = (char *)(size_t)table->columns[i].title;
	fputs(before_titles, out);
	row_print(table, out, columns, titles, widths);
	fprintf(out, "%s\n", after_titles);
	for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count) {
		row_print(table, out, columns, table->cells + i, widths);
		putc('\n', out);
	}
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
}

void table_print(struct table *table)
{
	rows_print(table, stdout, term_columns(), term_dim(), term_plain());
}

void table_write(struct table *table, FILE *out, size_t columns)
{
	rows_print(table, out, columns, "", "");
}
