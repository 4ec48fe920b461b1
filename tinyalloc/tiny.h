/*
 * tinyalloc/tiny.h - combining of small objects that hold no pointers.
 *
 * WHY        The smallest size class is 16 bytes, and what a parser keeps are
 *            strings and numbers of three or seven.  Objects of less than 16 bytes of
 *            which the program says that they hold no pointers share blocks of 16.
 *            A pointer's alignment is of no use to them, and that they hold none bounds
 *            what one of them can keep from being freed: its own block.
 *
 * RULE       Each thread cuts up one block.  An object that does not fit gets a new
 *            one, which becomes the thread's if more of it is left over.  (The idea is
 *            Dmitriy Vyukov's, of the Go runtime: golang.org/cl/38750047.  There a
 *            collector frees the blocks; here each object is freed.)
 *
 * INVARIANT  A block is an object of SIZE_CLASS_TINY, for magazines, pools, pages and
 *            books as any other.  What is left of a thread's block reads zero.  A block
 *            with a live object is out; the last that is freed brings it back, unless
 *            that happens to a block that another thread still cuts up: then that
 *            thread does, when it turns to the next.
 *                bytes saved == 16 * (tiny_nmalloc - tiny_nfree) - tiny_alloc
 *
 * LOCKING    None on a hit: the block is the thread's own (struct tiny_block of its
 *            cache).  Any thread frees: see tinyalloc/record.h.
 */
#ifndef TINYALLOC_TINY_H
#define TINYALLOC_TINY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/config.h"
#include "heap/fastpath.h"
#include "tinyalloc/record.h"

/* From now on objects are combined; before, each is one of the heap's.  Fatal if the
   class of the blocks is not of their size. */
void tiny_init(void);
void tiny_check_class(size_t object_bytes);
bool tiny_is_on(void);

/* What tiny_cut() left to it.  NULL with ENOMEM. */
void *tiny_alloc_slow(size_t bytes, size_t align_bytes) NOINLINE;

/* Cuts an object off what is left of the block; NULL if that does not do, or would fill
   up a block of which its thread has freed some. */
static ALWAYS_INLINE void *tiny_cut(struct tiny_block *block, size_t bytes, size_t align_bytes)
{
	/* A block's end is aligned: what is left, rounded down, begins aligned. */
	uint32_t room = block->left_bytes & -(uint32_t)align_bytes;

	if (UNLIKELY(room < bytes))
		return NULL;

	/* The rest began where the object does, or in what is now the padding before it. */
	union record *record = block->record;
	uint32_t left = room - (uint32_t)bytes;
	uint32_t starts = record_starts(record);
	starts &= ~((uint32_t)1 << block->left_bytes);
	starts |= (uint32_t)1 << room;
	if (left == 0) {
		if (UNLIKELY(block->freed != 0))
			return NULL;
		starts ^= RECORD_OPEN;
	} else {
		starts |= (uint32_t)1 << left;
	}
	block->left_bytes = left;
	__atomic_store_n(&record->starts, (uint16_t)starts, __ATOMIC_RELAXED);
	return block->end - room;
}

/*
 * An object of 1 to 15 bytes that holds no pointers, zeroed.  align_bytes: 1, 2, 4
 * or 8.  NULL with ENOMEM.
 */
static ALWAYS_INLINE void *tiny_alloc(size_t bytes, size_t align_bytes)
{
	struct cache *cache = cache_self;
	void *object = tiny_cut(&cache->tiny, bytes, align_bytes);

	if (UNLIKELY(object == NULL))
		return tiny_alloc_slow(bytes, align_bytes);
	if (CONFIG_BOOKS)
		cache->tiny_nmalloc++;
	return object;
}

/* The same of an object that may be collected, from a block of such. */
void *tiny_alloc_collectable(size_t bytes, size_t align_bytes);

/* The blocks of such that threads cut up are left as they are, so that they too can be
   found to be out of reach.  While no thread goes on. */
void tiny_drop_collectable(void);

/* A block of such is out of reach: how many objects live in it; it goes with them.  It
   stays if its thread was in the middle of cutting it up when all stood still. */
uint32_t tiny_count(const struct span *span, const void *block);
uint32_t tiny_collect(const struct span *span, void *block);

/* The alignment that a size asks for: multiples of 8 to 8, of 4 to 4, of 2 to 2. */
static ALWAYS_INLINE size_t tiny_align_of(size_t bytes)
{
	return bytes & -bytes;
}

/* From the first special of a tiny object on, all are looked for at each free: an open
   block's own thread does not look at its span. */
void tiny_watch(void);
extern HIDDEN bool tiny_watched;

static ALWAYS_INLINE bool tiny_is_watched(void)
{
	return __atomic_load_n(&tiny_watched, __ATOMIC_RELAXED);
}

/* Whether an address is in the block that this thread cuts up. */
static ALWAYS_INLINE bool tiny_is_own(const void *ptr)
{
	const struct tiny_block *block = &cache_self->tiny;

	return ((uintptr_t)ptr | (TINY_BLOCK_BYTES - 1)) + 1 == (uintptr_t)block->end &&
		block->left_bytes != 0;
}

/* The only object of that block: it goes to where it was taken from.  False: nothing
   was done. */
static ALWAYS_INLINE bool tiny_free_hits(void *ptr)
{
	struct cache *cache = cache_self;
	struct tiny_block *block = &cache->tiny;
	struct magazine *magazine = &cache->magazines[SIZE_CLASS_TINY];

	if ((char *)ptr + TINY_BLOCK_BYTES != block->end || block->left_bytes == 0 ||
		tiny_is_watched())
		return false;

	union record *record = block->record;
	uint16_t top = __atomic_load_n(&magazine->top, __ATOMIC_RELAXED);
	uint32_t alone = RECORD_OPEN | (uint32_t)1 << block->left_bytes;
	if (record_starts(record) != alone || record_freed(record) != 0 || top == magazine->limit)
		return false;

	/* Nothing is left, and the object at its start is freed. */
	__atomic_store_n(&record->word, (uint32_t)1 << RECORD_FREED_SHIFT, __ATOMIC_RELAXED);
	block->left_bytes = 0;
	if (CONFIG_BOOKS)
		cache->tiny_nfree++;
	magazine_push(magazine, cache_slots(cache) + top, ptr);
	return true;
}

/* Fatal if ptr is no live object's start. */
void tiny_free(const struct span *span, void *ptr, const void *caller);

/* What the object may use: at least what was asked for, with what the next did not
   need.  `call` is named if ptr is no live object's start. */
size_t tiny_usable_bytes(const struct span *span, const void *ptr, const char *call,
	const void *caller);

/* The object that any byte of it points into, or a whole block that is free.  False:
   what is left of a block. */
bool tiny_find(const struct span *span, const void *ptr, void **base, size_t *size_bytes);

/* Whether the object that begins here is the program's; whoever frees it is heard of,
   in another thread's block too.  The class's lock held. */
bool tiny_is_live(const struct span *span, const void *object);

#endif
