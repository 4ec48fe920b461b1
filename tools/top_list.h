/*
 * tools/top_list.h - the processes that run under libmstat, looked at again and again.
 *
 * WHY        `mstat ls` looks at all processes of the machine and at all boxes, dead ones
 *            too.  Here that is done for a tenth of the time at most; in between those that
 *            are known are read alone.
 *
 * INVARIANT  A row is of one process that executes one program: its pid, its start and when
 *            its box was made are the same from look to look, or it is another row.
 *
 * OWNERSHIP  top_list_free() frees the rows.
 */
#ifndef TOOLS_TOP_LIST_H
#define TOOLS_TOP_LIST_H

#include <sys/types.h>

#include "stats/box_layout.h"
#include "tools/page.h"
#include "tools/rate.h"

enum top_order { TOP_BY_LIVE, TOP_BY_GROWTH, TOP_BY_RSS, TOP_BY_ALLOCATIONS, TOP_BY_PID };

/* Which process, executing which program. */
struct top_identity {
	pid_t pid;
	uint64_t start_ticks;
	uint64_t box_ns;       /* when the box was made */
};

struct top_row {
	struct top_identity identity;
	uid_t uid;
	char user[32];
	uint32_t thread_count;
	bool is_published;     /* its memory may not be read: the box's figures */
	uint64_t rss_bytes;
	uint64_t inuse_bytes;  /* spans and large objects */
	uint64_t live_bytes;
	struct rate_moment moment;
	struct rate rate;
	char command[BOX_CMDLINE_BYTES + 1];
};

struct top_list {
	struct top_row *list;
	size_t count;
	enum top_order order;
	uint64_t search_ns;    /* when all processes are looked at again */
};

bool top_identity_equal(const struct top_identity *a, const struct top_identity *b);

/* Looks again, and sorts. */
void top_list_refresh(struct top_list *list);

/* By the list's order, the largest first; by pid the lowest. */
void top_list_sort(struct top_list *list);

/* Rates of rows that were there before. */
void top_list_compare(struct top_list *now, const struct top_list *before);

/* Where a process stands; `count` if it is not there. */
size_t top_list_find(const struct top_list *list, const struct top_identity *identity);

/* Below a title, one line a process. */
void top_list_page(const struct top_list *list, const char *title, struct page *page);

/* "by live bytes" */
const char *top_order_text(enum top_order order);

void top_list_free(struct top_list *list);

#endif
