/*
 * kin.c - processes made of a process: fork, _Fork, clone, vfork, posix_spawn.
 *
 * Proves, for each way, of a process whose other threads have caches: the child
 * can allocate, free and exit; it never writes its parent's box; when it has lived
 * a while it has a box of its own, which goes when it ends, while the parent's
 * stays; a child that was freed of its memory by exec or vfork leaves no trace.
 *
 * The folder of the boxes is the argument; a second one has the kernel be old.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/tap.h"
#include "tests/preload/workload.h"

enum { RESTING = 4, CHILD_STEPS = 20000 };

static const char *folder;
static pthread_barrier_t at_rest;
static struct workload works[RESTING];

/* The path of a process's box, the only one there of its pid; false if there is
   none.  Not by opendir(), which allocates. */
static bool box_of(pid_t pid, char *path, size_t path_bytes)
{
	char entries[4096], prefix[32];
	bool found = false;
	long got;

	snprintf(prefix, sizeof(prefix), "%d.", pid);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && !found && (got = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got && !found;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			found = strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
			if (found)
				snprintf(path, path_bytes, "%s/%s", folder, entry->d_name);
			at += entry->d_reclen;
		}
	}
	if (fd >= 0)
		close(fd);
	return found;
}

/* Not by malloc: reading must not change what is read. */
struct bytes {
	char *at;
	size_t count;
};

static struct bytes file_copy(const char *path)
{
	struct bytes copy = {0};
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) != 0)
		abort();
	copy.count = (size_t)status.st_size;
	copy.at = mmap(NULL, copy.count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *file = mmap(NULL, copy.count, PROT_READ, MAP_SHARED, fd, 0);
	if (copy.at == MAP_FAILED || file == MAP_FAILED)
		abort();
	memcpy(copy.at, file, copy.count);
	munmap(file, copy.count);
	close(fd);
	return copy;
}

static void nap(long milliseconds)
{
	struct timespec rest = {0, milliseconds * 1000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
}

static void *work_and_rest(void *arg)
{
	for (int i = 0; i < 5000; i++)
		workload_step(arg);
	pthread_barrier_wait(&at_rest);
	while (pause() != 0)
		;
	return NULL;
}

static bool works_in_child(void)
{
	static struct workload own = {.random = 0x9e3779b97f4a7c15};
	struct mstat_snapshot before = snapshot_take();

	memset(&own.tally, 0, sizeof(own.tally));
	for (int i = 0; i < CHILD_STEPS; i++)
		workload_step(&own);
	struct mstat_snapshot after = snapshot_take();
	return tally_distance(&own.tally, &before, &after) == 0;
}

/* A child's whole life; its exit status. */
static int child_life(void)
{
	char path[256];

	if (!works_in_child())
		return 1;
	nap(30);
	errno = 77;
	for (int i = 0; i < 2000; i++)
		free(malloc(40000)); /* each a slow path */
	if (errno != 77)
		return 2;
	if (!box_of(getpid(), path, sizeof(path)))
		return 3;
	return works_in_child() ? 0 : 4;
}

static pid_t by_fork(void)
{
	return fork();
}

static pid_t by_bare_fork(void)
{
	return _Fork();
}

static pid_t by_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void test_child(const char *name, pid_t (*make)(void))
{
	char path[256], child_path[256];
	int status = -1;

	if (!box_of(getpid(), path, sizeof(path))) {
		tap_ok(false, "%s: the parent has a box", name);
		return;
	}
	struct bytes before = file_copy(path);
	pid_t child = make();
	if (child == 0)
		_exit(child_life());
	nap(25);
	box_of(child, child_path, sizeof(child_path));
	waitpid(child, &status, 0);
	struct bytes after = file_copy(path);
	if (!tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			"%s: the child works, and has a box when it is old enough", name))
		tap_note("its status is %#x", status);
	tap_ok(memcmp(before.at, after.at, before.count) == 0,
		"%s: nothing in the parent's box has changed", name);
	tap_ok(access(child_path, F_OK) != 0, "%s: the child's box is gone", name);
	munmap(before.at, before.count);
	munmap(after.at, after.count);
}

/* The first thing that such a child does is what the heap cannot grant. */
static void test_refused_child(void)
{
	volatile size_t impossible = PTRDIFF_MAX;
	char path[256];
	int status = -1;

	box_of(getpid(), path, sizeof(path));
	struct bytes before = file_copy(path);
	pid_t child = _Fork();
	if (child == 0)
		_exit(malloc(impossible) == NULL && errno == ENOMEM ? 0 : 1);
	waitpid(child, &status, 0);
	tap_ok(status == 0, "_Fork: the child is refused what there is not");
	child = _Fork();
	if (child == 0) {
		close(STDERR_FILENO);
		free(&status);
		_exit(0);
	}
	waitpid(child, &status, 0);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "_Fork: its misuse ends it");
	struct bytes after = file_copy(path);
	tap_ok(memcmp(before.at, after.at, before.count) == 0,
		"_Fork: neither is in the parent's box");
	munmap(before.at, before.count);
	munmap(after.at, after.count);
}

/* Before the first allocation, when no page of the heap's tells a child. */
static bool heapless_parent_is_left_alone(void)
{
	volatile size_t impossible = PTRDIFF_MAX;
	char path[256];
	int status = -1;

	if (!box_of(getpid(), path, sizeof(path)))
		return false;
	struct bytes before = file_copy(path);
	pid_t child = _Fork();
	if (child == 0)
		_exit(malloc(impossible) == NULL && malloc(100) != NULL ? 0 : 1);
	waitpid(child, &status, 0);
	struct bytes after = file_copy(path);
	bool same = memcmp(before.at, after.at, before.count) == 0;
	munmap(before.at, before.count);
	munmap(after.at, after.count);
	return status == 0 && same;
}

/* Not allowed, and done: the first allocation of all is a child's that has its parent's
   memory.  The heap is the parent's then, as its box is, which must go when it ends. */
static bool heap_begins_in_vfork(void)
{
	static void *volatile object;
	int status = -1;
	pid_t child = vfork();

	if (child == 0) {
		object = malloc(100);
		free(malloc(1 << 20)); /* the heap looks whose it is once more */
		_exit(object != NULL ? 0 : 1);
	}
	waitpid(child, &status, 0);
	free(object);
	return status == 0;
}

static void test_vfork(void)
{
	char path[256];
	int status = -1;
	pid_t child = vfork();

	if (child == 0)
		_exit(7);
	waitpid(child, &status, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "vfork: the child exits");
	child = vfork();
	if (child == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(8);
	}
	waitpid(child, &status, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "vfork: the child turns into another");
	tap_ok(box_of(getpid(), path, sizeof(path)), "vfork: the parent's box is still there");
}

static void test_spawn(void)
{
	static char shell[] = "sh", option[] = "-c", script[] = "exit 9";
	char *const arguments[] = {shell, option, script, NULL};
	char path[256];
	int status = -1;
	pid_t child;

	tap_ok(posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ) == 0 &&
			waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 9,
		"posix_spawn");
	tap_ok(WEXITSTATUS(system("true | exit 5")) == 5, "system");
	FILE *pipe = popen("echo hello", "r");
	char line[16] = "";
	tap_ok(pipe != NULL && fgets(line, sizeof(line), pipe) != NULL &&
			strcmp(line, "hello\n") == 0 && pclose(pipe) == 0,
		"popen");
	tap_ok(box_of(getpid(), path, sizeof(path)), "the parent's box is still there");
}

static void before_fork(void)
{
	free(malloc(100));
	free(malloc(100000));
}

/* Handlers of the program's own that allocate, run before and after ours. */
static void test_handlers(void)
{
	int good = 0, status;

	pthread_atfork(before_fork, before_fork, before_fork);
	for (int i = 0; i < 50; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(works_in_child() ? 0 : 1);
		if (waitpid(child, &status, 0) == child && status == 0)
			good++;
	}
	tap_is(50, good, "atfork handlers of the program may allocate");
}

/* As kernels were before 4.14; while the heap has not begun. */
static void forbid_wiping(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_WIPEONFORK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	/* Raw calls: the library takes prctl() for the announcement of more. */
	if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		abort();
}

int main(int argc, char **argv)
{
	pthread_t thread;

	folder = argc > 1 ? argv[1] : "/dev/shm";
	if (argc > 2)
		forbid_wiping();
	bool left_alone = heapless_parent_is_left_alone();
	bool begun = heap_begins_in_vfork();
	tap_begin();
	tap_ok(left_alone, "_Fork before the first allocation: nothing in the parent's box has changed");
	tap_ok(begun, "vfork before the first allocation: the child may allocate");
	if (argc > 2) { /* a child under a filter has no box of its own */
		free(malloc(50));
		test_refused_child();
		return tap_done();
	}
	tally_init();
	pthread_barrier_init(&at_rest, NULL, RESTING + 1);
	for (int i = 0; i < RESTING; i++) {
		works[i].random = (uint64_t)i + 12345;
		if (pthread_create(&thread, NULL, work_and_rest, &works[i]) != 0)
			abort();
	}
	pthread_barrier_wait(&at_rest);
	free(malloc(50));
	test_child("fork", by_fork);
	test_child("_Fork", by_bare_fork);
	test_child("clone", by_clone);
	test_refused_child();
	test_vfork();
	test_spawn();
	test_handlers();
	return tap_done();
}
