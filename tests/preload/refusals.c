/*
 * refusals.c - what the entry points say that do not allocate, or not by a size
 * (limits.cc has the others).
 *
 * Proves: each fails as its manual page says, errno included; where one succeeds, errno
 * is as it was.
 *
 *     refusals          all of it
 *     refusals names    the names: limits.sh compares them with what the library exports
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "include/mstat.h"
#include "tests/preload/tap.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#pragma weak mstat_snapshot
#pragma weak mstat_thread_snapshot
#pragma weak mstat_lookup
#pragma weak mstat_alloc
#pragma weak mstat_collect
#pragma weak mstat_finalizer_set
#pragma weak mstat_finalizer_clear
#pragma weak mstat_dump
#pragma weak mstat_version
#pragma weak mstat_stacks_add
#pragma weak mstat_stacks_register
#pragma weak mstat_tag_push
#pragma weak mstat_tag_push_all
#pragma weak mstat_tag_pop

typedef void handler_fn(int);

char *__strdup(const char *text);
char *__strndup(const char *text, size_t most);
int __asprintf_chk(char **out, int flag, const char *format, ...);
int __vasprintf_chk(char **out, int flag, const char *format, va_list arguments);

enum { TEXT_BYTES = 64 << 20 };

static char *text; /* too long for a copy */

static bool is_error(bool failed, int error)
{
	return failed && errno == error;
}

static bool snapshot(void)
{
	struct mstat_snapshot now = {.struct_bytes = 3};

	return is_error(mstat_snapshot(NULL) == -1, EINVAL) &&
		is_error(mstat_snapshot(&now) == -1, EINVAL);
}

static bool thread_snapshot(void)
{
	struct mstat_thread_snapshot now = {.struct_bytes = sizeof(now)};
	bool refused = is_error(mstat_thread_snapshot(0, NULL) == -1, EINVAL) &&
		is_error(mstat_thread_snapshot(-1, &now) == -1, EINVAL) &&
		is_error(mstat_thread_snapshot(1 << 30, &now) == -1, ESRCH);

	now.struct_bytes = 3;
	return refused && is_error(mstat_thread_snapshot(0, &now) == -1, EINVAL);
}

static bool lookup(void)
{
	return is_error(mstat_lookup(&text, NULL, NULL) == -1, ENOENT) &&
		is_error(mstat_lookup(NULL, NULL, NULL) == -1, ENOENT);
}

static bool hints(void)
{
	return is_error(mstat_alloc(8, 4) == NULL, EINVAL) && is_error(mstat_alloc(8, ~0u) == NULL, EINVAL);
}

static void finalizer(void *ptr, void *arg)
{
	(void)ptr;
	(void)arg;
}

static bool finalizer_set(void)
{
	char *object = malloc(100);
	bool refused = is_error(mstat_finalizer_set(object, NULL, NULL) == -1, EINVAL) &&
		is_error(mstat_finalizer_set(object + 1, finalizer, NULL) == -1, EINVAL) &&
		is_error(mstat_finalizer_set(&text, finalizer, NULL) == -1, EINVAL) &&
		mstat_finalizer_set(object, finalizer, NULL) == 0 &&
		is_error(mstat_finalizer_set(object, finalizer, NULL) == -1, EEXIST);

	free(object);
	return refused;
}

static bool finalizer_clear(void)
{
	char *object = malloc(100);
	bool refused = is_error(mstat_finalizer_clear(object) == -1, ENOENT) &&
		is_error(mstat_finalizer_clear(&text) == -1, ENOENT);

	free(object);
	return refused;
}

static bool dump(void)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	bool refused = is_error(mstat_dump(1, NULL) == -1, EINVAL) &&
		is_error(mstat_dump(1, "xml") == -1, EINVAL) &&
		is_error(mstat_dump(-1, "text") == -1, EBADF) &&
		is_error(mstat_dump(full, "json") == -1, ENOSPC);

	close(full);
	return refused;
}

/* Of the program's own signal: somebody else's handler stands there. */
static bool collect(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN}, old;

	sigaction(62, &action, &old);
	bool refused = is_error(mstat_collect() == -1, EBUSY);
	sigaction(62, &old, NULL);
	return refused;
}

static bool tags(void)
{
	return mstat_tag_push("") == EINVAL && mstat_tag_push_all("a\nb") == EINVAL &&
		mstat_tag_pop() == EINVAL;
}

static bool info(void)
{
	return malloc_info(1, stderr) == EINVAL;
}

static bool copies(void)
{
	return is_error(strdup(text) == NULL, ENOMEM) && is_error(strndup(text, TEXT_BYTES) == NULL, ENOMEM) &&
		is_error(__strdup(text) == NULL, ENOMEM) &&
		is_error(__strndup(text, TEXT_BYTES) == NULL, ENOMEM);
}

static int printed(bool is_checked, char **out, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = is_checked ? __vasprintf_chk(out, 1, format, arguments)
				: vasprintf(out, format, arguments);
	va_end(arguments);
	return length;
}

static bool prints(void)
{
	char *out;

	return is_error(asprintf(&out, "%s", text) == -1, ENOMEM) &&
		is_error(__asprintf(&out, "%s", text) == -1, ENOMEM) &&
		is_error(__asprintf_chk(&out, 1, "%s", text) == -1, ENOMEM) &&
		is_error(printed(false, &out, "%s", text) == -1, ENOMEM) &&
		is_error(printed(true, &out, "%s", text) == -1, ENOMEM);
}

static bool actions(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	return is_error(sigaction(0, &action, NULL) == -1, EINVAL) &&
		is_error(sigaction(SIGKILL, &action, NULL) == -1, EINVAL) &&
		is_error(sigaction(1000, NULL, &action) == -1, EINVAL);
}

static bool handlers(void)
{
	handler_fn *(*const setters[])(int, handler_fn *) = {signal, ssignal, sysv_signal,
		__sysv_signal, sigset};
	bool refused = true;

	for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++) {
		errno = 0;
		refused = refused && is_error(setters[i](1000, SIG_IGN) == SIG_ERR, EINVAL);
		errno = 0;
		refused = refused && is_error(setters[i](SIGSTOP, SIG_IGN) == SIG_ERR, EINVAL);
	}
	return refused;
}

static bool control(void)
{
	char name[17] = "";

	return is_error(prctl(-1, 0, 0, 0, 0) == -1, EINVAL) && prctl(PR_SET_NAME, "refusals2") == 0 &&
		prctl(PR_GET_NAME, name) == 0 && strcmp(name, "refusals2") == 0;
}

static bool libraries(void)
{
	return dlopen("/nowhere/at-all.so", RTLD_NOW) == NULL && dlerror() != NULL &&
		dlopen("libc.so.6", 0) == NULL && dlerror() != NULL && /* no mode is none */
		dlmopen(LM_ID_BASE, "/nowhere/at-all.so", RTLD_NOW) == NULL && dlerror() != NULL;
}

static const struct {
	const char *names;
	bool (*refuses)(void);
} table[] = {
	{"mstat_snapshot", snapshot},
	{"mstat_thread_snapshot", thread_snapshot},
	{"mstat_lookup", lookup},
	{"mstat_alloc", hints},
	{"mstat_finalizer_set", finalizer_set},
	{"mstat_finalizer_clear", finalizer_clear},
	{"mstat_dump", dump},
	{"mstat_collect", collect},
	{"mstat_tag_push mstat_tag_push_all mstat_tag_pop", tags},
	{"malloc_info", info},
	{"strdup strndup __strdup __strndup", copies},
	{"asprintf vasprintf __asprintf __asprintf_chk __vasprintf_chk", prints},
	{"sigaction", actions},
	{"signal ssignal sysv_signal __sysv_signal sigset", handlers},
	{"prctl", control},
	{"dlopen dlmopen", libraries},
};

enum { COUNT = sizeof(table) / sizeof(table[0]) };

/* What never fails. */
static const char never[] = "malloc_usable_size malloc_trim mallopt mallinfo mallinfo2 malloc_stats "
			    "mstat_version mstat_stacks_add mstat_stacks_register";

static void test_what_succeeds(void)
{
	struct mstat_snapshot now = {.struct_bytes = sizeof(now)};
	struct mstat_thread_snapshot thread = {.struct_bytes = sizeof(thread)};
	void *object = malloc(100), *large = malloc(5 << 20);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char *string = NULL;

	errno = 77;
	bool done = mstat_snapshot(&now) == 0 && mstat_thread_snapshot(0, &thread) == 0 &&
		mstat_lookup(object, NULL, NULL) == 0 &&
		mstat_finalizer_set(object, finalizer, NULL) == 0 &&
		mstat_finalizer_clear(object) == 0 && mstat_dump(null, "text") == 0 &&
		malloc_usable_size(object) >= 100 && mallopt(M_TRIM_THRESHOLD, 1) == 1 &&
		mallinfo2().uordblks + mallinfo2().hblkhd > 0 &&
		mallinfo().uordblks + mallinfo().hblkhd > 0 && *mstat_version() != '\0';
	mstat_stacks_add(4096, 4096);
	mstat_stacks_add(-4096, -4096);
	free(large);
	malloc_trim(0);
	done = done && errno == 77 && asprintf(&string, "%01000d", 1) == 1000;
	free(string);
	free(string = strdup("text"));
	tap_ok(done && string != NULL && errno == 77, "what succeeds leaves errno alone");
	close(null);
	free(object);
}

int main(int argc, char **argv)
{
	struct rlimit limit;

	if (argc > 1) {
		for (int i = 0; i < COUNT; i++)
			puts(table[i].names);
		puts(never);
		return argv[1][0] != 'n';
	}
	tap_begin();
	test_what_succeeds();
	text = mmap(NULL, TEXT_BYTES + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (text == MAP_FAILED || getrlimit(RLIMIT_AS, &limit) != 0)
		return 2;
	memset(text, 'x', TEXT_BYTES);
	limit.rlim_cur = TEXT_BYTES + (TEXT_BYTES >> 1);
	setrlimit(RLIMIT_AS, &limit);
	for (int i = 0; i < COUNT; i++) {
		errno = 0;
		bool refused = table[i].refuses();
		if (!tap_ok(refused, "%s: refused, and why", table[i].names))
			tap_note("errno %d", errno);
	}
	return tap_done();
}
