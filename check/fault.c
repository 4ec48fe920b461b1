#include "check/fault.h"

#include <stdint.h>
#include <ucontext.h>

#include "check/large.h"
#include "check/report.h"
#include "heap/checks.h"

#if defined(__x86_64__)
enum { ERROR_WRITE = 2 }; /* of a page fault's error code */

static const char *call_of(const ucontext_t *context)
{
	return (context->uc_mcontext.gregs[REG_ERR] & ERROR_WRITE) != 0 ? "write" : "read";
}

static const void *pc_of(const ucontext_t *context)
{
	return (const void *)context->uc_mcontext.gregs[REG_RIP];
}
#else
static const char *call_of(const ucontext_t *context)
{
	(void)context;
	return "access";
}

static const void *pc_of(const ucontext_t *context)
{
	return (const void *)context->uc_mcontext.pc;
}
#endif

bool fault_report(const siginfo_t *info, const void *context)
{
	const char *address = info->si_addr;
	const struct span *span = heap_checks != NULL ? span_around(address) : NULL;

	/* A signal that was sent has no address. */
	if (info->si_code <= 0 || span == NULL || span->kind != SPAN_RETIRED)
		return false;
	struct report_object object = large_described(span);
	report_fault(call_of(context), address, span_object(span), &object, pc_of(context));
	return true;
}
