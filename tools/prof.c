#include "tools/prof.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/output.h"
#include "tools/pprof.h"
#include "tools/target_symbols.h"

enum { OPTION_LIVE = 256, OPTION_TOTAL, OPTION_PEAK, OPTION_BY, OPTION_SITES, OPTION_TOP,
	OPTION_BYTES, OPTION_DIFF, OPTION_FOLDED, OPTION_PPROF, OPTION_FLAME, OPTION_JSON,
	OPTION_DEBUGINFOD };

enum { TOP_DEFAULT = 20 };

/* What the command line asked for. */
struct wish {
	struct prof_options options;
	enum site_value value;
	bool has_top;           /* --top was given */
	bool as_folded;
	bool as_json;
	const char *pprof_path; /* NULL: not wanted */
	const char *flame_path;
	const char *base;       /* of --diff */
};

/* A target with what is known of its frames. */
struct subject {
	struct target target;
	struct symbols *symbols;
};

/* ---- targets --------------------------------------------------------------- */

static bool side_fill(struct prof_side *side, struct subject *subject, const struct wish *wish)
{
	const struct sites *sites = &subject->target.sites;

	subject->symbols = target_symbols(&subject->target, wish->options.use_debuginfod);
	side->title = subject->target.title;
	side->realtime_ns = subject->target.books.realtime_ns;
	return subject->symbols != NULL && stacks_open(&side->stacks, sites, subject->symbols);
}

static bool subject_open(struct subject *subject, struct prof_side *side, const char *argument,
	const struct wish *wish, struct failure *failure)
{
	*subject = (struct subject){0};
	if (!target_open_sites(&subject->target, argument, failure))
		return false;
	if (side_fill(side, subject, wish))
		return true;
	if (subject->symbols != NULL)
		symbols_close(subject->symbols);
	target_close(&subject->target);
	return failure_set(failure, FAILURE_CANNOT, "no memory for the call sites of %s", argument);
}

static void subject_close(struct subject *subject, struct prof_side *side)
{
	stacks_close(&side->stacks);
	symbols_close(subject->symbols);
	target_close(&subject->target);
}

/* ---- what is written ------------------------------------------------------- */

static bool no_memory(struct failure *failure)
{
	return failure_set(failure, FAILURE_CANNOT, "no memory for the profile");
}

static bool write_pprof(struct prof *prof, const char *path, struct failure *failure)
{
	unsigned char *bytes;
	size_t count;
	FILE *out = output_open(path, false, failure);

	if (out == NULL)
		return false;
	bool done = pprof_encode(prof, &bytes, &count);
	if (done) {
		fwrite(bytes, 1, count, out);
		free(bytes);
	} else {
		no_memory(failure);
	}
	struct failure second;
	return output_close(out, path, done ? failure : &second) && done;
}

/* A file without stacks is not explained by what is in it. */
static void tell_nothing(const struct prof *prof)
{
	char text[256];
	const char *nothing = prof_nothing(prof, text, sizeof(text));

	if (nothing != NULL)
		fprintf(stderr, "mstat: %s\n", nothing);
}

static bool write_all(struct prof *prof, const struct wish *wish, struct failure *failure)
{
	bool has_file = wish->pprof_path != NULL || wish->flame_path != NULL || wish->as_folded;

	if (has_file)
		tell_nothing(prof);
	if (wish->pprof_path != NULL && !write_pprof(prof, wish->pprof_path, failure))
		return false;
	if ((wish->flame_path != NULL || wish->as_folded) &&
			!prof_write_tree(prof, wish->options.by, wish->as_folded, wish->flame_path, failure))
		return false;
	if (wish->as_json)
		return prof_print_json(prof, &wish->options) || no_memory(failure);
	return has_file || prof_print_text(prof, &wish->options) || no_memory(failure);
}

static int prof_run(const struct wish *wish, const char *argument)
{
	struct prof prof = {.value = wish->value, .is_diff = wish->base != NULL};
	struct subject before = {0}, after = {0};
	struct failure failure;

	if (prof.is_diff &&
		!subject_open(&before, &prof.sides[STACK_BEFORE], wish->base, wish, &failure))
		return failure_report(&failure);
	bool done = subject_open(&after, &prof.sides[STACK_AFTER], argument, wish, &failure);
	if (done) {
		done = write_all(&prof, wish, &failure);
		subject_close(&after, &prof.sides[STACK_AFTER]);
	}
	if (prof.is_diff)
		subject_close(&before, &prof.sides[STACK_BEFORE]);
	return done ? command_end(FAILURE_NONE) : failure_report(&failure);
}

/* ---- the command line ------------------------------------------------------ */

static bool parse_by(const char *text, enum stack_by *by)
{
	static const char *const words[] = {[STACK_BY_FUNCTION] = "function",
		[STACK_BY_FILE] = "file", [STACK_BY_LINE] = "line", [STACK_BY_DSO] = "dso",
		[STACK_BY_TAG] = "tag"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0) {
			*by = (enum stack_by)i;
			return true;
		}
	return false;
}

static bool is_stdout(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

/* What does not go together; 0 if all does. */
static int wish_check(const struct wish *wish, int argument_count)
{
	int count = wish->as_folded + wish->as_json + is_stdout(wish->pprof_path) +
		is_stdout(wish->flame_path);

	if (count > 1)
		return failure_usage("prof", "only one of --folded, --json, --pprof - and --flame - "
					     "can go to the output");
	if (argument_count != 1)
		return failure_usage("prof", wish->base != NULL ?
			"--diff needs two, A and B, and nothing more" :
			"one PID, BOX or DUMP is needed, not %d", argument_count);
	return FAILURE_NONE;
}

/* An option with a value; a usage error's status, or 0. */
static int option_take(struct wish *wish, int option)
{
	switch (option) {
	case OPTION_BY:
		if (!parse_by(optarg, &wish->options.by))
			return failure_usage("prof", "--by is function, file, line, dso or tag, not %s",
				optarg);
		break;
	case OPTION_TOP:
		wish->has_top = true;
		if (!command_parse_top(optarg, &wish->options.top_count))
			return failure_usage("prof", "%s is no number", optarg);
		break;
	case OPTION_DIFF:
		wish->base = optarg;
		break;
	case OPTION_PPROF:
		wish->pprof_path = optarg;
		break;
	case OPTION_FLAME:
		wish->flame_path = optarg;
		break;
	default:
		break;
	}
	return FAILURE_NONE;
}

static void flag_take(struct wish *wish, int option)
{
	switch (option) {
	case OPTION_LIVE:
		wish->value = SITE_LIVE;
		break;
	case OPTION_TOTAL:
		wish->value = SITE_TOTAL;
		break;
	case OPTION_PEAK:
		wish->value = SITE_PEAK;
		break;
	case OPTION_SITES:
		wish->options.print_stacks = true;
		break;
	case OPTION_BYTES:
		wish->options.exact_bytes = true;
		break;
	case OPTION_FOLDED:
		wish->as_folded = true;
		break;
	case OPTION_JSON:
		wish->as_json = true;
		break;
	case OPTION_DEBUGINFOD:
		wish->options.use_debuginfod = true;
		break;
	default:
		break;
	}
}

static const struct option option_table[] = {{"live", no_argument, NULL, OPTION_LIVE},
	{"total", no_argument, NULL, OPTION_TOTAL}, {"peak", no_argument, NULL, OPTION_PEAK},
	{"by", required_argument, NULL, OPTION_BY}, {"sites", no_argument, NULL, OPTION_SITES},
	{"top", required_argument, NULL, OPTION_TOP}, {"bytes", no_argument, NULL, OPTION_BYTES},
	{"diff", required_argument, NULL, OPTION_DIFF},
	{"folded", no_argument, NULL, OPTION_FOLDED},
	{"pprof", required_argument, NULL, OPTION_PPROF},
	{"flame", required_argument, NULL, OPTION_FLAME}, {"json", no_argument, NULL, OPTION_JSON},
	{"debuginfod", no_argument, NULL, OPTION_DEBUGINFOD}, {"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0}};

int command_prof(int argc, char **argv)
{
	struct wish wish = {.options = {.top_count = TOP_DEFAULT}};
	int status = FAILURE_NONE;

	for (int option; (option = getopt_long(argc, argv, ":h", option_table, NULL)) != -1;) {
		if (option == 'h')
			return command_help("prof");
		if (option == '?' || option == ':')
			return command_bad_option("prof", option, argv);
		flag_take(&wish, option);
		status = option_take(&wish, option);
		if (status != FAILURE_NONE)
			return status;
	}
	status = wish_check(&wish, argc - optind);
	if (status != FAILURE_NONE)
		return status;
	if (wish.as_json && !wish.has_top)
		wish.options.top_count = SIZE_MAX;
	return prof_run(&wish, argv[optind]);
}
