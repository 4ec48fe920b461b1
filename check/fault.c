#include "check/fault.h"

#include <stdint.h>
#include <string.h>
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
enum { RECORD_ESR = 0x45535201, ESR_IS_WRITE = 1 << 6 }; /* asm/sigcontext.h; of a data abort */

/* Records of an extension each, the last of no magic.  Kernels leave out what they do not
   know. */
static const char *call_of(const ucontext_t *context)
{
	const char *at = (const char *)context->uc_mcontext.__reserved;
	const char *end = at + sizeof(context->uc_mcontext.__reserved);
	struct {
		uint32_t magic;
		uint32_t bytes;
		uint64_t esr;
	} record;

	for (; (size_t)(end - at) >= sizeof(record); at += record.bytes) {
		memcpy(&record, at, sizeof(record));
		if (record.magic == RECORD_ESR)
			return (record.esr & ESR_IS_WRITE) != 0 ? "write" : "read";
		if (record.magic == 0 || record.bytes == 0 || record.bytes > (size_t)(end - at))
			break;
	}
	return "access";
}

static const void *pc_of(const ucontext_t *context)
{
	return (const void *)context->uc_mcontext.pc;
}
#endif

static bool is_fenced(const struct span *span)
{
	return span->kind == SPAN_LARGE && span->fences != 0;
}

/* How far an address is from an object's bytes. */
static size_t distance(const struct span *span, const char *address)
{
	const char *object = span_object(span), *end = object + span->bytes;

	if (address < object)
		return (size_t)(object - address);
	return address < end ? 0 : (size_t)(address - end) + 1;
}

/* What lies behind an object may lie before another that is nearer. */
static const struct span *span_meant(const char *address)
{
	const struct span *span = span_around(address);
	if (span != NULL && span->kind != SPAN_RETIRED && !is_fenced(span))
		span = NULL;
	size_t behind = span != NULL ? span_page(span) + span->page_count : arena_page_of(address + PAGE_BYTES);
	const struct span *next = arena.spans + behind;
	bool is_next = arena_holds(behind) && is_fenced(next) &&
		(span == NULL || distance(next, address) < distance(span, address));
	return is_next ? next : span;
}

bool fault_report(const siginfo_t *info, const void *context)
{
	const char *address = info->si_addr;
	/* A signal that was sent has no address. */
	bool is_fault = heap_check_mode != BOX_CHECK_NONE && info->si_code > 0;
	const struct span *span = is_fault ? span_meant(address) : NULL;

	/* What the program itself has closed of a living object is its own affair. */
	if (span == NULL || (span->kind != SPAN_RETIRED && distance(span, address) == 0))
		return false;
	struct report_object object = large_described(span);
	report_fault(call_of(context), address, span_object(span), span->kind == SPAN_RETIRED, &object,
		pc_of(context));
	return true;
}
