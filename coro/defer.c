#include "coro/defer.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/fatal.h"
#include "coro/switch.h"
#include "coro/thread.h"

/* Up to the first arguments are copied by the loop that clears them, into room that each
   frame's end has; up to the second to as much of the stack as they need; above, the
   record's block itself stays until the call has returned. */
enum { FEW_BYTES = 64, COPIED_MAX_BYTES = DEFER_CHUNK_BYTES };

/* Before a record that is a block of its own, so that its arguments are aligned to 16. */
enum { BLOCK_LEAD_BYTES = 8 };

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

	if (bytes > INT32_MAX)
		return NULL;
	if (total_bytes > DEFER_CHUNK_BYTES / 2) {
		char *block = malloc(BLOCK_LEAD_BYTES + total_bytes);
		return block != NULL
			? linked(co, (struct defer *)(block + BLOCK_LEAD_BYTES), bytes, true) : NULL;
	}
	return chunk_next(co) ? defer_new(co, bytes) : NULL;
}

static ALWAYS_INLINE struct defer *new_here(struct coro *co, size_t bytes)
{
	struct defer_chunk *chunk = co->chunk;
	size_t total_bytes = total_bytes_of(bytes);

	if (UNLIKELY(bytes > DEFER_CHUNK_BYTES || total_bytes > room_bytes(chunk)))
		return new_elsewhere(co, bytes);
	struct defer *defer = (struct defer *)((char *)chunk + chunk->used_bytes);
	chunk->used_bytes += total_bytes;
	return linked(co, defer, bytes, false);
}

struct defer *defer_new(struct coro *co, size_t bytes)
{
	return new_here(co, bytes);
}

static NOINLINE void chunk_becomes_spare(struct coro *co)
{
	struct defer_chunk *chunk = co->chunk;

	free(co->spare_chunk);
	co->spare_chunk = chunk;
	co->chunk = chunk->previous;
}

/* A record that is in a chunk, the last. */
static ALWAYS_INLINE void chunk_pop(struct coro *co, const struct defer *defer)
{
	struct defer_chunk *chunk = co->chunk;
	size_t total_bytes = total_bytes_of((size_t)defer->bytes);

	if (UNLIKELY(chunk == NULL ||
		    (const char *)defer + total_bytes != (char *)chunk + chunk->used_bytes))
		fatal("popdefer phase error");
	chunk->used_bytes -= total_bytes;
	if (UNLIKELY(chunk->used_bytes == sizeof(*chunk)))
		chunk_becomes_spare(co);
}

void defer_pop(struct coro *co)
{
	const struct defer *defer = co->defers;

	if (UNLIKELY(defer == NULL))
		fatal("popdefer nil");
	co->defers = defer->next;
	if (!defer->is_special)
		chunk_pop(co, defer);
}

void defer_free(struct defer *defer)
{
	if (!defer->is_special)
		memset(defer->args, 0, (size_t)defer->bytes);
	else if (defer->is_freed)
		free((char *)defer - BLOCK_LEAD_BYTES);
}

/* ---- where recoveries return to --------------------------------------------------- */

static struct coro_site *site_find(const struct coro *co, const struct coro_frame *frame, uintptr_t pc)
{
	struct coro_site *site = co->sites;

	while (site != NULL && site->frame == frame && site->point.pc != pc)
		site = site->next;
	return site != NULL && site->frame == frame ? site : NULL;
}

static void *needed(void *memory)
{
	if (UNLIKELY(memory == NULL))
		fatal("no memory for a deferred call");
	return memory;
}

static struct coro_site *site_new(struct coro *co, struct coro_frame *frame)
{
	struct coro_site *site = co->free_sites;

	if (site != NULL)
		co->free_sites = site->next;
	else
		site = needed(malloc(sizeof(*site)));
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

/* Of coro_defer_at(), which has noted the registers of its caller in the frame.  Its
   result is coro_defer_at()'s. */
HIDDEN int defer_push(void (*fn)(void *), const void *args, size_t bytes,
	struct coro_frame *frame, uintptr_t pc);

/* The same at another place in the function: they are here. */
HIDDEN int defer_push_at(void (*fn)(void *), const void *args, size_t bytes,
	struct coro_frame *frame, const struct coro_point *point);

/* Arguments are few: a loop is shorter than the call of a function for it. */
static ALWAYS_INLINE void args_copy(uint64_t *to, const void *from, size_t bytes)
{
	const char *words = from;

	if (UNLIKELY(bytes % 8 != 0 || bytes > FEW_BYTES)) {
		memcpy(to, from, bytes);
		return;
	}
	for (size_t i = 0; i < bytes; i += 8)
		memcpy((char *)to + i, words + i, 8);
}

int defer_push(void (*fn)(void *), const void *args, size_t bytes, struct coro_frame *frame,
	uintptr_t pc)
{
	struct thread *thread = thread_self();
	struct coro *co = thread->current;

	if (UNLIKELY(fn == NULL))
		fatal("deferred call of nil");
	if (UNLIKELY(thread->is_foreign))
		fatal("deferred call in foreign code");
	struct defer *defer = needed(new_here(co, bytes));
	defer->frame = frame;
	defer->pc = pc;
	defer->fn = fn;
	args_copy(defer->args, args, bytes);
	return 0;
}

int defer_push_at(void (*fn)(void *), const void *args, size_t bytes, struct coro_frame *frame,
	const struct coro_point *point)
{
	site_note(thread_self()->current, frame, point);
	return defer_push(fn, args, bytes, frame, point->pc);
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

/* The last record of a frame that ends; nobody there recovers. */
static ALWAYS_INLINE void frame_call(struct coro *co, struct defer *defer)
{
	uint64_t copy[FEW_BYTES / 8] __attribute__((aligned(16)));
	void (*fn)(void *) = defer->fn;
	size_t bytes = (size_t)defer->bytes;
	void *nobody;

	if (UNLIKELY(defer->is_special || bytes > FEW_BYTES)) {
		defer_call_last(co, &nobody);
		return;
	}
	for (size_t i = 0; i < (bytes + 7) / 8; i++) {
		copy[i] = defer->args[i];
		*(volatile uint64_t *)&defer->args[i] = 0; /* volatile: no memset() */
	}
	co->defers = defer->next;
	chunk_pop(co, defer);
	fn(bytes != 0 ? copy : NULL);
}

EXPORT void coro_frame_return(struct coro_frame *frame)
{
	struct coro *co = thread_self()->current;

	/* Frames below it that have ended without telling, not compiled for exceptions, too. */
	while (co->defers != NULL && co->defers->frame <= frame)
		frame_call(co, co->defers);
	while (UNLIKELY(co->sites != NULL) && co->sites->frame <= frame)
		site_drop(co);
	frame->point.pc = 0;
}

void defer_end(struct coro *co)
{
	void *nobody;

	while (UNLIKELY(co->defers != NULL))
		defer_call_last(co, &nobody);
	if (UNLIKELY(co->sites != NULL || co->held != NULL))
		defer_forget_below(co, (const void *)UINTPTR_MAX);
}

void defer_forget_below(struct coro *co, const void *address)
{
	while (co->sites != NULL && (const void *)co->sites->frame < address)
		site_drop(co);
	while (co->held != NULL && (const void *)co->held->frame < address) {
		struct defer *defer = co->held;
		co->held = defer->next;
		defer_free(defer);
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
