#include "preload/leak_check.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/format.h"
#include "base/os.h"
#include "heap/arena.h"
#include "preload/process.h"
#include "preload/sigaction.h"
#include "profile/sites.h"
#include "profile/survey.h"
#include "stats/box.h"

enum {
	STATUS_LEAKS = 23,   /* LeakSanitizer's */
	MSTAT_FOUND = 4,     /* FAILURE_LEAKS of tools/failure.h */
	MSTAT_NONE = 127,
	ENVIRONMENT_MOST = 1 << 16
};

/* Where mstat stands beside the library: installed, in a folder of the machine's kind, built. */
static const char *const places[] = {"/../bin/mstat", "/../../bin/mstat", "/../mstat"};

static struct {
	bool is_armed;
	const char *suppressions; /* "": none */
	char library[PATH_MAX];   /* its folder; "": not known */
} check;

bool leak_check_is_armed(void)
{
	return check.is_armed;
}

/* ---- what was found ------------------------------------------------------------------------ */

static void say(const struct survey_header *header, const char *why)
{
	const struct survey_sum *lost = &header->lost[SURVEY_DEFINITE];
	char bytes[256];
	struct format line;
	int fd = process_report_fd();

	if (!os_can_write(fd, false))
		return;
	format_init(&line, bytes, sizeof(bytes), fd);
	format_text(&line, "libmstat: leak_check: ");
	if (header->error == 0) {
		format_unsigned(&line, lost->bytes);
		format_text(&line, " bytes in ");
		format_unsigned(&line, lost->objects);
		format_text(&line, " objects are definitely lost; ");
	}
	format_text(&line, why);
	format_char(&line, '\n');
	format_flush(&line);
}

/* 0, or an errno. */
static int search(int fd, struct survey_header *header)
{
	struct survey survey = {.kind = SURVEY_LEAKS, .fd = fd};
	int error = survey_begin(&survey);

	if (error != 0)
		return error;
	survey_end(true);
	if (pread(fd, header, sizeof(*header), 0) != (ssize_t)sizeof(*header))
		return ENOMEM;
	return (int)header->error;
}

/* ---- who says it --------------------------------------------------------------------------- */

/* mstat itself is neither preloaded into nor checked.  NULL: there is no memory. */
static char **environment_make(void)
{
	size_t count = 0, kept = 0;

	while (environ != NULL && environ[count] != NULL && count < ENVIRONMENT_MOST)
		count++;
	char **list = os_map(bits_round_up((count + 1) * sizeof(*list), os_page_bytes()));
	for (size_t i = 0; list != NULL && i < count; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0 && strncmp(environ[i], "MSTAT_CONF=", 11) != 0)
			list[kept++] = environ[i];
	return list;
}

static void join(char *out, size_t bytes, const char *first, const char *second)
{
	struct format text;

	format_init(&text, out, bytes, -1);
	format_text(&text, first);
	format_text(&text, second);
	format_terminate(&text);
}

/* Beside the library, or else in $PATH. */
static const char *mstat_find(char *path, size_t bytes)
{
	for (size_t i = 0; check.library[0] != '\0' && i < sizeof(places) / sizeof(places[0]); i++) {
		join(path, bytes, check.library, places[i]);
		if (access(path, X_OK) == 0)
			return path;
	}
	return "mstat";
}

static _Noreturn void become_mstat(int fd, char *const *arguments, char *const *environment)
{
	int report = process_report_fd();

	/* The descriptor's own number stands in the arguments; it outlives the exec. */
	if (fcntl(fd, F_SETFD, 0) == 0 && dup2(report, STDOUT_FILENO) >= 0 &&
		dup2(report, STDERR_FILENO) >= 0)
		execvpe(arguments[0], arguments, environment);
	syscall(SYS_exit_group, MSTAT_NONE);
	__builtin_unreachable();
}

/* mstat's exit status; -1: there is none. */
static int mstat_run(int fd)
{
	static char program[PATH_MAX + 32], found[64], pid[32], option[] = "--suppressions", leaks[] = "leaks",
		suppressions[CONF_PATH_BYTES];
	struct format text;
	int status = -1;

	format_init(&text, found, sizeof(found), -1);
	format_text(&text, "--found=/proc/self/fd/");
	format_signed(&text, fd);
	format_terminate(&text);
	format_init(&text, pid, sizeof(pid), -1);
	format_signed(&text, os_process_id());
	format_terminate(&text);
	join(suppressions, sizeof(suppressions), check.suppressions, "");
	bool has_suppressions = suppressions[0] != '\0';
	char *const arguments[] = {(char *)(uintptr_t)mstat_find(program, sizeof(program)), leaks, found, pid,
		has_suppressions ? option : NULL, has_suppressions ? suppressions : NULL, NULL};
	char **environment = environment_make();
	/* Neither a handler of the program's nor the kernel is to take our child away. */
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigaction_of_libc(SIGCHLD, &usual, NULL);
	/* No fork handler of the program runs any more. */
	pid_t child = environment != NULL ? (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L) : -1;
	if (child == 0)
		become_mstat(fd, arguments, environment);
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Whether anything is lost that is not suppressed. */
static bool has_leaks(void)
{
	struct survey_header header = {.error = 0};
	int fd = process_fd_aside((int)syscall(SYS_memfd_create, "mstat-survey", 1u /* MFD_CLOEXEC */));
	int error = fd < 0 ? errno : search(fd, &header);

	if (error != 0) {
		const char *name = strerrorname_np(error);
		header.error = (uint32_t)error;
		say(&header, name != NULL ? name : "an error");
		return false;
	}
	if (header.lost[SURVEY_DEFINITE].objects == 0)
		return false;
	bool has_box = process_box_ensure();
	sites_publish_counts();
	int status = has_box ? mstat_run(fd) : -1;
	if (status == -1 || status == MSTAT_NONE)
		say(&header, "there is no mstat, or no box, to say more");
	else if (status != 0 && status != MSTAT_FOUND)
		say(&header, "mstat could not say more, nor what is suppressed");
	return status != 0;
}

/* Behind all destructors; what exit() was given is the program's own word if it is not 0. */
static void program_ends(int status, void *unused)
{
	(void)unused;
	if (!process_is_self())
		return;
	bool is_bad = arena.is_ready && has_leaks();
	check.is_armed = false;
	process_end();
	if (is_bad && status == 0)
		exit(STATUS_LEAKS); /* glibc goes on with what handlers are left */
}

void leak_check_arm(uintptr_t own_pc, const char *suppressions)
{
	Dl_info info;

	check.suppressions = suppressions;
	if (dladdr((const void *)own_pc, &info) != 0 && info.dli_fname != NULL &&
		realpath(info.dli_fname, check.library) != NULL)
		*strrchr(check.library, '/') = '\0';
	else
		check.library[0] = '\0';
	check.is_armed = on_exit(program_ends, NULL) == 0;
}
