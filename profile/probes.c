#include "profile/probes.h"

/* Registers alone: a description of memory or of a constant is more than some readers know. */
#define STAP_SDT_ARG_CONSTRAINT r
#include <sys/sdt.h>

void probe_alloc(const void *object, uint64_t size_bytes, uint64_t weight_bytes)
{
	DTRACE_PROBE3(otel_memory, alloc, object, size_bytes, weight_bytes);
}

void probe_free(const void *object)
{
	DTRACE_PROBE1(otel_memory, free, object);
}
