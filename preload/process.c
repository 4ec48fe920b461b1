#include "preload/process.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/config.h"
#include "base/fatal.h"
#include "base/format.h"
#include "base/os.h"
#include "check/quarantine.h"
#include "check/report.h"
#include "heap/arena.h"
#include "heap/cache.h"
#include "heap/checks.h"
#include "heap/heap.h"
#include "heap/held.h"
#include "heap/hooks.h"
#include "heap/misuse.h"
#include "heap/publish.h"
#include "heap/release.h"
#include "heap/slowpath.h"
#include "heap/snapshot.h"
#include "preload/api.h"
#include "preload/cgroup.h"
#include "preload/checking.h"
#include "preload/fork.h"
#include "preload/leak_check.h"
#include "preload/limit.h"
#include "preload/malloc.h"
#include "preload/new.h"
#include "preload/redirect.h"
#include "preload/signal.h"
#include "preload/sigaction.h"
#include "preload/thread.h"
#include "profile/collect.h"
#include "profile/loaded.h"
#include "profile/roots.h"
#include "profile/sites.h"
#include "profile/survey.h"
#include "profile/tags.h"
#include "profile/world.h"
#include "stats/box.h"
#include "stats/dump.h"
#include "stats/report.h"
#include "tinyalloc/sized.h"
#include "tinyalloc/special.h"
#include "tinyalloc/tiny.h"

enum {
	CHILD_AGE_NS = 10 * 1000 * 1000, /* younger ones are about to exec */
	REPORT_FD_MIN = 100,             /* out of the way of a program's own */
	COMPLAINT_MOST_BYTES = 100,      /* of what is not understood */
	SECCOMP_MODE_FILTERED = 2
};

struct conf process_conf;

static struct stat stderr_status; /* at start */
static bool stderr_is_known;
static int report_fd = -1;
static int process_pid;
static bool box_is_due;
/* Who makes a box and who ends, on different threads: the second of them sees what the
   first did, and removes it. */
static bool has_ended;

static bool is_same_file(int fd)
{
	struct stat now;

	return stderr_is_known && fstat(fd, &now) == 0 && now.st_dev == stderr_status.st_dev &&
		now.st_ino == stderr_status.st_ino;
}

int process_stderr(void)
{
	return is_same_file(STDERR_FILENO) ? STDERR_FILENO : -1;
}

int process_report_fd(void)
{
	return report_fd >= 0 && is_same_file(report_fd) ? report_fd : process_stderr();
}

bool process_is_self(void)
{
	/* A child in a pid namespace of its own may have its parent's number. */
	return !os_is_confined && os_process_id() == process_pid && !heap_process_is_new();
}

/* A child of vfork() that allocates has its parent's memory, and the box in it: it stands for
   its parent. */
static bool is_parents_memory(void)
{
	return !os_is_confined && box_exists() && !box_is_left_behind();
}

/* The heap's question where the kernel cannot wipe a word in children; a process that is
   confined must hope that it may ask. */
static bool is_same_process(void)
{
	return os_process_id() == process_pid || is_parents_memory();
}

static void complain(void *arg, const char *part, size_t part_bytes, const char *why)
{
	char buffer[512];
	struct format line;

	(void)arg;
	if (!os_can_write(STDERR_FILENO, false))
		return;
	format_init(&line, buffer, sizeof(buffer), STDERR_FILENO);
	format_text(&line, "libmstat: MSTAT_CONF: ");
	format_text(&line, why);
	format_text(&line, " in ");
	format_json_string(&line, part, min_bytes(part_bytes, COMPLAINT_MOST_BYTES));
	format_text(&line, part_bytes > COMPLAINT_MOST_BYTES ? "..." : "");
	format_text(&line, ", the default holds\n");
	format_flush(&line);
}

static void options_read(void)
{
	const char *text = secure_getenv("MSTAT_CONF");

	conf_init(&process_conf);
	if (getauxval(AT_SECURE) != 0) {
		/* Another user's rights: no file, no signal that others might send. */
		process_conf.box = false;
		process_conf.signal_number = 0;
	} else if (text != NULL) {
		conf_parse(&process_conf, text, complain, NULL);
	}
	/* Who is to say who allocated what is lost must look at each object. */
	if (process_conf.check == CONF_CHECK_AUTO)
		process_conf.check = process_conf.leak_check && !process_conf.efence ? CONF_CHECK_FULL
										     : CONF_CHECK_NONE;
	if (!CONFIG_BOOKS) {
		process_conf.box = process_conf.exit_report = false;
		process_conf.signal_number = 0;
	}
}

static void stderr_remember(void)
{
	stderr_is_known = fstat(STDERR_FILENO, &stderr_status) == 0;
	/* coreutils and others close stderr before the last destructor runs. */
	if ((process_conf.exit_report || process_conf.leak_check) && stderr_is_known)
		report_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, REPORT_FD_MIN);
}

int process_fd_aside(int fd)
{
	int aside = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, REPORT_FD_MIN) : -1;
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return aside;
}

static void fatal_note(const char *line)
{
	uint32_t allocated_at, freed_at;

	report_frames(&allocated_at, &freed_at);
	if (process_is_self())
		box_log_object(BOX_EVENT_FATAL, line, allocated_at, freed_at);
}

static void box_make(void)
{
	int saved = errno;

	if (process_conf.box && !word_load(&has_ended) &&
		box_create(process_conf.dir)) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (word_load(&has_ended))
			box_remove();
		publish_all();
		sites_publish();
		signal_publish();
	}
	errno = saved;
}

/* A filter may forbid what making a file needs, and kill for it. */
static bool is_sandboxed(void)
{
	return prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTERED;
}

bool process_box_ensure(void)
{
	if (!box_exists() && !is_sandboxed()) {
		box_identify(0, NULL);
		box_make();
	}
	return box_exists();
}

static void interval_passed(void)
{
	int saved = errno; /* this may be a free() */
	int cancel_state;

	if (!process_is_self())
		return;
	/* malloc() is no place for a thread to be cancelled in; open() would be. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	if (__atomic_exchange_n(&box_is_due, false, __ATOMIC_RELAXED))
		process_box_ensure();
	if (cgroup_take() && !is_sandboxed())
		cgroup_publish();
	if (limit_is_due())
		limit_look(!is_sandboxed());
	signal_check();
	pthread_setcancelstate(cancel_state, NULL);
	errno = saved;
}

static void limit_passed(void)
{
	int saved = errno;
	int cancel_state;

	if (os_is_confined)
		limit_give_up();
	if (!process_is_self())
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	limit_look_grown(!is_sandboxed());
	pthread_setcancelstate(cancel_state, NULL);
	errno = saved;
}

/* In any child: what was the parent's is let go. */
static void become_child(void)
{
	if (!os_is_confined || heap_process_is_asked())
		process_pid = os_process_id();
	if (has_ended) /* a page that is not written is not copied */
		has_ended = false;
	box_leave();
	dump_forget();
	collect_forget();
	survey_forget();
	signal_forget();
	cgroup_forget();
	limit_forget();
	redirect_forget();
	box_is_due = process_conf.box;
	if (process_conf.exit_check)
		held_fork_child();
	release_be_due_in(CHILD_AGE_NS);
}

void process_fork_child(void)
{
	become_child(); /* first: what the heap publishes is the parent's no more */
	sites_fork_end();
	special_fork_end();
	heap_fork_child();
}

static void process_forked(void)
{
	become_child();
	quarantine_recover();
	special_fork_recover();
	sites_fork_recover();
}

/* In a child that no fork handler saw, of a parent that had no heap yet whose word the
   kernel would have wiped. */
static void heap_begins(void)
{
	if (!is_same_process() && (os_is_confined || box_exists()))
		become_child();
	fork_watch();
}

/* Once; a reader that is gone must not make a signal of a good end. */
static void report_at_exit(void)
{
	static bool has_reported;
	struct report_subject subject = {.pid = process_pid, .exe = box_identity()->exe};
	char buffer[1024];
	struct format out;
	int fd = process_report_fd();

	if (__atomic_exchange_n(&has_reported, true, __ATOMIC_RELAXED) || !os_can_write(fd, false))
		return;
	format_init(&out, buffer, sizeof(buffer), fd);
	report_summary(&out, &heap_source, &subject);
	format_flush(&out);
}

void process_end(void)
{
	if (!process_is_self())
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL); /* write() would end but a thread */
	if (process_conf.exit_report)
		report_at_exit();
	/* What the program does from here on may be the first that would make a box. */
	word_store(&has_ended, true);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	box_remove();
}

static void own_variables_exclude(void)
{
	uintptr_t start, end;

	if (loaded_find_range((uintptr_t)own_variables_exclude, &start, &end))
		roots_exclude(start, end);
}

static __attribute__((constructor)) void process_start(int argc, char **argv)
{
	int saved = errno;

	process_pid = os_process_id();
	options_read();
	if (!malloc_is_ours())
		api_go_by_malloc();
	stderr_remember();
	sized_is_checked = process_conf.check_sizes;
	new_init();
	checking_begin(&process_conf, complain);
	if (process_conf.tiny && heap_checks == NULL)
		tiny_init();
	if (CONFIG_BOOKS) {
		box_identify(argc, argv);
		publish_layout(box_identity());
	}
	fatal_observer = fatal_note;
	tags_init(process_conf.tags_all);
	if (CONFIG_BOOKS)
		sites_init((uintptr_t)process_start,
			(uintptr_t)dlsym(RTLD_DEFAULT, "__libc_start_main"));
	own_variables_exclude();
	if (CONFIG_BOOKS && process_conf.sample_bytes != 0)
		signal_set_sample(process_conf.sample_bytes);
	/* The heap begins with the first allocation: many a process makes none. */
	heap_hooks.heap_begins = heap_begins;
	heap_hooks.thread_attached = thread_attached;
	heap_hooks.is_same_process = is_same_process;
	heap_hooks.process_forked = process_forked;
	heap_hooks.interval_passed = interval_passed;
	heap_hooks.limit_passed = limit_passed;
	limit_begin(&process_conf);
	if (arena.is_ready) /* a library that was made ready before ours has allocated */
		heap_begins();
	thread_watch_init();
	box_make();
	world_init(process_conf.stop_signal, sigaction_of_libc);
	if (process_conf.leak_check)
		leak_check_arm((uintptr_t)process_start, process_conf.leak_suppressions);
	signal_install(); /* then: a dump's default place is beside the box */
	signal_publish();
	errno = saved;
}

/* libc writes what streams hold after the last destructor: what the program said comes
   before what is said of it.  Not all of them: whoever waits for input has that stream's
   lock. */
static void stdout_flush(void)
{
	if (ftrylockfile(stdout) != 0)
		return;
	fflush_unlocked(stdout);
	funlockfile(stdout);
}

static void exit_check(void)
{
	bool is_freed_twice;
	const void *misused = held_find_misused(&is_freed_twice);

	if (misused == NULL)
		return;
	stdout_flush();
	misuse_found_at_exit(misused, is_freed_twice);
}

static __attribute__((destructor)) void process_finish(void)
{
	if (process_conf.exit_check && arena.is_ready && process_is_self())
		exit_check();
	if (!leak_check_is_armed())
		process_end();
}
