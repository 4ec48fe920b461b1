/*
 * dump.c - a dump, any bytes, through what reads and prints it (tools/dump_read.c).
 *
 * Proves: it is read or refused with a sentence, and what is printed of it is clean.
 */
#include "tools/dump_read.h"

#include <string.h>

#include "tests/fuzz/printed.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct report report;
	struct failure failure = {.status = FAILURE_NONE};
	char *copy = malloc(bytes + 1);

	if (copy == NULL)
		return 0;
	memcpy(copy, data, bytes);
	copy[bytes] = '\0';
	memset(&report, 0, sizeof(report));
	report.target.kind = TARGET_DUMP;
	if (dump_is_one(copy, bytes)) {
		if (dump_read(&report.target.books, copy, bytes, "DUMP", &failure)) {
			ledger_make(&report.ledger, &report.target.books, NULL);
			printed_check(&report);
		} else {
			required(failure.text[0] != '\0', "a refusal is a sentence");
		}
	}
	free(copy);
	return 0;
}
