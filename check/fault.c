#include "check/fault.h"

#include <stdint.h>
#include <ucontext.h>

#include "base/format.h"
#include "check/large.h"
#include "check/record.h"
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
	struct span *span = heap_checks != NULL ? large_span_near(address) : NULL;
	char text[128];
	struct format line;

	/* A signal that was sent has no address. */
	if (info->si_code <= 0 || span == NULL || span->kind != SPAN_RETIRED)
		return false;
	struct report_object object = {.record = records_of(span), .bytes = span->bytes};
	format_init(&line, text, sizeof(text), -1);
	format_text(&line, "used after it was freed, at byte ");
	format_signed(&line, address - span_object(span));
	format_terminate(&line);
	report_fault(call_of(context), address, text, &object, pc_of(context));
	return true;
}
