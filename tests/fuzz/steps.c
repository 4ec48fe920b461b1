/*
 * steps.c - the model's steps (tests/model), chosen by any bytes instead of a seed.
 *
 * Run under the real library: LD_PRELOAD has it, and libFuzzer itself allocates from it
 * between two inputs.
 *
 * Proves: what tests/model/main.c says of one thread, for sequences that are looked for by
 * what they make the model do; when an input ends all objects are whole, and the books exact.
 */
#include <stdarg.h>
#include <string.h>

#include "tests/fuzz/target.h"
#include "tests/model/kernel.h"
#include "tests/model/run.h"

enum { LIVE_MOST_BYTES = 8 << 20, SLOTS = 64, REFUSAL_CHANCES = 8 };

/* One line, and libFuzzer keeps the input. */
void model_fail(const struct worker *worker, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "; step %lu, %s\n", worker->steps_done, worker->operation);
	abort();
}

static void begin(struct worker *worker)
{
	static bool has_begun;

	worker_self = worker;
	if (has_begun)
		return;
	has_begun = true;
	plan = (struct plan){.threads = 1, .slots = SLOTS, .live_most_bytes = LIVE_MOST_BYTES,
		.refusal_chances = REFUSAL_CHANCES, .is_limited = true, .tiny = true, .is_fuzzed = true};
	plan.refuses_by_itself = getenv("MODEL_REFUSES") != NULL; /* a torture build */
	plan.has_books = books_init();
	required(plan.has_books, "the library is preloaded");
	entries_init();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct worker *const worker = &workers[0];

	begin(worker);
	struct mstat_snapshot before = books_read();
	worker->steps_done = 0;
	choice_from_bytes(&worker->choice, data, bytes);
	while (!choice_is_over(&worker->choice))
		worker_step(worker);
	kernel_limit(0);
	run_end_objects(worker);
	run_end_mail(worker);
	worker->operation = "the books";
	struct mstat_snapshot after = books_read();
	const char *wrong = books_differ(&worker->tally, &before, &after);
	if (wrong != NULL)
		model_fail(worker, "%s", wrong);
	memset(&worker->tally, 0, sizeof(worker->tally));
	return 0;
}
