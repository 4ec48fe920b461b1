#include "tests/fuzz/printed.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/target.h"

/* What is printed on stdout meanwhile goes to a buffer. */
static char *printed;
static size_t printed_bytes;
static FILE *real_stdout;

static void capture_begin(void)
{
	real_stdout = stdout;
	stdout = open_memstream(&printed, &printed_bytes);
	required(stdout != NULL, "there is memory for what is printed");
}

static void capture_end(void)
{
	fclose(stdout);
	stdout = real_stdout;
}

static void captured_forget(void)
{
	free(printed);
	printed = NULL;
}

static void clean_check(void)
{
	for (size_t i = 0; i < printed_bytes; i++) {
		unsigned char c = (unsigned char)printed[i];
		required((c >= ' ' || c == '\n') && c != 0x7f, "no control character is printed");
	}
}

void printed_check(struct report *report)
{
	const struct report_options options = {.all_classes = true, .threads = true};

	capture_begin();
	report_print_text(report, &options);
	capture_end();
	clean_check();
	captured_forget();
	capture_begin();
	bool done = report_print_json(report);
	capture_end();
	clean_check();
	json_t *json = json_loadb(printed, printed_bytes, 0, NULL);
	required(!done || json != NULL, "what is printed as JSON is JSON");
	json_decref(json);
	captured_forget();
	report_free(report);
}
