/*
 * patient.c - a library whose constructor waits for a thread that sets signal
 * handlers, while the dynamic linker's lock is held for the constructor.
 */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

static void *set_handlers(void *arg)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	sigaction(SIGURG, &action, NULL);
	signal(SIGURG, SIG_DFL);
	ssignal(SIGURG, SIG_IGN);
	return arg;
}

__attribute__((constructor)) static void constructor(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, set_handlers, NULL) == 0)
		pthread_join(thread, NULL);
}
