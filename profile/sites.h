/*
 * profile/sites.h - call sites: who asked for the memory that is alive, and for all that
 * ever was, estimated from samples (heap/sample.h).
 *
 * WHY        A sample costs a look at its callers once; from then on its site's sums are
 *            changed when it comes and when it ends, and are in the box at once: whoever
 *            reads it, now or when the process was killed, has the answer there.
 *
 * EQUATION   A sample of weight w that asked for b bytes adds w objects and w b bytes to its
 *            site, and takes away as much when it ends: what is left is an unbiased estimate
 *            of what is alive.  Its variance is the sum of w (w - 1), of bytes times b^2.
 *
 * PEAKS      What was alive at the heap's last peaks is kept when a site's sums change for
 *            the first time after each: nobody looks at all sites at once.
 *
 * LOCKING    sites_lock, rank SITES, taken with no other held; under it a stack is looked
 *            at, so that there need be no room for one on a stack that may be small.  A
 *            handler's thread that has any lock takes no sample.
 */
#ifndef PROFILE_SITES_H
#define PROFILE_SITES_H

#include <stdint.h>

#include "base/lock.h"

struct box_site;

extern struct lock sites_lock;

/* Samples are told from now on.  `own_pc` is an address in the object whose frames are
   passed over, this library's; 0: none are.  `start` is libc's function that main() returns
   to, or into its neighbour; 0: not known. */
void sites_init(uintptr_t own_pc, uintptr_t start);

/* All of it once more, for a box that is new. */
void sites_publish(void);

/* How many frames there are, for whoever reads the box. */
void sites_publish_counts(void);

/* Sites are numbered from 0; without the lock they may be changing. */
uint32_t sites_count(void);
const struct box_site *sites_at(uint32_t number);

/* Of a sample; 0: it has none. */
uint32_t sites_frame(uint32_t number);

/* Around a fork, within special_fork_*(); recover: of a child that no handler prepared. */
void sites_fork_prepare(void) UNCHECKED_LOCKING;
void sites_fork_end(void) UNCHECKED_LOCKING;
void sites_fork_recover(void);

#endif
