#include "preload/signal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/os.h"
#include "heap/sample.h"
#include "heap/snapshot.h"
#include "preload/process.h"
#include "preload/sigaction.h"
#include "preload/survey.h"
#include "stats/box.h"
#include "stats/dump.h"

static struct box_signal state;
static int publishing;

/* What was asked for last, and what came of it. */
static struct box_control control;
static int controlling;

static void write_dump(uint64_t request)
{
	struct dump_settings settings = {.path = process_conf.dump, .json = process_conf.dump_json};

	dump_write(&heap_source, &settings, request, process_stderr());
}

void signal_finish_dump(void)
{
	while (!dump_end())
		write_dump(0);
}

static bool control_begin(void)
{
	return __atomic_exchange_n(&controlling, 1, __ATOMIC_ACQUIRE) == 0;
}

/* Published by whoever changes it, or finds that nobody does. */
static void control_end(void)
{
	static uint64_t generation;

	box_write(BOX_SECTION_CONTROL, 0, &control, &generation);
	__atomic_store_n(&controlling, 0, __ATOMIC_RELEASE);
}

void signal_set_sample(uint64_t bytes)
{
	control.sample_bytes = bytes;
	sample_set_rate(bytes);
}

/* On two threads at the same moment, one of them: who asks sees that it was not heard. */
static void obey(uint64_t request)
{
	if (request >> BOX_REQUEST_SHIFT != BOX_REQUEST_SAMPLE || !control_begin())
		return;
	signal_set_sample((uint32_t)request);
	control.request = request;
	control_end();
}

void signal_handle(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	/* Only a queued signal has a payload. */
	uint64_t request = info->si_code == SI_QUEUE ? (uintptr_t)info->si_value.sival_ptr : 0;

	(void)number;
	if (!process_is_self())
		return;
	if (request >> BOX_REQUEST_SHIFT == BOX_REQUEST_SURVEY) {
		survey_obey(request, context);
	} else if (request >> BOX_REQUEST_SHIFT != BOX_REQUEST_DUMP) {
		obey(request);
	} else if (dump_begin()) {
		write_dump(request);
		signal_finish_dump();
	}
	errno = saved;
}

void signal_forget(void)
{
	if (publishing != 0) /* a page that is not written is not copied */
		word_store(&publishing, 0);
	if (controlling != 0)
		word_store(&controlling, 0);
}

static enum box_signal_state state_now(void)
{
	struct sigaction now;

	if (state.signal_number == 0 || os_is_confined ||
		sigaction_of_libc((int)state.signal_number, NULL, &now) != 0)
		return BOX_SIGNAL_NONE;
	if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == signal_handle)
		return BOX_SIGNAL_OURS;
	if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL)
		return BOX_SIGNAL_DEFAULT;
	if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_IGN)
		return BOX_SIGNAL_IGNORED;
	return BOX_SIGNAL_PROGRAM;
}

void signal_publish(void)
{
	static uint64_t generation;

	/* Whoever comes second finds the first one's news published. */
	if (__atomic_exchange_n(&publishing, 1, __ATOMIC_ACQUIRE) != 0)
		return;
	state.state = state_now();
	box_write(BOX_SECTION_SIGNAL, 0, &state, &generation);
	if (control_begin())
		control_end();
	__atomic_store_n(&publishing, 0, __ATOMIC_RELEASE);
}

void signal_check(void)
{
	if (state.signal_number != 0 && state_now() != (enum box_signal_state)state.state)
		signal_publish();
}

void signal_install(void)
{
	struct sigaction action = {.sa_sigaction = signal_handle,
		.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};

	state.signal_number = process_conf.signal_number;
	if (state.signal_number == 0 || state_now() != BOX_SIGNAL_DEFAULT)
		return;
	sigfillset(&action.sa_mask); /* the buffer is one: nothing may come between */
	sigaction_of_libc((int)state.signal_number, &action, NULL);
}
