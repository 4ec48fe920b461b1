#include "profile/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/format.h"
#include "base/lock.h"
#include "base/os.h"
#include "heap/heap.h"
#include "profile/unreadable.h"
#include "tinyalloc/special.h"

enum {
	THREADS_MAX = 1 << 16,
	TIDS_MAX = 1 << 22, /* the kernel's own limit */
	LIMIT_NS = 1000 * 1000 * 1000,
	LOOK_NS = 2 * 1000 * 1000, /* whether a thread has ended that was to stop */
	DEAF_NS = 40 * 1000 * 1000, /* libc blocks all signals for less than that */
	MOVING = 0
};

BULKY struct world_thread world_table[THREADS_MAX];
BULKY uint64_t world_known_tids[TIDS_MAX / 64];
/* Not on the stack, which may be a small one. */
BULKY char world_entries[16 << 10] __attribute__((aligned(8)));

static uint32_t thread_count;
static uint32_t stopped_count;  /* a futex: the caller waits on it */
static uint32_t stop_number;    /* a futex: MOVING, or which stop this is */
static uint32_t last_stop;
static int signal_number;
static sigaction_set_fn *action_set;

void world_init(int number, sigaction_set_fn *set)
{
	signal_number = number;
	action_set = set;
}

const struct world_thread *world_threads(uint32_t *count)
{
	*count = thread_count;
	return world_table;
}

void world_note_left(uintptr_t thread_pointer, uintptr_t left_pointer)
{
	for (uint32_t i = 0; i < thread_count; i++)
		if (world_table[i].thread_pointer == thread_pointer)
			world_table[i].left_pointer = left_pointer;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uintptr_t interrupted_pointer(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#else
	return (uintptr_t)context->uc_mcontext.sp;
#endif
}

static uintptr_t interrupted_pc(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#else
	return (uintptr_t)context->uc_mcontext.pc;
#endif
}

static bool is_alternate(const ucontext_t *context, uintptr_t pointer)
{
	const stack_t *stack = &context->uc_stack;

	return (stack->ss_flags & SS_DISABLE) == 0 && pointer - (uintptr_t)stack->ss_sp < stack->ss_size;
}

/* The signal's payload: which stop, and which thread of it. */
static void stop_handle(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	uint64_t payload = (uintptr_t)info->si_value.sival_ptr;
	uint32_t stop = (uint32_t)(payload >> 32), index = (uint32_t)payload;

	(void)number;
	if (info->si_code != SI_QUEUE || info->si_pid != getpid() || stop == MOVING ||
		__atomic_load_n(&stop_number, __ATOMIC_ACQUIRE) != stop)
		return;
	struct world_thread *thread = &world_table[index];
	thread->stack_pointer = (uintptr_t)__builtin_frame_address(0);
	thread->program_pointer = interrupted_pointer(context);
	thread->program_pc = interrupted_pc(context);
	thread->thread_pointer = (uintptr_t)pthread_self();
	thread->place = backtrace_place_here();
	thread->is_on_alternate = is_alternate(context, thread->program_pointer);
	__atomic_store_n(&thread->has_stopped, 1, __ATOMIC_RELEASE);
	__atomic_fetch_add(&stopped_count, 1, __ATOMIC_RELEASE);
	os_futex_wake(&stopped_count, 1);
	while (__atomic_load_n(&stop_number, __ATOMIC_ACQUIRE) == stop)
		os_futex_wait(&stop_number, stop);
	errno = saved;
}

static bool is_ours(const struct sigaction *action)
{
	return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == stop_handle;
}

static int handler_ensure(void)
{
	struct sigaction action = {.sa_sigaction = stop_handle,
		.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK}, now;

	if (action_set == NULL || action_set(signal_number, NULL, &now) != 0)
		return EINVAL;
	if (is_ours(&now))
		return 0;
	if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL)
		return EBUSY;
	sigfillset(&action.sa_mask);
	return action_set(signal_number, &action, NULL) == 0 ? 0 : EBUSY;
}

static bool signal_send(uint32_t index)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = signal_number;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)((uintptr_t)stop_number << 32 | index);
	return syscall(SYS_rt_tgsigqueueinfo, info.si_pid, world_table[index].tid, signal_number,
		       &info) == 0;
}

/* A first thread that ended before the others stays, and runs no more. */
static bool is_zombie(int tid)
{
	char path[64], status[512];
	struct format text;

	format_init(&text, path, sizeof(path), -1);
	format_text(&text, "/proc/self/task/");
	format_signed(&text, tid);
	format_text(&text, "/stat");
	format_terminate(&text);
	ssize_t bytes = os_read_file(path, status, sizeof(status) - 1);
	status[bytes > 0 ? bytes : 0] = '\0';
	const char *state = strrchr(status, ')'); /* behind the name */
	return state != NULL && (state[2] == 'Z' || state[2] == 'X');
}

/* Whether all that were asked to stop have, or are no more; *late is one that has not. */
static bool all_stand_still(int32_t *late)
{
	bool all = true;

	for (uint32_t i = 1; i < thread_count; i++) {
		struct world_thread *thread = &world_table[i];
		if (__atomic_load_n(&thread->has_stopped, __ATOMIC_ACQUIRE) != 0)
			continue;
		if ((syscall(SYS_tgkill, getpid(), thread->tid, 0) != 0 && errno == ESRCH) ||
			is_zombie(thread->tid))
			thread->has_stopped = 1; /* without a stack */
		else
			all = false;
		if (thread->has_stopped == 0)
			*late = thread->tid;
	}
	return all;
}

static void wait_a_little(void)
{
	struct timespec time = {.tv_nsec = LOOK_NS};
	uint32_t seen = __atomic_load_n(&stopped_count, __ATOMIC_ACQUIRE);

	syscall(SYS_futex, &stopped_count, 128 /* FUTEX_WAIT_PRIVATE */, seen, &time, NULL, 0);
}

/* Whether a thread sleeps and will not hear of it: nobody need wait for that long. */
static bool is_deaf(int tid)
{
	char path[64], *text = world_entries;
	struct format name;

	format_init(&name, path, sizeof(path), -1);
	format_text(&name, "/proc/self/task/");
	format_signed(&name, tid);
	format_text(&name, "/status");
	format_terminate(&name);
	ssize_t bytes = os_read_file(path, text, sizeof(world_entries) - 1);
	text[bytes > 0 ? bytes : 0] = '\0';
	const char *blocked = strstr(text, "\nSigBlk:\t"), *state = strstr(text, "\nState:\t");
	bool sleeps = state != NULL && (state[8] == 'S' || state[8] == 'D');
	return sleeps && blocked != NULL && (strtoull(blocked + 9, NULL, 16) >> (signal_number - 1) & 1) != 0;
}

static int wait_until_still(uint64_t deadline_ns, int32_t *late)
{
	uint64_t deaf_ns = now_ns() + DEAF_NS;

	while (!all_stand_still(late)) {
		uint64_t now = now_ns();
		if (now >= deadline_ns || (now >= deaf_ns && is_deaf(*late)))
			return ETIMEDOUT;
		wait_a_little();
	}
	return 0;
}

/* False: it was known before. */
static bool tid_is_new(int tid)
{
	uint64_t *word = &world_known_tids[tid / 64], bit = (uint64_t)1 << tid % 64;
	bool is_new = (*word & bit) == 0;

	*word |= bit;
	return is_new;
}

static int thread_ask(int tid, uint64_t deadline_ns)
{
	if (tid <= 0 || tid >= TIDS_MAX || thread_count == THREADS_MAX)
		return EAGAIN;
	if (!tid_is_new(tid))
		return 0;
	uint32_t index = thread_count++;
	world_table[index] = (struct world_thread){.tid = tid};
	while (!signal_send(index)) {
		if (errno != EAGAIN) /* it has ended: all_stand_still() sees that too */
			return 0;
		if (now_ns() >= deadline_ns)
			return ETIMEDOUT;
		wait_a_little(); /* the queue of signals is full */
	}
	return 0;
}

/* One pass over all that there are. */
static int threads_ask(int folder, uint64_t deadline_ns)
{
	long got;

	while ((got = syscall(SYS_getdents64, folder, world_entries, sizeof(world_entries))) > 0) {
		for (long at = 0; at < got;) {
			const struct dirent64 *entry = (const struct dirent64 *)(world_entries + at);
			int error = entry->d_name[0] == '.' ? 0
							    : thread_ask(atoi(entry->d_name), deadline_ns);
			if (error != 0)
				return error;
			at += entry->d_reclen;
		}
	}
	return got < 0 ? errno : 0;
}

static int all_stop(int32_t *late)
{
	uint64_t deadline_ns = now_ns() + LIMIT_NS;
	uint32_t before;
	int error;

	do {
		before = thread_count;
		int folder = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (folder < 0)
			return errno;
		error = threads_ask(folder, deadline_ns);
		close(folder);
		if (error == 0)
			error = wait_until_still(deadline_ns, late);
	} while (error == 0 && thread_count != before);
	return error;
}

static void stop_begin(const ucontext_t *interrupted)
{
	last_stop += last_stop + 1 == MOVING ? 2 : 1;
	stopped_count = 0;
	thread_count = 1;
	world_table[0] = (struct world_thread){.tid = os_thread_id(), .has_stopped = 1,
		.stack_pointer = (uintptr_t)__builtin_frame_address(0),
		.program_pointer = (uintptr_t)__builtin_frame_address(0),
		.thread_pointer = (uintptr_t)pthread_self()};
	if (interrupted != NULL) {
		world_table[0].program_pointer = interrupted_pointer(interrupted);
		world_table[0].program_pc = interrupted_pc(interrupted);
		world_table[0].is_on_alternate = is_alternate(interrupted, world_table[0].program_pointer);
	}
	tid_is_new(world_table[0].tid);
	__atomic_store_n(&stop_number, last_stop, __ATOMIC_RELEASE);
}

static void all_go_on(void)
{
	__atomic_store_n(&stop_number, MOVING, __ATOMIC_RELEASE);
	os_futex_wake(&stop_number, INT_MAX);
	for (uint32_t i = 0; i < thread_count; i++)
		world_known_tids[world_table[i].tid / 64] = 0;
}

/* By clone(2): see the header. */
static pid_t process_copy(struct world_job *job)
{
	pid_t pid = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);

	if (pid != 0)
		return pid;
	unreadable_begin(action_set);
	job->in_copy(job->arg);
	syscall(SYS_exit_group, 0);
	__builtin_unreachable();
}

static NOINLINE int stop_and_copy(struct world_job *job, pid_t *copy)
{
	uint64_t begin_ns = now_ns();

	stop_begin(job->interrupted);
	world_table[0].stack_pointer = (uintptr_t)__builtin_frame_address(0);
	world_table[0].place = backtrace_place_here();
	int error = all_stop(&job->late_tid);
	if (error == 0) {
		job->when_still(job->arg);
		*copy = process_copy(job);
		error = *copy < 0 ? EAGAIN : 0;
	}
	all_go_on();
	job->pause_ns = now_ns() - begin_ns;
	return error;
}

int world_copy(struct world_job *job, pid_t *copy)
{
	sigset_t all, before;
	int error = lock_is_any_mine() ? EDEADLK : handler_ensure(), cancel_state;

	job->late_tid = 0;
	if (error != 0)
		return error;
	/* What the caller's registers hold is on its stack from here on. */
	__builtin_unwind_init();
	sigfillset(&all);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	heap_fork_prepare();
	special_fork_prepare();
	error = stop_and_copy(job, copy);
	special_fork_end();
	heap_fork_parent();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_setcancelstate(cancel_state, NULL);
	return error;
}

bool world_reap(pid_t copy)
{
	int status;

	return wait4(copy, &status, __WALL | WNOHANG, NULL) != 0;
}

bool world_wait(pid_t copy)
{
	int status;
	pid_t got;

	do
		got = wait4(copy, &status, __WALL, NULL);
	while (got < 0 && errno == EINTR);
	return got == copy && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
