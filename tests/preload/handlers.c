/*
 * handlers.c - a program that handles the dump signal itself.
 *
 * Proves: however it sets its handler, before it asked or after, the handler is
 * called and no dump is written; what it is told of the library's handler is that
 * there is none; when it takes its own away again, the signal has its default.
 * System V's functions are as libc's.
 *
 * The dump's path is the argument; MSTAT_CONF names it too.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/tap.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static volatile sig_atomic_t calls;
static const char *path;

static void mine(int number)
{
	(void)number;
	calls++;
}

static void mine_with_info(int number, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	mine(number);
}

static bool by_sigaction(void)
{
	struct sigaction action = {.sa_handler = mine}, old = {.sa_handler = mine};

	return sigaction(SIGUSR2, &action, &old) == 0 && old.sa_handler == SIG_DFL;
}

static bool by_sigaction_with_info(void)
{
	struct sigaction action = {.sa_sigaction = mine_with_info, .sa_flags = SA_SIGINFO};
	struct sigaction old = {.sa_handler = mine};

	return sigaction(SIGUSR2, NULL, &old) == 0 && old.sa_handler == SIG_DFL &&
		(old.sa_flags & SA_SIGINFO) == 0 && sigaction(SIGUSR2, &action, NULL) == 0;
}

static bool by_signal(void)
{
	return signal(SIGUSR2, mine) == SIG_DFL;
}

static bool by_ssignal(void)
{
	return ssignal(SIGUSR2, mine) == SIG_DFL;
}

static bool by_sysv_signal(void)
{
	return sysv_signal(SIGUSR2, mine) == SIG_DFL;
}

static bool by_sigset(void)
{
	return sigset(SIGUSR2, mine) == SIG_DFL;
}

static bool is_written(void)
{
	return access(path, F_OK) == 0;
}

/* In a child, where the library's handler still stands; 0: all is well. */
static int child_life(bool (*set)(void))
{
	int status;

	if (!set())
		return 1;
	raise(SIGUSR2);
	if (calls != 1 || is_written())
		return 2;
	signal(SIGUSR2, SIG_IGN);
	raise(SIGUSR2);
	if (calls != 1 || is_written())
		return 3;
	pid_t child = fork();
	if (child == 0) {
		signal(SIGUSR2, SIG_DFL);
		raise(SIGUSR2);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2 && !is_written() ? 0 : 4;
}

static void test_way(const char *name, bool (*set)(void))
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(child_life(set));
	waitpid(child, &status, 0);
	if (!tap_ok(status == 0, "a handler set by %s wins", name))
		tap_note("status %#x", status);
}

/* What the library does itself, of another signal. */
static void test_system_v(void)
{
	struct sigaction now;

	sysv_signal(SIGUSR1, mine);
	sigaction(SIGUSR1, NULL, &now);
	tap_ok(now.sa_handler == mine && (now.sa_flags & (int)SA_RESETHAND) != 0 &&
			(now.sa_flags & SA_NODEFER) != 0,
		"sysv_signal: once, and not blocked meanwhile");
	tap_ok(sysv_signal(SIGUSR1, SIG_ERR) == SIG_ERR && sysv_signal(0, mine) == SIG_ERR &&
			sigset(0, mine) == SIG_ERR && sigset(SIGKILL, mine) == SIG_ERR,
		"sysv_signal and sigset refuse what is no signal or handler");
	calls = 0;
	bool held = sigset(SIGUSR1, mine) == mine && sigset(SIGUSR1, SIG_HOLD) == mine &&
		sigset(SIGUSR1, SIG_HOLD) == SIG_HOLD;
	raise(SIGUSR1);
	tap_ok(held && calls == 0, "sigset: a signal is held");
	tap_ok(sigset(SIGUSR1, mine) == SIG_HOLD && calls == 1, "and let go with the next handler");
	sigaction(SIGUSR1, NULL, &now);
	tap_ok((now.sa_flags & ((int)SA_RESETHAND | SA_NODEFER | SA_RESTART)) == 0,
		"which has no flags");
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	path = argv[1];
	tap_begin();
	test_way("sigaction", by_sigaction);
	test_way("sigaction with SA_SIGINFO", by_sigaction_with_info);
	test_way("signal", by_signal);
	test_way("ssignal", by_ssignal);
	test_way("sysv_signal", by_sysv_signal);
	test_way("sigset", by_sigset);
	test_system_v();
	raise(SIGUSR2);
	tap_ok(is_written(), "where the program sets none, a dump is written");
	return tap_done();
}
