#include "tools/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/term.h"
#include "tools/text.h"

void page_begin(struct page *page, size_t columns)
{
	*page = (struct page){.columns = columns};
}

/* Takes the text over; it may be NULL. */
static void line_add(struct page *page, enum page_style style, char *text)
{
	if (text != NULL && page->count == page->room) {
		size_t room = page->room == 0 ? 32 : 2 * page->room;
		struct page_line *larger = reallocarray(page->list, room, sizeof(*larger));
		if (larger == NULL) {
			free(text);
			return;
		}
		page->list = larger;
		page->room = room;
	}
	if (text != NULL)
		page->list[page->count++] = (struct page_line){text, style};
}

void page_add(struct page *page, enum page_style style, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	line_add(page, style, text);
}

void page_add_cut(struct page *page, const char *label, const char *text)
{
	size_t used = text_columns(label);
	size_t columns = page->columns > used + 3 ? page->columns - used : 3;

	if (text_columns(text) <= columns)
		page_add(page, PAGE_PLAIN, "%s%s", label, text);
	else
		page_add(page, PAGE_PLAIN, "%s%.*s...", label, (int)text_cut(text, columns - 3),
			text);
}

void page_add_sentence(struct page *page, const char *text)
{
	while (text_columns(text) > page->columns) {
		size_t bytes = text_cut(text, page->columns), end = bytes;
		while (end > 0 && text[end] != ' ')
			end--;
		if (end == 0) /* one long word */
			break;
		page_add(page, PAGE_PLAIN, "%.*s", (int)end, text);
		text += end + strspn(text + end, " ");
	}
	page_add(page, PAGE_PLAIN, "%s", text);
}

void page_add_table(struct page *page, struct table *table)
{
	enum page_style style = PAGE_DIM;
	char *text = NULL, *rest;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (out == NULL)
		return;
	table_write(table, out, page->columns);
	if (fclose(out) == 0) {
		rest = text;
		for (char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
			line_add(page, style, strdup(line));
			style = PAGE_PLAIN;
		}
	}
	free(text);
}

void page_fix(struct page *page, bool with_titles)
{
	page->fixed_count = page->count + with_titles;
}

void page_print(const struct page *page)
{
	for (size_t i = 0; i < page->count; i++) {
		const struct page_line *line = &page->list[i];
		const char *before = line->style == PAGE_PLAIN ? "" :
			line->style == PAGE_DIM ? term_dim() : term_bold();
		printf("%s%s%s\n", before, line->text, before[0] != '\0' ? term_plain() : "");
	}
}

void page_free(struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		free(page->list[i].text);
	free(page->list);
	*page = (struct page){0};
}
