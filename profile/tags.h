/*
 * profile/tags.h - what the program calls the work that it allocates for.
 *
 * WHY        A call site says where memory was asked for, a tag for what: of a parser and of
 *            a cache that call the same functions each has its own sites, and its own sum.
 *
 * SAMPLES    A tag is a frame around all of a scope's callees: a thread in a scope begins
 *            each stack that it is looked at with the scope's frame (tags_frame), instead of
 *            nobody.  That is all: sites, profiles and leaks are by tags without knowing.
 *
 * ALL        In a scope of which all is counted no allocation takes the fast path
 *            (cache_tell()), and each object has its tag tied to it (tinyalloc/tagged.h)
 *            until it is freed, by whoever it is, or resized.
 *
 * EQUATION   live == allocated - freed, of objects and of bytes.  Whoever counts publishes
 *            what the sum is then, and again if it is another by then, so that the last word
 *            in the box is right when all are at rest.
 *
 * BOUNDS     A thread's state is one number, its innermost scope's frame, which leads to the
 *            scopes around it: a thread that ends in scopes leaves nothing behind.  Scopes
 *            that were never left at all cannot fill the table of frames.
 *
 * LOCKING    Names: sites_lock (profile/sites.h).  Counters are atomic.
 */
#ifndef PROFILE_TAGS_H
#define PROFILE_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "stats/box_layout.h"

enum {
	TAGS_DEPTH_MOST = 64,
	TAGS_FRAMES_MOST = 8192 /* of scopes within scopes; a sixteenth of all frames */
};

/* The calling thread's innermost scope; 0: it is in none. */
extern HIDDEN THREAD_LOCAL uint32_t tags_frame;

/* are_all: of every scope all is counted. */
void tags_init(bool are_all);

/* 0 or an errno: EINVAL for a name that is none, ENOSPC where there are too many names, or
   scopes around each other, ENOMEM, EBUSY in a handler that interrupted one who allocates:
   then the thread stays in the scope that it is in. */
int tags_push(const char *name, bool is_all);

/* 0, or EINVAL: it is in none. */
int tags_pop(void);

/* All of them once more, for a box that is new; sites_lock held. */
void tags_publish(void);

uint32_t tags_count(void);
const struct box_tag *tags_at(uint32_t number);

#endif
