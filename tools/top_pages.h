/*
 * tools/top_pages.h - what is shown of one process: a head, and below it a page of four.
 *
 * WHY        Where its memory is, of which sizes, by which threads and by which functions are
 *            four questions, and a terminal has 24 lines.
 */
#ifndef TOOLS_TOP_PAGES_H
#define TOOLS_TOP_PAGES_H

#include "tools/page.h"
#include "tools/top_process.h"

enum top_page { TOP_LEDGER, TOP_CLASSES, TOP_THREADS, TOP_SITES, TOP_PAGES };

/* Who it is, whether it runs, and its sums. */
void top_head_add(struct page *page, const struct top_process *process);

/* The names of the pages, this one's marked. */
void top_tabs_add(struct page *page, enum top_page which);

/* May look for the names of functions, and so takes its time: of TOP_SITES, where
   process->symbols is NULL. */
void top_page_add(struct page *page, enum top_page which, struct top_process *process);

/* "ledger", "classes", "threads", "sites" */
const char *top_page_word(enum top_page which);

#endif
