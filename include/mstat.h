/*
 * mstat.h - the public interface of libmstat, a malloc that keeps its books.
 *
 * WHY        A program that runs under libmstat may read its own heap without
 *            a signal or a file.  Everything here is optional: an ordinary
 *            program needs none of it.
 *
 * LINKING    Link with -lmstat (pkg-config mstat), or declare the functions
 *            weak and test them for NULL: they are there when the process was
 *            started with LD_PRELOAD=libmstat.so.
 *
 * UNITS      Bytes unless the name says otherwise.  Counts only grow, but for
 *            those that say "now".  The fields carry the meaning that the Go
 *            runtime's MemStats gives them.
 */
#ifndef MSTAT_H
#define MSTAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	MSTAT_SNAPSHOT_VERSION = 1,
	MSTAT_SIZE_CLASSES_MAX = 96 /* room; size_class_count says how many are used */
};

/* One size class.  Row 0 of by_size is not used: large objects, which take
   whole pages, have no row (large_nmalloc and so on). */
struct mstat_size_class {
	uint64_t size_bytes; /* what one object takes */
	uint64_t nmalloc;    /* objects handed out since the start */
	uint64_t nfree;      /* objects given back since the start */
};

/*
 * The heap at one moment.  A sum over threads that run meanwhile is a sum of
 * moments: each thread's figure may be out by its one operation in flight.
 * When no other thread allocates, every figure is exact.
 *
 *     alloc       == sum over live objects of their size class or pages
 *     nmalloc     == sum of by_size[].nmalloc + by_fine_size[].nmalloc + large_nmalloc,
 *                    nfree likewise
 *     heap_alloc  == alloc + magazine_bytes
 *     heap_sys    == heap_inuse + heap_idle
 *     heap_inuse  == heap_alloc + span_free_bytes
 *     heap_idle   == idle_kept_bytes + heap_released + never_used_bytes
 *     sys         == heap_sys + stacks_sys + metadata_bytes
 */
struct mstat_snapshot {
	uint64_t struct_bytes; /* set by the caller: sizeof(struct mstat_snapshot) */
	uint32_t version;      /* MSTAT_SNAPSHOT_VERSION of the library */
	uint32_t size_class_count;

	uint64_t alloc;        /* bytes live now */
	uint64_t total_alloc;  /* bytes handed out since the start; never falls */
	uint64_t sys;          /* address space obtained from the OS now */
	uint64_t nlookup;      /* calls of mstat_lookup() */
	uint64_t nmalloc;      /* allocations since the start */
	uint64_t nfree;        /* frees since the start */
	uint64_t heap_alloc;   /* bytes that threads hold now: live or in magazines */
	uint64_t heap_sys;     /* address space of the heap now */
	uint64_t heap_idle;    /* of heap_sys: pages in no span */
	uint64_t heap_inuse;   /* of heap_sys: pages in spans */
	uint64_t heap_released;/* of heap_idle: given back to the OS */
	uint64_t heap_objects; /* objects that threads hold now: live or in magazines */
	uint64_t stacks_inuse; /* coroutine stacks in use now (mstat_stacks_add) */
	uint64_t stacks_sys;   /* coroutine stacks obtained from the OS now */

	uint64_t magazine_bytes;   /* free objects in the magazines of threads */
	uint64_t span_free_bytes;  /* free objects, and what carving leaves over */
	uint64_t idle_kept_bytes;  /* free pages kept for reuse */
	uint64_t never_used_bytes; /* pages that were never handed out */
	uint64_t metadata_bytes;   /* address space of the heap's own tables */
	uint64_t thread_count;     /* threads that have a cache now */
	uint64_t large_nmalloc;    /* allocations of more than the largest class */
	uint64_t large_nfree;
	uint64_t large_alloc;      /* of alloc: large objects, by whole pages */
	uint64_t span_released_bytes; /* of span_free_bytes: pages given back to the OS */

	struct mstat_size_class by_size[MSTAT_SIZE_CLASSES_MAX];

	/* Objects that were hinted to hold no pointers (mstat_alloc).  Those of less
	   than 16 bytes are combined: alloc, nmalloc and by_size count the blocks of 16
	   bytes that they share, tiny_nmalloc and tiny_nfree the objects themselves.  Where
	   there are many they come in classes of 2, 4 ... 14 bytes, by_fine_size. */
	uint64_t noscan_alloc;     /* of alloc: what is hinted and not large, tiny ones included */
	uint64_t tiny_alloc;       /* of noscan_alloc: tiny blocks, and by_fine_size */
	uint64_t tiny_nmalloc;
	uint64_t tiny_nfree;
	uint64_t tiny_saved_bytes; /* what they would take now if each had 16 bytes, less
	                              tiny_alloc */
	uint64_t combinable_alloc; /* of alloc: objects of at most 16 bytes, not hinted */
	struct mstat_size_class by_fine_size[8]; /* row 0 is not used */
};

/*
 * Fills *out.  The caller sets out->struct_bytes to the size it was compiled
 * with; an older, smaller struct is filled as far as it goes.  No allocation,
 * no lock: safe in a signal handler.
 * Returns 0, or -1 with errno EINVAL if out is NULL or struct_bytes is less
 * than the first fields.
 */
int mstat_snapshot(struct mstat_snapshot *out);

/* What one thread did since it started.  Signed where a thread that frees
   what others allocated goes below zero. */
struct mstat_thread_snapshot {
	uint64_t struct_bytes;   /* set by the caller */
	int64_t tid;             /* the kernel's thread id */
	int64_t alloc;           /* bytes allocated less bytes freed by this thread */
	uint64_t total_alloc;    /* bytes allocated */
	uint64_t nmalloc;
	uint64_t nfree;
	uint64_t magazine_bytes; /* free objects in its magazines now */
};

/*
 * Fills *out for the thread `tid` (0: the calling thread).
 * Returns 0, or -1 with errno EINVAL (as above) or ESRCH: no such thread, or
 * one that has not allocated yet.
 */
int mstat_thread_snapshot(pid_t tid, struct mstat_thread_snapshot *out);

/*
 * Finds the live or free object that `ptr` points into, at any byte.
 * *base (may be NULL) becomes the object's first byte, *size_bytes (may be
 * NULL) what it takes.  Counted in nlookup.
 * Returns 0, or -1 with errno ENOENT if no object of this heap is there.
 */
int mstat_lookup(const void *ptr, void **base, size_t *size_bytes);

/*
 * Writes the dump that the dump signal writes, to a file descriptor.
 * format is "text" or "json".  Safe in a signal handler.
 * Returns 0, or -1 with errno EINVAL or what write(2) said.
 */
int mstat_dump(int fd, const char *format);

/* What a program may say of an object that it asks for. */
enum {
	MSTAT_NOSCAN = 1,     /* it will never hold a pointer */
	MSTAT_COLLECTABLE = 2 /* mstat_collect() takes it away once it is out of reach */
};

/*
 * Allocates as malloc() does, with hints; free() and realloc() take what it returns.
 * With MSTAT_NOSCAN the object lies apart from those that hold pointers, is never
 * searched for any, and below 16 bytes shares a block of 16 with others or, once there
 * are many, is rounded to 2 bytes only: it is then aligned by its size, a multiple of 8
 * to 8, of 4 to 4, of 2 to 2, any other to 1.  For no bytes at all the same address is
 * returned each time.
 * With MSTAT_COLLECTABLE the object reads zero, and the program need not free it; what
 * was not hinted so is never collected.
 * Returns NULL with errno ENOMEM, or EINVAL for a hint that is not known.
 */
void *mstat_alloc(size_t bytes, unsigned hints) __attribute__((malloc, alloc_size(1)));

/*
 * Ties a finalizer to an object: free() and realloc(ptr, 0) call finalizer(ptr, arg)
 * before they take the object away, mstat_collect() when it finds that the program
 * cannot reach it.  It runs once, on the thread that frees, with no lock held; it may
 * allocate, free other objects and set finalizers.  realloc() takes it along.  What
 * lives when the process ends is not finalized.
 *
 * `ptr` is the object's first byte.  For an object below 16 bytes that holds no
 * pointers it may be any byte, each with a finalizer of its own; it is called with this
 * very address.  For the address of no bytes nothing is done.
 * Returns 0, or -1 with errno EINVAL: no live object begins there, or no finalizer;
 * EEXIST: this address has one; ENOMEM.
 */
int mstat_finalizer_set(void *ptr, void (*finalizer)(void *ptr, void *arg), void *arg);

/*
 * Takes away the collectable objects that the program cannot reach: frees those that
 * have no finalizer, calls the finalizers of the others, on this thread, and leaves
 * them to a later call, since a finalizer may make its object known again.
 *
 * Every word of memory that looks like an address within an object counts as a pointer
 * to it: in data, in any thread's stack and registers, in objects that are not hinted
 * MSTAT_NOSCAN.  All threads are stopped by a signal (MSTAT_CONF=stop_signal) for as long
 * as a fork takes; a copy of the process does the rest.  System calls of theirs are
 * restarted or interrupted as by any signal that is handled.
 * Returns how many objects were freed or finalized, or -1 with errno ETIMEDOUT: a thread
 * blocks the signal, or does not run; EBUSY: another thread collects, or the program
 * uses the signal; EAGAIN: no process could be made; ENOMEM.  Then nothing was taken.
 */
long mstat_collect(void);

/* Takes the finalizer of this very address away.  Returns 0, or -1 with errno ENOENT. */
int mstat_finalizer_clear(void *ptr);

/* ---- what memory is for ------------------------------------------------------- */

/*
 * What the calling thread allocates from here to the matching mstat_tag_pop() is of the tag
 * `name`, 1 to 47 bytes without control characters, which is copied.  Scopes may lie within
 * each other: what is allocated counts for the innermost.  With mstat_tag_push() the samples
 * of call sites are of the tag; with mstat_tag_push_all(), or MSTAT_CONF=tags:all, every
 * allocation of the scope and of all within it is counted besides, exactly, which makes them
 * some times slower.  An object counts until it is freed, by whoever it is; what is resized
 * counts for the scope that it is resized in from then on.  A thread that ends leaves its
 * scopes.  Not for handlers of signals.
 * Returns 0, or an error number, and then the thread stays in the scope that it is in:
 * EINVAL: the name is none; ENOSPC: there are too many names (1,024), scopes around this one
 * (64), or nestings of names; ENOMEM; EBUSY: a handler interrupted who allocates.  errno is
 * as before.
 */
int mstat_tag_push(const char *name);
int mstat_tag_push_all(const char *name);

/* Ends the thread's innermost scope.  Returns 0, or EINVAL: it is in none. */
int mstat_tag_pop(void);

/* ---- for libraries that run the program's code on stacks of their own ---------- */

/*
 * To be told of such stacks, as libmstat_coro does: adds to stacks_inuse what has been
 * handed out since (taken back: less than 0), and to stacks_sys what was obtained from the
 * OS for them, guards left out.  Told in the order of things, under the caller's lock,
 * nothing in use ever exceeds what was obtained.  Not from a signal handler.
 */
void mstat_stacks_add(ptrdiff_t inuse_bytes, ptrdiff_t sys_bytes);

enum mstat_stack_kind {
	MSTAT_STACK_SPACE = 0, /* [lo, hi) is address space of stacks: of it nothing is looked at
	                          but stacks */
	MSTAT_STACK = 1,       /* [lo, hi) is one, from `left` on; NULL: code may stand on it at
	                          this moment; hi: it is done with */
	MSTAT_STACK_THREAD = 2 /* the thread whose pthread_self() is `lo` has left its own stack at
	                          `left`, and runs on another */
};

struct mstat_stack {
	enum mstat_stack_kind kind;
	const void *lo;
	const void *hi;
	const void *left;
};

/* How mstat_collect() learns of such stacks. */
struct mstat_stack_source {
	/* Calls tell(&stack, arg) for whatever there is. */
	void (*visit)(void (*tell)(const struct mstat_stack *stack, void *arg), void *arg);
	struct mstat_stack_source *next; /* libmstat's */
};

/*
 * `source` stays where it is for good.  Its visit() is called in a copy of the process in
 * which there is no other thread: it takes no lock, allocates nothing, and must find its
 * way whatever a thread was doing when it was stopped.  Where it tells that a stack was
 * left at an older place, or not at all, while a thread still stands on it, that is seen
 * by the thread's stack pointer.
 */
void mstat_stacks_register(struct mstat_stack_source *source);

/* The library's version, "MAJOR.MINOR.PATCH". */
const char *mstat_version(void);

#ifdef __cplusplus
}
#endif

#endif
