#include "stats/conf.h"

#include <signal.h>
#include <string.h>

static bool text_is(const char *text, size_t bytes, const char *word)
{
	return strlen(word) == bytes && memcmp(text, word, bytes) == 0;
}

static const struct {
	const char *name;
	int number;
} signals[] = {{"SIGHUP", SIGHUP}, {"SIGINT", SIGINT}, {"SIGQUIT", SIGQUIT}, {"SIGILL", SIGILL},
	{"SIGTRAP", SIGTRAP}, {"SIGABRT", SIGABRT}, {"SIGBUS", SIGBUS}, {"SIGFPE", SIGFPE},
	{"SIGKILL", SIGKILL}, {"SIGUSR1", SIGUSR1}, {"SIGSEGV", SIGSEGV}, {"SIGUSR2", SIGUSR2},
	{"SIGPIPE", SIGPIPE}, {"SIGALRM", SIGALRM}, {"SIGTERM", SIGTERM},
	{"SIGSTKFLT", SIGSTKFLT}, {"SIGCHLD", SIGCHLD}, {"SIGCONT", SIGCONT},
	{"SIGSTOP", SIGSTOP}, {"SIGTSTP", SIGTSTP}, {"SIGTTIN", SIGTTIN}, {"SIGTTOU", SIGTTOU},
	{"SIGURG", SIGURG}, {"SIGXCPU", SIGXCPU}, {"SIGXFSZ", SIGXFSZ},
	{"SIGVTALRM", SIGVTALRM}, {"SIGPROF", SIGPROF}, {"SIGWINCH", SIGWINCH},
	{"SIGIO", SIGIO}, {"SIGPWR", SIGPWR}, {"SIGSYS", SIGSYS}};

enum { SIGNAL_COUNT = sizeof(signals) / sizeof(signals[0]) };

static int parse_number(const char *text, size_t bytes)
{
	int value = 0;

	if (bytes == 0 || bytes > 3)
		return -1;
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + text[i] - '0';
	}
	return value > 0 && value < NSIG ? value : -1;
}

/* "RTMIN", "RTMIN+3". */
static int parse_realtime(const char *name, size_t bytes)
{
	if (bytes < 5 || memcmp(name, "RTMIN", 5) != 0)
		return -1;
	if (bytes == 5)
		return SIGRTMIN;
	int more = name[5] == '+' ? parse_number(name + 6, bytes - 6) : -1;
	return more > 0 && SIGRTMIN + more <= SIGRTMAX ? SIGRTMIN + more : -1;
}

int signal_number_of(const char *name, size_t bytes)
{
	int number = parse_number(name, bytes);

	if (number > 0)
		return number;
	if (bytes > 3 && memcmp(name, "SIG", 3) == 0) {
		name += 3;
		bytes -= 3;
	}
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (text_is(name, bytes, signals[i].name + 3))
			return signals[i].number;
	return parse_realtime(name, bytes);
}

const char *signal_name(int number)
{
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (signals[i].number == number)
			return signals[i].name;
	return NULL;
}
