/*
 * main.c - the model checker: random programs against the library that this process was
 * started with.
 *
 *     model [--seed N] [--threads N] [--steps N]     one run
 *     model --seconds N | --runs N [--seed N] ...    runs with seeds N, N + 1, ..., each a
 *                                                    process
 *     model --every-refusal [--seed N]               a run for each of the library's calls
 *                                                    of the kernel for memory, which it is
 *                                                    refused
 *     --refuses                                      the library refuses by itself
 *     --each-step                                    compares the books after each step of a
 *                                                    thread that is the only one
 *     --counts                                       prints how often it did what
 *
 * Proves, of every entry point, from 1 to 16 threads that come and go, with processes
 * that fork and memory that is refused at any call for it: objects keep what is in them,
 * overlap nowhere, are aligned, as large as they say, zero where they must be; what is
 * refused is refused as it should be, only when the kernel refused it, and harms nobody;
 * errno is kept; finalizers are called once; collections take what is lost and nothing
 * else; the books are exact whenever the program rests.  With one thread a run is a pure
 * function of its seed.  A failure prints the seed, the thread, the step and what it did.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/model/kernel.h"
#include "tests/model/names.h"
#include "tests/model/run.h"

enum { HANG_S = 300, FAILURES_MOST = 20 };

static struct {
	uint64_t seed;
	uint32_t threads, steps;
	uint64_t seconds, runs;
	bool every_refusal, refuses, counts, each_step;
	uint64_t refuse_at;
} options;

/* Of the environment, as a handler may read it. */
static struct {
	const char *refuse_at, *conf;
	bool stops; /* where it fails, for a debugger: MODEL_STOPS */
} settings = {"", "", false};

static void settings_read(void)
{
	const char *refuse_at = getenv("MODEL_REFUSE_AT"), *conf = getenv("MSTAT_CONF");

	settings.refuse_at = refuse_at != NULL ? refuse_at : "";
	settings.conf = conf != NULL ? conf : "";
	settings.stops = getenv("MODEL_STOPS") != NULL;
}

/* ---- what is said when something is wrong --------------------------------------------------- */

static void say(const char *text, size_t bytes)
{
	if (write(STDERR_FILENO, text, bytes) < 0)
		_exit(3);
}

/* Also from a signal handler: the process is at its end. */
static void say_where(const struct worker *worker, const char *what)
{
	char text[1000];
	int bytes = snprintf(text, sizeof(text), // NOLINT(bugprone-signal-handler)
		"model: %s\n   seed %lu (of %u threads), worker %u, step %lu, %s%s; "
		"MODEL_REFUSE_AT=%s MSTAT_CONF='%s'\n",
		what, plan.seed, plan.threads, worker->index, worker->steps_done,
		worker->operation != NULL ? worker->operation : "nothing yet",
		worker->is_child ? ", in a child" : "", settings.refuse_at, settings.conf);

	say(text, (size_t)bytes < sizeof(text) ? (size_t)bytes : sizeof(text) - 1);
}

void model_fail(const struct worker *worker, const char *format, ...)
{
	char what[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	say_where(worker, what);
	if (settings.stops)
		pause();
	_exit(1);
}

/* A fault, a sentence of the library's own, or nothing for a long time. */
static void died(int number)
{
	const char *what = strsignal(number); // NOLINT(bugprone-signal-handler)

	if (worker_self != NULL && number != SIGALRM)
		say_where(worker_self, what);
	else
		for (uint32_t i = 0; i <= plan.threads; i++)
			say_where(&workers[i], number == SIGALRM ? "it hangs" : what);
	if (settings.stops)
		pause();
	signal(number, SIG_DFL);
	raise(number);
}

/* ---- one run ---------------------------------------------------------------------------------- */

static bool conf_has(const char *part)
{
	const char *conf = getenv("MSTAT_CONF");

	return conf != NULL && strstr(conf, part) != NULL;
}

static int run_one(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGALRM};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], died);
	settings_read();
	alarm(HANG_S);
	plan.has_books = books_init();
	plan.refuses_by_itself = options.refuses;
	plan.is_fenced = conf_has("efence:1");
	plan.is_checked = conf_has("check:full") || plan.is_fenced;
	plan.is_sampled = conf_has("check:sample");
	plan.tiny = !conf_has("tiny:0") && !plan.is_checked;
	plan.nothing = mstat_alloc != NULL ? mstat_alloc(0, MSTAT_NOSCAN) : NULL;
	plan.noscan_strings = conf_has("noscan_strings:1");
	plan.checks_each_step = options.each_step;
	plan_make(options.seed, options.threads, options.steps);
	entries_init();
	run_plan();
	printf("seed %lu: %u threads, digest %016lx, %lu calls for memory, %lu refused, %lu threads "
	       "made, %lu forks, %lu collected, %lu rests, %lu of them vague\n",
		options.seed, plan.threads, run_figures.digest, kernel_calls(), kernel_refused(),
		run_figures.threads, run_figures.forks, run_figures.collected, run_figures.rests,
		run_figures.vague_rests);
	if (options.counts)
		steps_report();
	fflush(stdout);
	return 0;
}

static char number_text[3][24];

static const char *text_of(uint64_t number, int which)
{
	snprintf(number_text[which], sizeof(number_text[which]), "%lu", number);
	return number_text[which];
}

/* The heap stands where the seed says: in another process, from its beginning. */
static void place_choose(char **argv)
{
	if (getenv("MODEL_PLACE") != NULL)
		return;
	setenv("MODEL_PLACE", text_of(options.seed, 0), 1);
	execv("/proc/self/exe", argv);
}

/* ---- many ------------------------------------------------------------------------------------- */

/* What the library is told differs from run to run too. */
static void conf_choose(uint64_t seed)
{
	static const char *const more[] = {"", "", "", ",tiny:0", ",noscan_strings:1", ",box:0",
		",noscan_strings:1,tiny:0", ""};
	const char *conf = getenv("MSTAT_CONF");
	char text[600];

	snprintf(text, sizeof(text), "%s%s", conf != NULL ? conf : "", more[choice_mix(seed) % 8]);
	setenv("MSTAT_CONF", text + (text[0] == ','), 1);
}

/* Its first line goes to `line`. */
static int run_process(uint64_t seed, char *line, size_t line_bytes)
{
	int ends[2], status;
	size_t got = 0;

	if (pipe(ends) != 0)
		return -1;
	pid_t child = fork();
	if (child == 0) {
		setenv("MODEL_PLACE", text_of(seed, 0), 1);
		const char *arguments[] = {"model", "--seed", text_of(seed, 0), "--threads",
			text_of(options.threads, 1), "--steps", text_of(options.steps, 2),
			options.refuses ? "--refuses" : "--one", NULL};
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execv("/proc/self/exe", (char **)arguments);
		_exit(127);
	}
	close(ends[1]);
	for (ssize_t now; got + 1 < line_bytes; got += (size_t)now)
		if ((now = read(ends[0], line + got, line_bytes - 1 - got)) <= 0)
			break;
	line[got] = '\0';
	close(ends[0]);
	while (waitpid(child, &status, 0) < 0)
		;
	return status;
}

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

static void bad_run(uint64_t seed, int status)
{
	const char *conf = getenv("MSTAT_CONF");

	printf("failed: seed %lu, status %#x; again: MSTAT_CONF='%s' model --seed %lu --threads %u "
	       "--steps %u%s\n",
		seed, (unsigned)status, conf != NULL ? conf : "", seed, options.threads, options.steps,
		options.refuses ? " --refuses" : "");
	fflush(stdout);
}

static int run_many(void)
{
	uint64_t end_s = options.seconds != 0 ? now_s() + options.seconds : UINT64_MAX;
	uint64_t count = 0, failures = 0, sums[6] = {0};
	const char *conf = getenv("MSTAT_CONF");
	char line[400], *conf_before = conf != NULL ? strdup(conf) : NULL;

	while ((options.runs == 0 || count < options.runs) && now_s() < end_s &&
		failures < FAILURES_MOST) {
		uint64_t seed = options.seed + count, part[6] = {0};
		if (conf_before != NULL)
			setenv("MSTAT_CONF", conf_before, 1);
		else
			unsetenv("MSTAT_CONF");
		conf_choose(seed);
		int status = run_process(seed, line, sizeof(line));
		count++;
		if (status != 0) {
			failures++;
			bad_run(seed, status);
		}
		if (sscanf(line, "seed %*u: %*u threads, digest %*x, %lu calls for memory, %lu refused, "
				 "%lu threads made, %lu forks, %lu collected, %lu rests",
			    &part[0], &part[1], &part[2], &part[3], &part[4], &part[5]) == 6)
			for (int i = 0; i < 6; i++)
				sums[i] += part[i];
	}
	printf("seeds %lu to %lu: %lu runs, %lu failed; %lu calls for memory, %lu refused, %lu threads, "
	       "%lu forks, %lu collected, the books compared %lu times\n",
		options.seed, options.seed + count - 1, count, failures, sums[0], sums[1], sums[2],
		sums[3], sums[4], sums[5]);
	free(conf_before);
	return failures != 0;
}

/* The same run as often as it asks the kernel for something, which it is refused. */
static int run_refusals(void)
{
	uint64_t call = 0, calls, failures = 0;
	char line[400];

	do {
		setenv("MODEL_REFUSE_AT", text_of(call, 0), 1);
		int status = run_process(options.seed, line, sizeof(line));
		if (sscanf(line, "seed %*u: %*u threads, digest %*x, %lu calls", &calls) != 1)
			calls = UINT64_MAX;
		if (status != 0) {
			failures++;
			printf("MODEL_REFUSE_AT=%lu: ", call);
			bad_run(options.seed, status);
		}
	} while (call++ < calls && failures < FAILURES_MOST);
	printf("seed %lu: each of %lu calls for memory refused, %lu runs failed\n", options.seed,
		call - 1, failures);
	return failures != 0;
}

/* ---- what is asked for ------------------------------------------------------------------------- */

static bool option_take(const char *name, const char *value)
{
	uint64_t number = value != NULL ? strtoull(value, NULL, 0) : 0;

	if (strcmp(name, "--seed") == 0)
		options.seed = number;
	else if (strcmp(name, "--threads") == 0)
		options.threads = number < WORKERS_MAX ? (uint32_t)number : WORKERS_MAX - 1;
	else if (strcmp(name, "--steps") == 0)
		options.steps = (uint32_t)number;
	else if (strcmp(name, "--seconds") == 0)
		options.seconds = number;
	else if (strcmp(name, "--runs") == 0)
		options.runs = number;
	else
		return false;
	return value != NULL;
}

static bool flag_take(const char *name)
{
	if (strcmp(name, "--every-refusal") == 0)
		options.every_refusal = true;
	else if (strcmp(name, "--refuses") == 0)
		options.refuses = true;
	else if (strcmp(name, "--counts") == 0)
		options.counts = true;
	else if (strcmp(name, "--each-step") == 0)
		options.each_step = true;
	else
		return strcmp(name, "--one") == 0;
	return true;
}

int main(int argc, char **argv)
{
	const char *place = getenv("MODEL_PLACE"); /* the seed, if none is given */

	options.seed = place != NULL ? strtoull(place, NULL, 10) :
		((uint64_t)time(NULL) << 20 ^ (uint64_t)getpid()) & 0xffffffffffff;
	for (int i = 1; i < argc; i++) {
		if (flag_take(argv[i]))
			continue;
		if (!option_take(argv[i], argv[i + 1])) {
			fprintf(stderr, "model: what is %s? It is told in tests/model/main.c.\n", argv[i]);
			return 2;
		}
		i++;
	}
	if (options.seconds == 0 && options.runs == 0 && !options.every_refusal)
		place_choose(argv);
	if (options.every_refusal)
		return run_refusals();
	if (options.seconds != 0 || options.runs != 0)
		return run_many();
	return run_one();
}
