/*
 * dump.c - a dump, any bytes, through what reads and prints it (tools/dump_read.c).
 *
 * Proves: it is read or refused with a sentence, what is printed of it is clean, and its
 * call sites lead nowhere else.
 */
#include "tools/dump_read.h"

#include <string.h>

#include "tests/fuzz/printed.h"
#include "tests/fuzz/target.h"

static char *copy_of(const uint8_t *data, size_t bytes)
{
	char *copy = malloc(bytes + 1);

	required(copy != NULL, "there is memory for a copy");
	memcpy(copy, data, bytes);
	copy[bytes] = '\0';
	return copy;
}

/* What tools/sites.h states. */
static void sites_check(const struct sites *sites)
{
	for (size_t i = 0; i < sites->count; i++)
		required(sites->list[i].frame < sites->frame_count, "a site's frame is there");
	for (size_t i = 0; i < sites->frame_count; i++) {
		const struct site_frame *frame = &sites->frames[i];
		required(i == 0 || frame->caller < i, "a caller stands before whom it calls");
		required(frame->module == SITES_NO_MODULE || frame->module < sites->module_count,
			"a frame's module is there");
	}
}

static void read_with_sites(const uint8_t *data, size_t bytes)
{
	struct failure failure = {.status = FAILURE_NONE};
	struct sites sites = {0};
	struct books books;
	char *copy = copy_of(data, bytes);

	if (!dump_is_one(copy, bytes)) {
		free(copy);
		return;
	}
	if (dump_read(&books, &sites, copy, bytes, "DUMP", &failure)) {
		sites_check(&sites);
		sites_free(&sites);
		books_free(&books);
	} else {
		required(failure.text[0] != '\0', "a refusal is a sentence");
		required(sites.list == NULL && sites.frames == NULL, "what is refused is freed");
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct report report;
	struct failure failure = {.status = FAILURE_NONE};
	char *copy = copy_of(data, bytes);

	memset(&report, 0, sizeof(report));
	report.target.kind = TARGET_DUMP;
	if (dump_is_one(copy, bytes)) {
		if (dump_read(&report.target.books, NULL, copy, bytes, "DUMP", &failure)) {
			ledger_make(&report.ledger, &report.target.books, NULL);
			printed_check(&report);
		} else {
			required(failure.text[0] != '\0', "a refusal is a sentence");
		}
	}
	free(copy);
	read_with_sites(data, bytes);
	return 0;
}
