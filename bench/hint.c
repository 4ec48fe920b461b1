#include "bench/hint.h"

#include <stdio.h>
#include <string.h>

#include "bench/common.h"

struct hint hint;

void hint_choose(const char *word)
{
	bool is_wanted = strcmp(word, "hinted") == 0;

	if (!is_wanted && strcmp(word, "plain") != 0) {
		fprintf(stderr, "hinted or plain, not %s\n", word);
		exit(2);
	}
	hint.is_given = is_wanted && mstat_alloc != NULL;
}

void hint_report_books(void)
{
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};

	if (mstat_snapshot == NULL || mstat_snapshot(&now) != 0)
		return;
	report_rss("alloc", now.alloc);
	report_rss("heap-inuse", now.heap_inuse);
	report_rss("tiny-alloc", now.tiny_alloc);
}
