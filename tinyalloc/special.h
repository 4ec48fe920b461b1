/*
 * tinyalloc/special.h - what is tied to an object beside its bytes: finalizers, that it is
 * a sample (heap/sample.h), and the tag that it counts for (profile/tags.h).
 *
 * WHY        Few objects have anything of the kind, and the others must not pay for
 *            it.  A special is a record by the object's place in its span; the first
 *            one of a span turns the span's bytes in the class map to 0, so that each
 *            free there takes the slow path, where specials are looked for; with the
 *            last one they are what they were.
 *
 * INVARIANT  A span's specials are in a list by rising offset, of one kind at most one
 *            an offset (span->special is the first one's number).  Each lies in a live
 *            object: a free takes all within the object, runs their finalizers and then
 *            frees it; realloc takes finalizers along.  A finalizer is taken out of the
 *            list before it runs, so none runs twice.  A sample ends with its object's
 *            size: what realloc makes of it is drawn anew, if it is another object.
 *            A tag ends with realloc in any case: it is by who asked the last.
 *
 * LOCKING    A span's list: the lock of the span (heap/span.h).  Records that are in no
 *            list: a lock of the pool, rank SPECIAL.  Finalizers run with no lock held.
 */
#ifndef TINYALLOC_SPECIAL_H
#define TINYALLOC_SPECIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "heap/span.h"
#include "tinyalloc/tagged.h"

typedef void finalizer_fn(void *ptr, void *arg);

/*
 * At a live object's first byte, or at any byte of an object below 16 bytes that holds
 * no pointers.  0 or an errno: EINVAL where there is no such object, EEXIST where one
 * is set at this very byte, ENOMEM.  On the address of no bytes: 0, and nothing.
 */
int special_set_finalizer(void *ptr, finalizer_fn *finalizer, void *arg);

/* 0, or ENOENT if none is set at this very byte. */
int special_clear_finalizer(void *ptr);

/* Of a sample: whose it is, for how many allocations it stands, what it asked for. */
struct special_sample {
	uint32_t site;
	float weight;
	uint64_t bytes;
};

/* Ties it to an object that the program does not have yet.  home: 1 + the page where it would be
   if it were no sample; 0: where it is.  False: no memory. */
bool special_set_sample(void *object, const struct special_sample *sample, uint32_t home);

/* Called, if it is not NULL, before the object of one is freed or moved (is_there false), and
   where it stayed after all, as it is now; no lock held.  Set before there is one. */
extern void (*special_sample_seen)(const void *object, const struct special_sample *sample,
	bool is_there);

/* Called when the object of one ends, with no lock held.  Set before there is one. */
extern void (*special_sample_ended)(const struct special_sample *sample);

/* The sample that is tied to an object's first byte goes on with another number of bytes. */
extern void (*special_sample_resized)(struct special_sample *sample, uint64_t bytes);

/* An object counts for a tag from now on (tinyalloc/tagged.h), with so many bytes: one that
   the program does not have yet, or has resized. */
enum tagged special_set_tag(void *object, uint32_t tag, uint64_t *bytes);

/* Called when it ends, or has another size, with no lock held.  Set before there is one. */
extern void (*special_tag_ended)(uint32_t tag, uint64_t bytes);

/* Whether a finalizer is tied to these bytes of a span; its lock held, or in a copy. */
bool special_is_tied(const struct span *span, size_t offset, size_t bytes);

/* In a copy: calls `visit` for each finalizer's argument, and for the sample whose object begins at
   these bytes of a span; NULL if there is none. */
void special_visit_arguments(const struct span *span, void (*visit)(void *arg));
const struct special_sample *special_sample_at(const struct span *span, size_t offset);

/* In a copy: all samples of a span. */
typedef void special_sample_visitor(const struct span *span, const struct special_sample *sample,
	uint32_t home);
void special_visit_samples(const struct span *span, special_sample_visitor *visit);

/* Specials taken off an object, which nobody else knows. */
struct special_chain {
	uint32_t first;
	uint32_t tag;       /* 0: it counts for none; not of the chain, but taken off with it */
	uint64_t tag_bytes;
	char *object;
};

static inline bool special_chain_is_empty(const struct special_chain *chain)
{
	return chain->first == 0 && chain->tag == 0;
}

/* Of [object, object + bytes). */
struct special_chain special_take(struct span *span, void *object, size_t bytes);

/* Ends those from `from_byte` of the object on: runs finalizers, tells of samples. */
void special_run(struct special_chain *chain, size_t from_byte);

/* The object is about to be changed in size: who watches its sample no longer sees it at its
   address. */
void special_unsee(const struct special_chain *chain);

/* Ends its tag, if it has one; or ties it to a live object. */
void special_end_tag(struct special_chain *chain);
void special_tie_tag(struct special_chain *chain, void *object);

/* The object has another size now, or not, where that failed: its sample, if it is one, ends; or, where it stayed as
   it is, goes on with so many bytes. */
void special_resize(struct special_chain *chain, bool is_same, size_t bytes);
void special_resize_failed(const struct special_chain *chain);

/* Ties them, but for a tag, to another live object, at the same bytes of it. */
void special_tie(const struct special_chain *chain, void *object);

/* Around a fork, within heap_fork_*(); recover: of a child that no handler prepared. */
void special_fork_prepare(void) UNCHECKED_LOCKING;
void special_fork_end(void) UNCHECKED_LOCKING;
void special_fork_recover(void);

/* Compares the invariant above; fatal if it does not hold.  Only while no other thread
   uses the heap. */
void special_audit(const struct span *span);

#endif
