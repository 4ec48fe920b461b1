/*
 * heap/sample.h - which allocations are looked at, so that it is known who holds memory.
 *
 * WHY        Each byte that is asked for is as likely to be a sample's first as the next.
 *            The countdown that counts a class's mallocs (heap/cache.h) ends at its next
 *            sample, too: those that are none pay nothing for it.  A sample lies in a span
 *            that is apart, so that its free, and no other one's, takes the slow path.
 *
 * EQUATION   At a rate of r bytes an object of b bytes is a sample with the chance
 *                p = 1 - exp(-b / r),
 *            independent of all others, and stands for 1 / p objects.  The number of
 *            objects of a class up to the next one is geometric: 1 + floor(E r / b), with E
 *            exponential of mean 1 (base/exponential.h), which is the bytes up to it,
 *            cut into objects.  Of a distance nothing is forgotten by drawing it anew,
 *            from where it was looked at.
 *
 * RATE       One for the process; while samples come too fast for the clock, twice as much,
 *            and again: what they cost is a share of the time, whatever the program does
 *            and in however many threads.  Each sample says what it stands for.
 *
 * NOT HERE   Objects of spans that are apart already, of blocks that combine tiny ones,
 *            of threads at their end.  A large object of another size is another object:
 *            who counts samples ends the one that it was.
 */
#ifndef HEAP_SAMPLE_H
#define HEAP_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/cache.h"

/* One that was taken; handed to heap_hooks.sampled, by the thread that allocates, with no
   lock held, before the program has it. */
struct sample {
	void *object;
	size_t bytes;       /* asked for */
	size_t usable_bytes;
	double weight;      /* how many allocations it stands for */
	const void *home;   /* an object of its class in whose place it would be; NULL: it is its own */
};

/* After more in a window of some milliseconds fewer are taken. */
extern HIDDEN uint32_t sample_window_most;

/* From now on; 0: none are taken.  Threads follow at their next slow path. */
void sample_set_rate(uint64_t bytes);

uint64_t sample_rate(void);

/* The countdown of a class has ended: the weight of the last malloc, if it is a sample,
   whose object is to be changed for one by sample_take(); 0 if not. */
double sample_due(struct cache *cache, uint32_t class);

/* So many mallocs to the class's next sample, `most` at most. */
uint32_t sample_countdown(struct cache *cache, uint32_t class, uint32_t most);

/* A sample instead of an object that malloc has popped and counted, which goes back; of a
   class whose spans hold several.
   `object` itself if there is no memory for one. */
void *sample_take(struct cache *cache, uint32_t class, void *object);

/* Of one that was changed again, for another object: it goes back as if malloc had never
   popped it.  No lock held. */
void sample_undo(void *object, uint32_t class);

/* The same of a large object, which stays where it is. */
double sample_large_due(struct cache *cache, size_t bytes);

/* Tells the hook; no lock held. */
void sample_tell(const struct sample *sample);

#endif
