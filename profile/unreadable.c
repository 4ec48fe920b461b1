#include "profile/unreadable.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/os.h"

/* The one that was last made readable: if it faults again that did not help. */
static uintptr_t last_page;

static bool zero_map(uintptr_t page)
{
	return mmap((void *)page, os_page_bytes(), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static void handle(int number, siginfo_t *info, void *context)
{
	uintptr_t page = bits_round_down((uintptr_t)info->si_addr, os_page_bytes());
	bool may_help = number == SIGSEGV && page != last_page && info->si_code > 0;

	(void)context;
	last_page = page;
	if (may_help && mprotect((void *)page, os_page_bytes(), PROT_READ) == 0)
		return;
	if (info->si_code <= 0 || page == 0 || !zero_map(page))
		syscall(SYS_exit_group, 1);
}

void unreadable_begin(sigaction_set_fn *set)
{
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	sigset_t faults;

	sigfillset(&action.sa_mask);
	sigemptyset(&faults);
	sigaddset(&faults, SIGSEGV);
	sigaddset(&faults, SIGBUS);
	if (set(SIGSEGV, &action, NULL) == 0 && set(SIGBUS, &action, NULL) == 0)
		pthread_sigmask(SIG_UNBLOCK, &faults, NULL);
}
