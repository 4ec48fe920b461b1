#include "profile/probes.h"

void probe_alloc(const void *object, uint64_t size_bytes, uint64_t weight_bytes)
{
	(void)object;
	(void)size_bytes;
	(void)weight_bytes;
}

void probe_free(const void *object)
{
	(void)object;
}
