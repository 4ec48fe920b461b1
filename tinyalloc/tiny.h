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
 * MANY       Blocks are cheap to begin with: one page serves all sizes.  They are full to four
 *            fifths, and a fifth of them are records.  Where a program has many of them,
 *            a thread turns to the fine classes (heap/size_class.h), as if it had asked for
 *            more: the blocks that it has live on.
 *
 * INVARIANT  A block is an object of SIZE_CLASS_TINY, for magazines, pools, pages and
 *            books as any other.  What is left of a thread's block reads zero.  A block
 *            with a live object is out; the last that is freed brings it back, unless
 *            others free it in a block that a thread still cuts up: then that thread
 *            does, when it turns to the next.
 *                bytes saved == 16 * (tiny_nmalloc - tiny_nfree) - tiny_alloc
 *            with the objects of fine classes in each of these.
 *
 * LOCKING    None on a hit: the block is the thread's own (struct tiny_block of its
 *            cache), whose words it changes in such an order that a child of a fork
 *            loses a block at most.  Any thread frees: see tinyalloc/record.h.
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

/* With more spans of blocks than these a thread turns to the fine classes: it no longer
   combines, but where no fine class does. */
extern HIDDEN uint32_t tiny_most_spans;

/* What tiny_cut() left to it.  NULL with ENOMEM. */
void *tiny_alloc_slow(size_t bytes) NOINLINE;

/* Cuts an object off what is left of the block; NULL if that does not do. */
static ALWAYS_INLINE void *tiny_cut(struct tiny_block *block, size_t bytes, size_t align_bytes)
{
	uint32_t begin = (block->at + (uint32_t)align_bytes - 1) & -(uint32_t)align_bytes;

	if (UNLIKELY(begin == 0)) /* there is no block */
		return NULL;
	uint32_t end = begin + (uint32_t)bytes;
	if (UNLIKELY(end > TINY_BLOCK_BYTES))
		return NULL;
	record_cut(block->record, block->at, begin, end);
	__atomic_signal_fence(__ATOMIC_RELEASE); /* a child of fork may find it so */
	block->at = end % TINY_BLOCK_BYTES;
	return block->start + begin;
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
		return tiny_alloc_slow(bytes);
	if (CONFIG_BOOKS)
		cache->tiny_nmalloc++;
	return object;
}

/* The same of an object that may be collected, from a block of such. */
void *tiny_alloc_collectable(size_t bytes, size_t align_bytes);

/* The blocks of such that threads cut up are left as they are, so that they too can be
   found to be out of reach.  While no thread goes on. */
void tiny_drop_collectable(void);

/* A block of such is out of reach: how many objects live in it; it goes with them. */
uint32_t tiny_count(const void *block);
uint32_t tiny_collect(void *block);

/* The alignment that a size asks for: multiples of 8 to 8, of 4 to 4, of 2 to 2. */
static ALWAYS_INLINE size_t tiny_align_of(size_t bytes)
{
	return bytes & -bytes;
}

/* An address in a span of blocks, of which the class map says so; or says 0: the block then
   goes home.  Fatal if it is no live object's start. */
void tiny_free(void *ptr, const void *caller);
void tiny_free_home(void *ptr, const void *caller);

/* What the object may use: at least what was asked for, with what the next did not
   need.  `call` is named if ptr is no live object's start. */
size_t tiny_usable_bytes(const void *ptr, const char *call, const void *caller);

/* The object that any byte of it points into, or a whole block that is free.  False:
   what is left of a block, or no block. */
bool tiny_find(const void *ptr, void **base, size_t *size_bytes);

/* Whether the object that begins here is the program's; whoever frees it is heard of,
   in another thread's block too. */
bool tiny_is_live(const void *object);

#endif
