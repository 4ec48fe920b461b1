/*
 * preload/api.c - the functions of mstat.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "heap/heap.h"
#include "heap/slowpath.h"
#include "heap/snapshot.h"
#include "heap/stacks.h"
#include "include/mstat.h"
#include "preload/api.h"
#include "preload/signal.h"
#include "profile/collect.h"
#include "profile/stack_roots.h"
#include "profile/tags.h"
#include "stats/dump.h"
#include "tinyalloc/object.h"
#include "tinyalloc/special.h"

static int fail(int error)
{
	errno = error;
	return -1;
}

/* Copies as much of a struct as the caller was compiled to know, its own size
   in the first field. */
static void copy_versioned(void *out, const void *full, size_t full_bytes)
{
	uint64_t caller_bytes = *(const uint64_t *)out;

	memcpy(out, full, min_bytes(caller_bytes, full_bytes));
	*(uint64_t *)out = caller_bytes;
}

EXPORT int mstat_snapshot(struct mstat_snapshot *out)
{
	struct mstat_snapshot now;

	if (out == NULL || out->struct_bytes < offsetof(struct mstat_snapshot, alloc))
		return fail(EINVAL);
	heap_snapshot(&now);
	copy_versioned(out, &now, sizeof(now));
	return 0;
}

EXPORT int mstat_thread_snapshot(pid_t tid, struct mstat_thread_snapshot *out)
{
	struct mstat_thread_snapshot now;

	if (out == NULL || out->struct_bytes < offsetof(struct mstat_thread_snapshot, alloc) ||
		tid < 0)
		return fail(EINVAL);
	if (!heap_thread_snapshot(tid, &now))
		return fail(ESRCH);
	copy_versioned(out, &now, sizeof(now));
	return 0;
}

EXPORT int mstat_lookup(const void *ptr, void **base, size_t *size_bytes)
{
	return object_lookup(ptr, base, size_bytes) ? 0 : fail(ENOENT);
}

/* The hint that most calls have; none that there is where malloc is not ours. */
static unsigned usual_hint = MSTAT_NOSCAN;

void api_go_by_malloc(void)
{
	usual_hint = ~0u;
}

/* free() takes it, whosever that is. */
static void *alloc_unhinted(size_t bytes, unsigned hints)
{
	return (hints & MSTAT_COLLECTABLE) != 0 ? calloc(1, bytes) : malloc(bytes);
}

static NOINLINE void *alloc_with(size_t bytes, unsigned hints)
{
	if (usual_hint != MSTAT_NOSCAN && (hints & ~(unsigned)(MSTAT_NOSCAN | MSTAT_COLLECTABLE)) == 0)
		return alloc_unhinted(bytes, hints);
	if (hints == 0)
		return heap_alloc(bytes);
	if ((hints & ~(unsigned)MSTAT_NOSCAN) == MSTAT_COLLECTABLE)
		return object_alloc_collectable(bytes, (hints & MSTAT_NOSCAN) != 0);
	errno = EINVAL;
	return NULL;
}

EXPORT LINE_ALIGNED void *mstat_alloc(size_t bytes, unsigned hints)
{
	return LIKELY(hints == usual_hint) ? object_alloc_noscan_natural(bytes) : alloc_with(bytes, hints);
}

EXPORT long mstat_collect(void)
{
	uint64_t count;
	int error = collect_now(&count);

	return error == 0 ? (long)count : fail(error);
}

static int result_of(int error)
{
	return error == 0 ? 0 : fail(error);
}

EXPORT int mstat_finalizer_set(void *ptr, void (*finalizer)(void *ptr, void *arg), void *arg)
{
	return result_of(special_set_finalizer(ptr, finalizer, arg));
}

EXPORT int mstat_finalizer_clear(void *ptr)
{
	return result_of(special_clear_finalizer(ptr));
}

EXPORT int mstat_tag_push(const char *name)
{
	return tags_push(name, false);
}

EXPORT int mstat_tag_push_all(const char *name)
{
	return tags_push(name, true);
}

EXPORT int mstat_tag_pop(void)
{
	return tags_pop();
}

EXPORT void mstat_stacks_add(ptrdiff_t inuse_bytes, ptrdiff_t sys_bytes)
{
	if (heap_init())
		heap_process_look(); /* before it writes into the box */
	stacks_add(inuse_bytes, sys_bytes);
}

EXPORT void mstat_stacks_register(struct mstat_stack_source *source)
{
	stack_roots_register(source);
}

EXPORT int mstat_dump(int fd, const char *format)
{
	bool json = format != NULL && strcmp(format, "json") == 0;
	int error = 0;

	if (format == NULL || (!json && strcmp(format, "text") != 0))
		return fail(EINVAL);
	if (fd < 0) /* which to the formatter means: nowhere, and is no error */
		return fail(EBADF);
	if (!dump_try())
		return fail(EBUSY);
	dump_write_fd(&heap_source, fd, json, &error);
	signal_finish_dump();
	return error == 0 ? 0 : fail(error);
}
