/*
 * stats/box.h - making, writing and removing this process's box.
 *
 * WHY        The layout is for readers (stats/box_layout.h); this is the
 *            writer's side: where the file stands, which of a part's two
 *            copies is next, and what becomes of the file in fork, exec, exit.
 *
 * INVARIANT  Nothing in the file is ever read: which copy is the older
 *            follows from a generation that the caller keeps in private
 *            memory.  Without a file every write is a no-op and the books go on.
 *            Every page that is written was allocated before, so that a full
 *            tmpfs is a refusal at the start and not a SIGBUS later.
 *
 * OWNERSHIP  The process that made a file, by pid, removes it.  A forked child
 *            leaves its parent's at once and may make its own.
 *
 * LOCKING    box_write: the lock or thread that owns the part.  The rest: one
 *            thread at a time, at start, in a fork's child, at exit.
 */
#ifndef STATS_BOX_H
#define STATS_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "stats/box_layout.h"

/* Makes the file below `dir`, "" for the usual places.  False if it may not
   be; errno says why. */
bool box_create(const char *dir);

/* The word that says where the file is mapped; NULL: there is none. */
extern HIDDEN char **box_memory;

static inline bool box_exists(void)
{
	return word_load(box_memory) != NULL;
}

/* From now on it stands there, in memory that the kernel wipes in any child. */
void box_memory_move(char **word);

/* The file's folder and path; "" without a file. */
const char *box_folder(void);
const char *box_path(void);

/* This process: by box_identify(); class_count and where a reader finds a
   cache's words, by the heap, before the file is made. */
struct box_identity *box_identity(void);

/* With the arguments of main before it runs, and nothing is read of /proc; later
   argc is 0. */
void box_identify(int argc, char **argv);

/* Which boot this is, for a file that outlives it. */
void box_identify_boot(void);

/* When the process began, in clock ticks since the boot; 0 if /proc does not say. */
uint64_t box_start_ticks(void);

/* Writes a part; *generation goes up. */
void box_write(enum box_section_kind kind, uint32_t index, const void *payload,
	uint64_t *generation);

/* The same, of the kinds that are written the most. */
void box_write_class(uint32_t class, const struct box_class *payload, uint64_t *generation);
void box_write_row(uint32_t index, const struct box_row *payload, uint64_t *generation);
void box_write_hinted_row(uint32_t index, const struct box_row *payload, uint64_t *generation);

/* A frame, which is written once: whoever reads of it later reads it whole. */
void box_write_frame(uint32_t number, const struct box_frame *frame);

/* A word of a tag, by its offset; the check the last.  By any thread. */
void box_write_tag_word(uint32_t number, size_t offset, uint64_t value);

/* Makes sure that a thread's slot can be written.  False: there is no room. */
bool box_slot_prepare(uint32_t slot);

/* In a child: the file is the parent's, and is not mapped here.  Whom a handler that forks
   interrupted while he wrote goes on, and writes for nobody. */
void box_leave(void);

/* Whether this is such a child, as /proc says: one that shares its parent's memory has
   the file where it was. */
bool box_is_left_behind(void);

/* At the end of this process. */
void box_remove(void);

/* Adds to the log of what went wrong. */
void box_log(enum box_event_kind kind, const char *text);

/* The same of an object: the frames that it was allocated at, and freed. */
void box_log_object(enum box_event_kind kind, const char *text, uint32_t allocated_at,
	uint32_t freed_at);

#endif
