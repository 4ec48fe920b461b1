/*
 * tools/table.h - rows and columns on a terminal.
 *
 * INVARIANT  A column is as wide as its widest cell and its title, numbers
 *            stand at the right.  Only the last column is cut, to the
 *            terminal's width but not below last_least, and only if it holds
 *            text.
 *
 * OWNERSHIP  Cells are copied; table_print() and table_write() free them.
 */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 10 };

struct table_column {
	const char *title;
	bool is_text; /* at the left; else a number, at the right */
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	char **cells;
	size_t cell_count;
	size_t room;
	size_t last_least; /* columns of the last; may be set after table_begin() */
};

void table_begin(struct table *table, const struct table_column *columns, size_t column_count);

/* The next cell, from left to right and downwards. */
void table_add(struct table *table, const char *text);

/* On stdout, as wide as its terminal. */
void table_print(struct table *table);

/* Plain lines, the first the titles. */
void table_write(struct table *table, FILE *out, size_t columns);

#endif
