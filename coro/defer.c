#include "coro/defer.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/fatal.h"
#include "coro/switch.h"
#include "coro/thread.h"

/* Up to here arguments are copied to the stack to be called with; above, the record's
   block itself stays until the call has returned. */
enum { COPIED_MAX_BYTES = DEFER_CHUNK_BYTES };

static size_t total_bytes_of(size_t args_bytes)
{
	return sizeof(struct defer) + ((args_bytes + 7) & ~(size_t)7);
}

static size_t room_bytes(const struct defer_chunk *chunk)
{
	return chunk != NULL ? DEFER_CHUNK_BYTES - chunk->used_bytes : 0;
}

static bool chunk_next(struct coro *co)
{
	struct defer_chunk *chunk = co->spare_chunk;

	if (chunk == NULL)
		chunk = malloc(DEFER_CHUNK_BYTES);
	if (chunk == NULL)
		return false;
	chunk->previous = co->chunk;
	chunk->used_bytes = sizeof(*chunk);
	co->chunk = chunk;
	co->spare_chunk = NULL;
	return true;
}

static struct defer *linked(struct coro *co, struct defer *defer, size_t bytes, bool is_block)
{
	defer->bytes = (int32_t)bytes;
	defer->is_special = is_block;
	defer->is_freed = is_block;
	defer->next = co->defers;
	co->defers = defer;
	return defer;
}

static NOINLINE struct defer *new_elsewhere(struct coro *co, size_t bytes)
{
	size_t total_bytes = total_bytes_of(bytes);

	if (total_bytes > DEFER_CHUNK_BYTES / 2) {
		struct defer *block = bytes <= INT32_MAX ? malloc(total_bytes) : NULL;
		return block != NULL ? linked(co, block, bytes, true) : NULL;
	}
	return chunk_next(co) ? defer_new(co, bytes) : NULL;
}

struct defer *defer_new(struct coro *co, size_t bytes)
{
	struct defer_chunk *chunk = co->chunk;
	size_t total_bytes = total_bytes_of(bytes);

	if (UNLIKELY(bytes > DEFER_CHUNK_BYTES || total_bytes > room_bytes(chunk)))
		return new_elsewhere(co, bytes);
	struct defer *defer = (struct defer *)((char *)chunk + chunk->used_bytes);
	chunk->used_bytes += total_bytes;
	return linked(co, defer, bytes, false);
}

void defer_pop(struct coro *co)
{
	struct defer *defer = co->defers;
	struct defer_chunk *chunk = co->chunk;

	if (UNLIKELY(defer == NULL))
		fatal("popdefer nil");
	co->defers = defer->next;
	if (defer->is_special)
		return;
	size_t total_bytes = total_bytes_of((size_t)defer->bytes);
	if (UNLIKELY(chunk == NULL || (char *)defer + total_bytes != (char *)chunk + chunk->used_bytes))
		fatal("popdefer phase error");
	chunk->used_bytes -= total_bytes;
	if (chunk->used_bytes == sizeof(*chunk)) {
		free(co->spare_chunk);
		co->spare_chunk = chunk;
		co->chunk = chunk->previous;
	}
}

void defer_free(struct defer *defer)
{
	if (!defer->is_special)
		memset(defer->args, 0, (size_t)defer->bytes);
	else if (defer->is_freed)
		free(defer);
}

/* ---- where recoveries return to --------------------------------------------------- */

static struct coro_site *site_find(const struct coro *co, const struct coro_frame *frame, uintptr_t pc)
{
	struct coro_site *site = co->sites;

	while (site != NULL && site->frame == frame && site->point.pc != pc)
		site = site->next;
	return site != NULL && site->frame == frame ? site : NULL;
}

static struct coro_site *site_new(struct coro *co, struct coro_frame *frame)
{
	struct coro_site *site = co->free_sites;

	if (site != NULL)
		co->free_sites = site->next;
	else if ((site = malloc(sizeof(*site))) == NULL)
		fatal("no memory for a deferred call");
	site->frame = frame;
	site->next = co->sites;
	co->sites = site;
	return site;
}

static NOINLINE void site_note(struct coro *co, struct coro_frame *frame, const struct coro_point *point)
{
	struct coro_site *site = site_find(co, frame, point->pc);

	if (site == NULL)
		site = site_new(co, frame);
	site->point = *point;
}

static void site_drop(struct coro *co)
{
	struct coro_site *site = co->sites;

	co->sites = site->next;
	site->next = co->free_sites;
	co->free_sites = site;
}

const struct coro_point *defer_point(const struct coro *co, const struct coro_frame *frame,
	uintptr_t pc)
{
	if (LIKELY(frame->point.pc == pc))
		return &frame->point;
	const struct coro_site *site = site_find(co, frame, pc);
	return site != NULL ? &site->point : NULL;
}

/* ---- what programs call ------------------------------------------------------------ */

/* Of coro_defer_at(), which has the registers of its caller. */
HIDDEN void defer_push(void (*fn)(void *), const void *args, size_t bytes,
	struct coro_frame *frame, const struct coro_point *point);

void defer_push(void (*fn)(void *), const void *args, size_t bytes, struct coro_frame *frame,
	const struct coro_point *point)
{
	struct thread *thread = thread_self();
	struct coro *co = thread->current;

	if (UNLIKELY(fn == NULL))
		fatal("deferred call of nil");
	if (UNLIKELY(thread->is_foreign))
		fatal("deferred call in foreign code");
	struct defer *defer = defer_new(co, bytes);
	if (UNLIKELY(defer == NULL))
		fatal("no memory for a deferred call");
	defer->frame = frame;
	defer->pc = point->pc;
	defer->fn = fn;
	memcpy(defer->args, args, bytes);
	if (frame->has_deferred && UNLIKELY(frame->point.pc != point->pc)) {
		site_note(co, frame, point);
		return;
	}
	frame->has_deferred = 1;
	frame->point = *point;
}

/* ---- calling them --------------------------------------------------------------------- */

/* Held until the call has returned, or its frames are gone. */
static NOINLINE void call_held(struct coro *co, struct defer *defer, void **frame_address)
{
	defer_pop(co);
	defer->next = co->held;
	defer->frame = __builtin_frame_address(0);
	co->held = defer;
	switch_call_deferred(defer->fn, defer->args, frame_address);
	co->held = defer->next;
	defer_free(defer);
}

void defer_call_last(struct coro *co, void **frame_address)
{
	struct defer *defer = co->defers;
	size_t bytes = (size_t)defer->bytes;
	void (*fn)(void *) = defer->fn;

	if (UNLIKELY(bytes > COPIED_MAX_BYTES)) {
		call_held(co, defer, frame_address);
		return;
	}
	void *copy = __builtin_alloca_with_align(bytes + 1, 128);
	memcpy(copy, defer->args, bytes);
	defer_pop(co);
	defer_free(defer);
	switch_call_deferred(fn, bytes != 0 ? copy : NULL, frame_address);
}

EXPORT void coro_frame_return(struct coro_frame *frame)
{
	struct coro *co = thread_self()->current;
	void *frame_address;

	while (co->defers != NULL && co->defers->frame == frame)
		defer_call_last(co, &frame_address);
	while (co->sites != NULL && co->sites->frame == frame)
		site_drop(co);
	frame->has_deferred = 0;
}

void defer_forget_below(struct coro *co, const void *address)
{
	while (co->sites != NULL && (const void *)co->sites->frame < address)
		site_drop(co);
	while (co->held != NULL && (const void *)co->held->frame < address) {
		struct defer *defer = co->held;
		co->held = defer->next;
		free(defer);
	}
}

void defer_free_chunks(struct coro *co)
{
	defer_forget_below(co, (const void *)UINTPTR_MAX);
	while (co->free_sites != NULL) {
		struct coro_site *site = co->free_sites;
		co->free_sites = site->next;
		free(site);
	}
	while (co->chunk != NULL) {
		struct defer_chunk *chunk = co->chunk;
		co->chunk = chunk->previous;
		free(chunk);
	}
	free(co->spare_chunk);
	co->spare_chunk = NULL;
	co->defers = NULL;
}
