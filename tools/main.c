/*
 * tools/main.c - mstat, the reporter: which commands there are, and their help.
 */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "tools/command.h"
#include "tools/failure.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *synopsis;
	const char *summary; /* behind the name in the list of commands */
	const char *help;
};

static const struct command commands[] = {
	{"run", command_run, "[-o KEY:VALUE[,...]] [--] COMMAND [ARG...]",
		"run a program under libmstat",
		"Runs COMMAND with libmstat.so preloaded.  Its exit status is the command's.\n"
		"\n"
		"  -o, --option KEY:VALUE   add to MSTAT_CONF; see 'mstat conf'; may be repeated\n"},
	{"ls", command_ls, "[--all] [--json] [--clear] [--dir DIR]",
		"list the processes that have a box, and dead ones whose box was kept",
		"Lists every box that can be seen.  Boxes and dumps that dead processes left\n"
		"more than seven days ago are removed.\n"
		"\n"
		"      --all       all dead ones, not the latest 20\n"
		"      --json      as JSON, with all\n"
		"      --clear     remove the boxes and dumps of all dead processes now\n"
		"      --dir DIR   look into DIR too, as a program does under dir:DIR\n"},
	{"show", command_show, "[--json] [--threads] [--classes] [--bytes] PID|BOX|DUMP",
		"show where a process's memory is",
		"Shows a ledger of the heap that adds up to the process's RSS, and the largest\n"
		"size classes.  The process is not disturbed; it may be stopped, or dead (BOX).\n"
		"\n"
		"      --json      everything, as JSON\n"
		"      --threads   what each thread allocated and freed\n"
		"      --classes   all size classes and all their columns\n"
		"      --bytes     exact bytes instead of KiB and MiB\n"},
	{"dump", command_dump, "[--json] [--timeout TIME] PID",
		"make a process write a dump, and print it",
		"Sends the dump signal to a process whose handler is libmstat's, waits for the\n"
		"dump and prints it.  To any other process nothing is sent.\n"
		"\n"
		"      --json           print it as 'mstat show --json' does\n"
		"      --timeout TIME   how long to wait: 500ms, 10s, 2m (default 10s)\n"},
	{"diff", command_diff, "[--json] [--bytes] PID|BOX|DUMP PID|BOX|DUMP",
		"show what changed between two moments, or between two processes",
		"Shows the totals, size classes and threads in which the two differ.\n"
		"\n"
		"      --json      as JSON\n"
		"      --bytes     exact bytes instead of KiB and MiB\n"},
	{"prof", command_prof, "[OPTION...] [--diff BASE] PID|BOX|DUMP",
		"show which functions hold the memory, or allocated it",
		"Shows where a process's memory was allocated, by the samples that libmstat takes:\n"
		"estimates, each with its standard error.  A DUMP has them if it is of\n"
		"dump_format:json.\n"
		"\n"
		"      --live          what is alive (default)\n"
		"      --total         all that was allocated since the start\n"
		"      --peak          what was alive at the heap's last peak\n"
		"      --by KEY        a row for each function, file, line, dso or tag\n"
		"      --sites         whole call stacks instead\n"
		"      --top N         how many of them (default 20, 0: all)\n"
		"      --bytes         exact bytes instead of KiB and MiB\n"
		"      --diff BASE     what grew and shrank since BASE: PID, BOX or DUMP\n"
		"      --folded        stacks as lines \"a;b;c BYTES\", for other tools\n"
		"      --pprof FILE    write a profile for pprof\n"
		"      --flame FILE    write a flame graph, an SVG that needs nothing else\n"
		"      --json          everything, as JSON\n"
		"      --debuginfod    fetch missing debug files from $DEBUGINFOD_URLS\n"
		"\n"
		"FILE may be -, the output.\n"},
	{"top", command_top, "[--interval TIME] [--once] [PID]",
		"watch the processes, or one of them",
		"Shows the processes that run under libmstat, or one of them, and how fast they\n"
		"allocate and grow; again and again, until q is pressed.  The keys are told on\n"
		"the screen.  Without a terminal the same text is printed once.\n"
		"\n"
		"      --interval TIME   between two looks: 500ms, 10s, 2m (default 1s)\n"
		"      --once            look twice, so far apart, and print the text\n"},
	{"post", command_post, "[--json] [--top N] [--dir DIR] PID|BOX",
		"show how a process ended, what it held, and who had asked for it",
		"Reads the box that a process left which was killed: what it was, how it ended as far\n"
		"as that can be known, its last errors, how its heap grew, and by the samples that\n"
		"libmstat takes which functions held the memory.\n"
		"\n"
		"      --json      everything, as JSON\n"
		"      --top N     how many functions (default 10, 0: all)\n"
		"      --dir DIR   look for the box of PID in DIR too, as a program does under dir:DIR\n"},
	{"fragments", command_fragments, "[OPTION...] PID",
		"show which objects keep memory from being given back, of which others are gone",
		"Shows how full the spans of small objects are, and whose objects live in those that\n"
		"are mostly empty.  The process stands still for some milliseconds while it is\n"
		"copied; the copy is searched.\n"
		"\n"
		"      --top N         how many call sites (default 20, 0: all)\n"
		"      --classes       all size classes\n"
		"      --bytes         exact bytes instead of KiB and MiB\n"
		"      --flame FILE    a flame graph of what is pinned, as SVG\n"
		"      --folded        its stacks, for other tools\n"
		"      --json          everything, as JSON\n"
		"      --timeout TIME  how long to wait: 500ms, 10s, 2m (default 60s)\n"
		"      --debuginfod    fetch missing debug files from $DEBUGINFOD_URLS\n"},
	{"leaks", command_leaks, "[OPTION...] PID", "show what a process has lost, and who allocated it",
		"Finds the objects of a process that nothing leads to any more.  The process stands\n"
		"still for some milliseconds while it is copied; the copy is searched.\n"
		"\n"
		"      --suppressions FILE   leaks that are known, as LeakSanitizer has them; may be\n"
		"                            repeated\n"
		"      --all           what is lost by other leaks, and what is suppressed, too\n"
		"      --top N         how many call sites (default 20, 0: all)\n"
		"      --bytes         exact bytes instead of KiB and MiB\n"
		"      --json          everything, as JSON\n"
		"      --timeout TIME  how long to wait: 500ms, 10s, 2m (default 60s)\n"
		"      --debuginfod    fetch missing debug files from $DEBUGINFOD_URLS\n"
		"\n"
		"Exit status 4: something is definitely lost, and not suppressed.\n"},
	{"set", command_set, "[--timeout TIME] PID sample:BYTES",
		"change how often a running process is looked at",
		"Asks a process, by the dump signal whose handler is libmstat's, to take one sample\n"
		"of its call sites in so many bytes: 64k, 512k, 1m; 0 is none.  The call sites of\n"
		"what is allocated from then on are what 'mstat prof' shows.\n"
		"\n"
		"      --timeout TIME   how long to wait: 500ms, 10s, 2m (default 10s)\n"},
	{"conf", command_conf, "[--json]", "list the keys of MSTAT_CONF",
		"Lists the keys of MSTAT_CONF=\"KEY:VALUE,KEY:VALUE\", their defaults and meaning.\n"
		"\n"
		"      --json      as JSON\n"},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char exit_statuses[] =
	"Exit status: 0 done; 1 could not be done (no such process, not under libmstat,\n"
	"no permission, no answer); 2 usage; 3 a file that is damaged, truncated, of\n"
	"another version, or no box or dump; 4 leaks that are not suppressed.\n";

bool command_parse_top(const char *text, size_t *count)
{
	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	unsigned long long value = strtoull(text, NULL, 10);
	*count = value == 0 || errno != 0 ? SIZE_MAX : value;
	return true;
}

int command_help(const char *name)
{
	const struct command *command = command_find(name);

	printf("Usage: mstat %s %s\n\n%s%s\n%s", command->name, command->synopsis, command->help,
		"  -h, --help      this text\n", exit_statuses);
	return command_end(FAILURE_NONE);
}

static int help_all(FILE *out)
{
	fprintf(out, "Usage: mstat COMMAND [OPTION...] [ARG...]\n\n"
		     "Reads the memory of processes that run under libmstat.\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-5s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n'mstat COMMAND --help' tells more, as does mstat(1).\n\n%s", exit_statuses);
	return out == stdout ? command_end(FAILURE_NONE) : FAILURE_USAGE;
}

int command_bad_option(const char *name, int option, char *const *argv)
{
	return failure_usage(name, option == ':' ? "%s needs a value" : "unknown option %s",
		argv[optind - 1]);
}

int command_end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "mstat: cannot write the output\n");
	return FAILURE_CANNOT;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		printf("mstat %s\n", PACKAGE_VERSION);
		return command_end(FAILURE_NONE);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return help_all(stdout);
	if (strcmp(name, "help") == 0)
		return argc > 2 && command_find(argv[2]) != NULL ? command_help(argv[2])
								 : help_all(stdout);
	if (argc < 2)
		return help_all(stderr);
	const struct command *command = command_find(name);
	if (command == NULL)
		return failure_usage("", name[0] == '-' ? "unknown option %s" : "unknown command %s",
			name);
	opterr = 0;
	return command->run(argc - 1, argv + 1);
}
