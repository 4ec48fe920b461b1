/*
 * makers.h - the rows of entries.h, and what the functions behind them share.
 */
#ifndef TESTS_MODEL_MAKERS_H
#define TESTS_MODEL_MAKERS_H

#include "tests/model/entries.h"

enum { MAKERS_VALLOC_BYTES = 4096, MAKERS_ALIGN_BYTES = 16 };

extern const struct maker makers_standard[], makers_hinted[];
extern const size_t makers_standard_count, makers_hinted_count;

/* What one of `count` has; the sum becomes what was asked for. */
static inline size_t share(struct request *request)
{
	size_t each = request->bytes / request->count;

	request->bytes = each * request->count;
	return each;
}

/* Any alignment is one: the next power of two. */
static inline void align_round(struct request *request)
{
	size_t power = MAKERS_ALIGN_BYTES;

	while (power < request->align_bytes)
		power *= 2;
	request->align_bytes = power;
}

/* Returned where it fails, so that nothing was written must be seen. */
static inline void *posix_result(struct request *request, int error, void *out)
{
	request->error = error;
	return error == 0 || out != (void *)request ? out : NULL;
}

#endif
