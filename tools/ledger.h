/*
 * tools/ledger.h - the books as lines that add up to what the kernel says.
 *
 * INVARIANT  Each line that begins with = is the sum of the signed lines above
 *            it, to the byte; indented lines are part of the one above.
 *                live objects + in magazines + free in spans + idle pages +
 *                metadata - never touched - given back - swapped out
 *                    = the heap's resident memory
 *                + everything else that is mapped + remainder = RSS
 *            The remainder is what the books and the kernel do not agree on;
 *            it is always a line of its own.
 */
#ifndef TOOLS_LEDGER_H
#define TOOLS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/books.h"
#include "tools/resident.h"

enum { LEDGER_LINES_MAX = 24 };

struct ledger_line {
	char sign;          /* ' ' first, '+', '-', '=', or '.' part of the last */
	const char *key;    /* in JSON, with _bytes behind it */
	const char *label;
	int64_t bytes;
	bool is_optional;   /* not printed when zero */
	char note[64];
};

struct ledger {
	struct ledger_line lines[LEDGER_LINES_MAX];
	size_t count;
	int64_t sum_bytes;       /* of the signed lines so far */
	int64_t remainder_bytes;
};

/* resident may be NULL: the books alone, down to the mapped heap. */
void ledger_make(struct ledger *ledger, const struct books *books,
	const struct resident *resident);

#endif
