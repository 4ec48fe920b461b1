#include "coro/defer.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/fatal.h"
#include "coro/switch.h"
#include "coro/thread.h"
#include "coro/unwind.h"

/* Up to the first arguments are copied by the loop that clears them, into room that each
   frame's end has; up to the second to as much of the stack as they need; above, the
   record's block itself stays until the call has returned. */
enum { FEW_BYTES = 56, COPIED_MAX_BYTES = DEFER_CHUNK_BYTES };

_Static_assert((FEW_BYTES & (FEW_BYTES + 8)) == 0, "the bits of any number of words up to it");

/* Two words, of any alignment: loops over the words took a fifth of a deferred call. */
typedef uint64_t words2 __attribute__((vector_size(16), aligned(1), may_alias));

/* Before a record that is a block of its own, so that its arguments are aligned to 16. */
enum { BLOCK_LEAD_BYTES = 8 };

static size_t total_bytes_of(size_t args_bytes)
{
	return sizeof(struct defer) + bits_round_up(args_bytes, 8);
}

/* A multiple of 8 bytes, up to FEW_BYTES: part by part, each as large as a bit of it. */
static ALWAYS_INLINE void few_copy(void *to, const void *from, size_t bytes)
{
	words2 *pair = to;
	const words2 *from_pair = from;

	if (UNLIKELY((bytes & 32) != 0)) {
		*pair++ = *from_pair++;
		*pair++ = *from_pair++;
	}
	if ((bytes & 16) != 0)
		*pair++ = *from_pair++;
	if ((bytes & 8) != 0)
		memcpy(pair, from_pair, 8);
}

/* The same, and what was there becomes 0. */
static ALWAYS_INLINE void few_move(void *to, void *from, size_t bytes)
{
	static const words2 zeros = {0, 0};
	words2 *pair = to, *from_pair = from;

	if (UNLIKELY((bytes & 32) != 0)) {
		*pair++ = *from_pair;
		*from_pair++ = zeros;
		*pair++ = *from_pair;
		*from_pair++ = zeros;
	}
	if ((bytes & 16) != 0) {
		*pair++ = *from_pair;
		*from_pair++ = zeros;
	}
	if ((bytes & 8) != 0) {
		memcpy(pair, from_pair, 8);
		memset(from_pair, 0, 8);
	}
}

/* NULL: there is none. */
static void chunk_is(struct coro *co, struct defer_chunk *chunk, char *top)
{
	co->chunk = chunk;
	co->defer_top = top;
	co->defer_limit = chunk != NULL ? (char *)chunk + DEFER_CHUNK_BYTES : NULL;
}

static bool chunk_next(struct coro *co)
{
	struct defer_chunk *chunk = co->spare_chunk;

	if (chunk == NULL)
		chunk = malloc(DEFER_CHUNK_BYTES);
	if (chunk == NULL)
		return false;
	chunk->previous = co->chunk;
	chunk->previous_top = co->defer_top;
	chunk_is(co, chunk, (char *)(chunk + 1));
	co->spare_chunk = NULL;
	return true;
}

static ALWAYS_INLINE struct defer *linked(struct coro *co, struct defer *defer, size_t bytes)
{
	defer->head = bytes;
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
		if (block == NULL)
			return NULL;
		struct defer *defer = linked(co, (struct defer *)(block + BLOCK_LEAD_BYTES), bytes);
		defer->is_special = defer->is_freed = true;
		return defer; /* cppcheck-suppress memleak; defer_free() finds the block from it */
	}
	return chunk_next(co) ? defer_new(co, bytes) : NULL;
}

/* What has nothing in it is no chunk to those that are large. */
static size_t room_bytes(const struct coro *co, size_t total_bytes)
{
	bool is_none = co->chunk == NULL || (total_bytes > DEFER_CHUNK_BYTES / 2 &&
		co->defer_top == (char *)(co->chunk + 1));

	return is_none ? 0 : (size_t)(co->defer_limit - co->defer_top);
}

struct defer *defer_new(struct coro *co, size_t bytes)
{
	size_t total_bytes = total_bytes_of(bytes);

	if (bytes > DEFER_CHUNK_BYTES || total_bytes > room_bytes(co, total_bytes))
		return new_elsewhere(co, bytes);
	struct defer *defer = (struct defer *)co->defer_top;
	co->defer_top += total_bytes;
	return linked(co, defer, bytes);
}

/* The only one stays where it is: it is the spare all the same. */
static NOINLINE void chunk_becomes_spare(struct coro *co)
{
	struct defer_chunk *chunk = co->chunk;

	free(co->spare_chunk);
	if (chunk->previous == NULL) {
		co->spare_chunk = NULL;
		return;
	}
	co->spare_chunk = chunk;
	chunk_is(co, chunk->previous, chunk->previous_top);
}

static ALWAYS_INLINE void chunk_emptied(struct coro *co)
{
	if (UNLIKELY(co->chunk->previous != NULL || co->spare_chunk != NULL))
		chunk_becomes_spare(co);
}

/* A record that is in a chunk, the last. */
static ALWAYS_INLINE void chunk_pop(struct coro *co, struct defer *defer, size_t total_bytes)
{
	if (UNLIKELY((char *)defer + total_bytes != co->defer_top))
		fatal("popdefer phase error");
	co->defer_top = (char *)defer;
	if (UNLIKELY((struct defer_chunk *)defer == co->chunk + 1))
		chunk_emptied(co);
}

void defer_pop(struct coro *co)
{
	struct defer *defer = co->defers;

	if (UNLIKELY(defer == NULL))
		fatal("popdefer nil");
	co->defers = defer->next;
	if (!defer->is_special)
		chunk_pop(co, defer, total_bytes_of((size_t)defer->bytes));
}

void defer_free(struct defer *defer)
{
	if (!defer->is_special)
		memset(defer->args, 0, (size_t)defer->bytes);
	else if (defer->is_freed)
		free((char *)defer - BLOCK_LEAD_BYTES);
}

/* ---- where recoveries return to --------------------------------------------------- */

/* Frames below it are there yet when a panic looks for where it goes on. */
static struct coro_site *site_find(const struct coro *co, const struct coro_frame *frame, uintptr_t pc)
{
	struct coro_site *site = co->sites;

	while (site != NULL && (site->frame < frame || (site->frame == frame && site->point.pc != pc)))
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

static NOINLINE int push_rarely(void (*fn)(void *), const void *args, size_t bytes,
	struct coro_frame *frame, uintptr_t pc)
{
	struct thread *thread = thread_self();

	if (fn == NULL)
		fatal("deferred call of nil");
	if (thread->is_foreign)
		fatal("deferred call in foreign code");
	struct defer *defer = needed(defer_new(thread_current(thread), bytes));
	defer->frame = frame;
	defer->pc = pc;
	defer->fn = fn;
	if (bytes != 0) /* else there may be none */
		memcpy(defer->args, args, bytes);
	return 0;
}

/* Few words, for which there is no room in the chunk. */
static NOINLINE int push_into_next(void (*fn)(void *), const void *args, size_t bytes,
	struct coro_frame *frame, uintptr_t pc)
{
	struct coro *co = coro_thread.running;

	if (co == &thread_nobody || !chunk_next(co))
		return push_rarely(fn, args, bytes, frame, pc);
	return defer_push(fn, args, bytes, frame, pc);
}

/* Nearly always there is room in the chunk for a few words: by a leaf, in which a loop is
   shorter than the call of a function.  (Nobody has no chunk.) */
int defer_push(void (*fn)(void *), const void *args, size_t bytes, struct coro_frame *frame,
	uintptr_t pc)
{
	struct coro *co = coro_thread.running;

	if (UNLIKELY(co == NULL || fn == NULL || (bytes & ~(size_t)FEW_BYTES) != 0))
		return push_rarely(fn, args, bytes, frame, pc);
	struct defer *defer = (struct defer *)co->defer_top;
	char *top = (char *)((uintptr_t)defer + sizeof(*defer) + bytes);
	if (UNLIKELY(top > co->defer_limit))
		return push_into_next(fn, args, bytes, frame, pc);
	co->defer_top = top;
	linked(co, defer, bytes);
	defer->frame = frame;
	defer->pc = pc;
	defer->fn = fn;
	few_copy(defer->args, args, bytes);
	return 0;
}

int defer_push_at(void (*fn)(void *), const void *args, size_t bytes, struct coro_frame *frame,
	const struct coro_point *point)
{
	site_note(thread_current(thread_self()), frame, point);
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
	size_t bytes = defer->head;
	void *nobody;

	if (UNLIKELY(bytes > FEW_BYTES)) {
		defer_call_last(co, &nobody);
		return;
	}
	size_t room = bits_round_up(bytes, 8);
	few_move(copy, defer->args, room);
	co->defers = defer->next;
	chunk_pop(co, defer, sizeof(*defer) + room);
	fn(bytes != 0 ? copy : NULL);
}

/* One of the calls has thrown a C++ exception, which passes: the others are made yet.  Or
   it has recovered from a panic: they are when the function ends that it comes to. */
static NOINLINE void frame_passed(struct coro_frame *frame)
{
	if (!unwind_comes_to(thread_current(thread_self()), frame))
		coro_frame_return(frame);
}

static ALWAYS_INLINE void frame_rest(struct coro_frame **frame)
{
	if (UNLIKELY((*frame)->point.pc != 0))
		frame_passed(*frame);
}

EXPORT void coro_frame_return(struct coro_frame *frame)
{
	struct coro_frame *rest __attribute__((cleanup(frame_rest))) = frame;
	struct coro *co = thread_current(thread_self());

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
		chunk_is(co, chunk->previous, chunk->previous_top);
		free(chunk);
	}
	free(co->spare_chunk);
	co->spare_chunk = NULL;
	co->defers = NULL;
}
