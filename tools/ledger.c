#include "tools/ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "tools/units.h"

static struct ledger_line *line_add(struct ledger *ledger, char sign, const char *key,
	const char *label, uint64_t bytes)
{
	struct ledger_line *line = &ledger->lines[ledger->count++];
	uint64_t sum = (uint64_t)ledger->sum_bytes;

	/* Unsigned: a hostile box may hold any number. */
	if (sign == ' ' || sign == '+')
		ledger->sum_bytes = (int64_t)(sum + bytes);
	else if (sign == '-')
		ledger->sum_bytes = (int64_t)(sum - bytes);
	*line = (struct ledger_line){.sign = sign, .key = key, .label = label,
		.bytes = sign == '=' ? ledger->sum_bytes : (int64_t)bytes};
	return line;
}

static void line_add_optional(struct ledger *ledger, char sign, const char *key,
	const char *label, uint64_t bytes)
{
	line_add(ledger, sign, key, label, bytes)->is_optional = true;
}

PRINTF_LIKE(2, 3) static void line_note(struct ledger_line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line->note, sizeof(line->note), format, arguments);
	va_end(arguments);
}

static void add_live(struct ledger *ledger, const struct books *books)
{
	uint64_t sampled, rounding = books_rounding_bytes(books, &sampled);
	struct ledger_line *line =
		line_add(ledger, ' ', "live", "live objects", books->totals.alloc);

	line_note(line, "%s objects",
		units_count((int64_t)(books->totals.nmalloc - books->totals.nfree)).text);
	if (sampled == 0)
		return;
	line = line_add(ledger, '.', "rounding_estimate", "of which rounding", rounding);
	line_note(line, "estimated from %s sizes sampled", units_count((int64_t)sampled).text);
}

static void add_books(struct ledger *ledger, const struct books *books)
{
	const struct mstat_snapshot *totals = &books->totals;
	struct ledger_line *line;

	add_live(ledger, books);
	line_add(ledger, '+', "magazine", "in magazines", totals->magazine_bytes);
	line = line_add(ledger, '+', "span_free", "free in spans", totals->span_free_bytes);
	if (totals->heap_inuse != 0)
		line_note(line, "spans are %s full",
			units_share(totals->alloc + totals->magazine_bytes, totals->heap_inuse).text);
	line = line_add(ledger, '+', "idle", "idle pages", totals->heap_idle);
	line_note(line, "%s kept for reuse",
		units_bytes((int64_t)totals->idle_kept_bytes, false).text);
	line_add(ledger, '+', "metadata", "metadata", totals->metadata_bytes);
}

/* Idle pages, and free pages of spans that are in use. */
static uint64_t released_bytes(const struct books *books)
{
	return books->totals.heap_released + books->totals.span_released_bytes;
}

/* Of the heap's pages that are in no memory, those that were given back; the
   others were never touched, or not since. */
static uint64_t untouched_bytes(const struct books *books, const struct resident *resident)
{
	uint64_t there = resident->heap_bytes + resident->heap_swap_bytes +
		released_bytes(books);

	return resident->heap_mapped_bytes > there ? resident->heap_mapped_bytes - there : 0;
}

static void add_heap_resident(struct ledger *ledger, const struct books *books,
	const struct resident *resident)
{
	line_add(ledger, '-', "untouched", "never touched", untouched_bytes(books, resident));
	line_add(ledger, '-', "released", "given back to the OS", released_bytes(books));
	line_add_optional(ledger, '-', "swapped", "swapped out", resident->heap_swap_bytes);
	line_add(ledger, '=', "heap_resident", "heap, resident", 0);
}

static void add_remainder(struct ledger *ledger, const struct resident *resident)
{
	ledger->remainder_bytes = (int64_t)(resident->rss_bytes - (uint64_t)ledger->sum_bytes);
	struct ledger_line *line = line_add(ledger, '+', "remainder", "remainder",
		(uint64_t)ledger->remainder_bytes);
	if (ledger->remainder_bytes != 0)
		line_note(line, "what books and kernel do not agree on");
}

static void add_others(struct ledger *ledger, const struct resident *resident)
{
	line_add(ledger, '+', "program", "program and libraries", resident->program_bytes);
	line_add(ledger, '+', "stacks", "stacks", resident->stack_bytes);
	line_add(ledger, '+', "box", "the box", resident->box_bytes);
	line_add_optional(ledger, '+', "brk", "brk heap", resident->brk_bytes);
	line_add(ledger, '+', "anonymous", "other private memory", resident->anonymous_bytes);
	line_add(ledger, '+', "shared", "other shared memory", resident->shared_bytes);
	add_remainder(ledger, resident);
	struct ledger_line *line = line_add(ledger, '=', "rss", "RSS", 0);
	if (resident->swap_bytes != 0)
		line_note(line, "and %s swapped out",
			units_bytes((int64_t)resident->swap_bytes, false).text);
}

void ledger_make(struct ledger *ledger, const struct books *books,
	const struct resident *resident)
{
	memset(ledger, 0, sizeof(*ledger));
	add_books(ledger, books);
	if (resident == NULL) {
		line_add(ledger, '=', "heap_mapped", "heap, address space", 0);
		return;
	}
	add_heap_resident(ledger, books, resident);
	add_others(ledger, resident);
}
