/*
 * heap/slowpath.h - what heap/fastpath.h declines.
 *
 * WHY        Out of line and cold, so that the fast path needs no frame.  The
 *            callers are tail-called from malloc and free themselves: their
 *            return address is the program's.
 */
#ifndef HEAP_SLOWPATH_H
#define HEAP_SLOWPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct span;

struct cache;

/* In order of likelihood: the magazine is empty, its countdown ended, the size
   is not small, the thread has no cache yet.  NULL with ENOMEM. */
void *heap_alloc_slow(size_t bytes) NOINLINE;

/* Of an object that holds no pointers. */
void *heap_alloc_noscan_slow(size_t bytes) NOINLINE;

/* The same of one class.  *is_zero: the object's pages are known to read zero. */
void *heap_alloc_class_slow(uint32_t class, size_t bytes, bool *is_zero);

/* The same for whoever checks what becomes of it (heap/checks.h). */
void *heap_alloc_unchecked(uint32_t class, size_t bytes, bool *is_zero);

/* The magazine is full; the object is large, NULL, not ours or freed twice;
   the thread has no cache yet.  errno is as before. */
void heap_free_slow(void *ptr) NOINLINE;

/* The same, within a call that returns to `caller`.  Not in a checked process. */
void heap_free_for_slow(void *ptr, const void *caller) NOINLINE;

/* The same for what reads class 0, of a span that is known. */
void heap_free_span(const struct span *span, void *ptr, const void *caller);

/* The same for an object known to be of a small class; goes_home: to its span, not to
   the magazine. */
void heap_free_class_slow(uint32_t class, bool goes_home, void *ptr, const void *caller);

/* Makes the heap usable.  False while the OS refuses even that. */
bool heap_init(void);

/* Whether a child that no fork handler saw is known by asking the kernel alone: before the
   heap has begun, and where it cannot wipe a word. */
bool heap_process_is_asked(void);

/* Whether this is a child that no fork handler saw and that has not looked yet.  Asks
   nobody, and knows only where the kernel wipes a word in children. */
bool heap_process_is_new(void);

/* Before a lock is taken, or the box written, without having asked for a cache. */
void heap_process_look(void);

/* In a child, once its state is set right: it need not be found out again. */
void heap_process_is_known(void);

/*
 * The calling thread's cache for something other than the fast path; where it
 * can have none, the shared one, locked.  NULL if there is no heap.  Whatever
 * is returned goes back to heap_cache_release().
 */
struct cache *heap_cache_acquire(void);
void heap_cache_release(struct cache *cache);

/* One object of a class from this cache, counted; NULL if there is none, errno
   untouched.  `bytes` is what was asked for. */
void *cache_alloc(struct cache *cache, uint32_t class, size_t bytes);

/* Gives objects back that lie unused in magazines, in pools, in free pages:
   what a slow path does now and then. */
void heap_tick(struct cache *cache);

/* Sends home what lies in this cache's magazines and in all pools: spans that
   empty out are free pages then. */
void heap_reclaim(struct cache *cache);

/* There is no memory even so: in a process that is checked, some of what waits is free pages
   then.  False: nothing waits. */
bool heap_reclaim_checked(void);

/* Sets errno to ENOMEM, counts and logs what was refused, and returns NULL. */
void *heap_out_of_memory(size_t bytes) COLD;

#endif
