/*
 * tools/page.h - lines of text to be shown on a screen, or printed.
 *
 * WHY        What `mstat top` shows does not depend on what shows it: curses scrolls through
 *            the lines, --once prints them, tests read them.
 *
 * INVARIANT  A line has no newline and no control character.  The first fixed_count lines
 *            stay where they are when the others scroll.
 *
 * OWNERSHIP  page_free() frees the lines.
 */
#ifndef TOOLS_PAGE_H
#define TOOLS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "tools/table.h"

enum { PAGE_NO_LIMIT = 1 << 20 }; /* columns, where nothing is cut */

enum page_style {
	PAGE_PLAIN,
	PAGE_TITLE,   /* the first line of a screen */
	PAGE_BOLD,
	PAGE_DIM,     /* titles of columns */
	PAGE_WARNING
};

struct page_line {
	char *text;
	enum page_style style;
};

struct page {
	struct page_line *list;
	size_t count;
	size_t room;
	size_t fixed_count;
	size_t columns;   /* what is longer may be cut */
};

void page_begin(struct page *page, size_t columns);

/* A line; what there is no memory for is left out. */
void page_add(struct page *page, enum page_style style, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* "label  text", cut with dots. */
void page_add_cut(struct page *page, const char *label, const char *text);

/* A sentence, on as many lines as it needs. */
void page_add_sentence(struct page *page, const char *text);

/* A table's lines; frees the table. */
void page_add_table(struct page *page, struct table *table);

/* All lines so far, and of a table that follows its titles. */
void page_fix(struct page *page, bool with_titles);

/* On stdout. */
void page_print(const struct page *page);

void page_free(struct page *page);

#endif
