#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stats/conf.h"
#include "tools/command.h"
#include "tools/failure.h"

/* As a shell tells a command that it cannot start from one that is not there. */
enum { STATUS_CANNOT_START = 126, STATUS_NOT_FOUND = 127 };

/* From where mstat itself stands: as installed, the machine's own folders for
   libraries included, and beside the build. */
static const char *const library_places[] = {"../lib/libmstat.so", "../lib64/libmstat.so",
	"../lib/x86_64-linux-gnu/libmstat.so", "../lib/aarch64-linux-gnu/libmstat.so",
	".libs/libmstat.so", "../.libs/libmstat.so"};

static bool library_is(const char *path, char out[PATH_MAX])
{
	return realpath(path, out) != NULL && access(out, R_OK) == 0;
}

static bool library_find(char out[PATH_MAX], struct failure *failure)
{
	char here[PATH_MAX], path[2 * PATH_MAX];
	const char *given = getenv("MSTAT_LIBRARY");
	ssize_t bytes = readlink("/proc/self/exe", here, sizeof(here) - 1);

	if (given != NULL && given[0] != '\0')
		return library_is(given, out) ||
			failure_set(failure, FAILURE_CANNOT,
				"there is no library %s, which MSTAT_LIBRARY names", given);
	here[bytes > 0 ? bytes : 0] = '\0';
	char *slash = strrchr(here, '/');
	if (slash != NULL)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(library_places) / sizeof(library_places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", here, library_places[i]);
		if (library_is(path, out))
			return true;
	}
	return failure_set(failure, FAILURE_CANNOT,
		"libmstat.so is not where it is installed beside %s; MSTAT_LIBRARY can name it", here);
}

/* Adds to a list in the environment, behind what is there. */
static bool environment_append(const char *name, char separator, const char *value)
{
	const char *old = getenv(name);
	char *text;

	if (old == NULL || old[0] == '\0')
		return setenv(name, value, 1) == 0;
	if (asprintf(&text, "%s%c%s", old, separator, value) < 0)
		return false;
	bool done = setenv(name, text, 1) == 0;
	free(text);
	return done;
}

/* What is there already stays as it is, even if it is there twice. */
static bool preload_has(const char *library)
{
	const char *list = getenv("LD_PRELOAD");
	size_t bytes = strlen(library);

	for (const char *at = list; at != NULL && *at != '\0';) {
		size_t length = strcspn(at, " :");
		if (length == bytes && memcmp(at, library, bytes) == 0)
			return true;
		at += length;
		at += strspn(at, " :");
	}
	return false;
}

/* ld.so takes blanks and colons as ends of a name, and knows no escape. */
static bool preload_set(const char *library, struct failure *failure)
{
	if (strpbrk(library, " :") != NULL)
		return failure_set(failure, FAILURE_CANNOT,
			"the loader cannot preload %s: a blank or colon in its path", library);
	if (!preload_has(library) && !environment_append("LD_PRELOAD", ':', library))
		return failure_set(failure, FAILURE_CANNOT, "no memory for the environment");
	return true;
}

static void complain(void *arg, const char *part, size_t part_bytes, const char *why)
{
	struct failure *failure = arg;

	failure_set(failure, FAILURE_USAGE, "-o %.*s: %s", (int)part_bytes, part, why);
}

static bool option_add(const char *text, struct failure *failure)
{
	struct conf conf;

	*failure = (struct failure){0};
	conf_init(&conf);
	conf_parse(&conf, text, complain, failure);
	if (failure->status != FAILURE_NONE)
		return false;
	return environment_append("MSTAT_CONF", ',', text) ||
		failure_set(failure, FAILURE_CANNOT, "no memory for the environment");
}

static int execute(char **argv)
{
	execvp(argv[0], argv);
	int error = errno;
	fprintf(stderr, "mstat: cannot run %s: %s\n", argv[0], strerror(error));
	return error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_START;
}

int command_run(int argc, char **argv)
{
	static const struct option options[] = {{"option", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	char library[PATH_MAX];
	struct failure failure;

	/* "+": what follows the command's name is the command's. */
	for (int option; (option = getopt_long(argc, argv, "+:o:h", options, NULL)) != -1;) {
		switch (option) {
		case 'o':
			if (!option_add(optarg, &failure))
				return failure_usage("run", "%s", failure.text);
			break;
		case 'h':
			return command_help("run");
		default:
			return command_bad_option("run", option, argv);
		}
	}
	if (argc == optind)
		return failure_usage("run", "a command is needed");
	if (!library_find(library, &failure) || !preload_set(library, &failure))
		return failure_report(&failure);
	return execute(argv + optind);
}
