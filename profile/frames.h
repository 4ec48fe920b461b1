/*
 * profile/frames.h - who called whom, each caller kept once.
 *
 * WHY        Stacks share most of their callers: as a tree from the outermost inwards each
 *            costs what is new in it, in memory, in the box and to find it again.
 *
 * INVARIANT  A frame is written once and never changes; its caller has a lower number.  One
 *            whose object is gone is not found again: the address means another function.
 *
 * LOCKING    sites_lock (profile/sites.h).
 */
#ifndef PROFILE_FRAMES_H
#define PROFILE_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/backtrace.h"
#include "profile/loaded.h"
#include "stats/box_layout.h"

/* The frame of a stack less its `skipped` innermost callers, around which is the scope of a
   tag, or 0; that if none is left.  Where there is no room for one, its caller. */
uint32_t frames_intern(const struct backtrace *trace, uint32_t skipped, uint32_t scope);

/* The frame that goes on at pc, called by one that is there, or by nobody; 0: no room.  Of
   one stack after frames_begin(); false if there is no memory. */
bool frames_begin(void);
uint32_t frames_under(uint32_t caller, uintptr_t pc);

/* The same of a tag's scope, within another or none; may_add: if it is not there yet. */
uint32_t frames_of_tag(uint32_t around, uint64_t address, bool may_add, bool *is_new);

/* 1 and up are below it. */
uint32_t frames_count(void);

const struct box_frame *frames_at(uint32_t number);

static inline bool frame_is_tag(const struct box_frame *frame)
{
	return box_place_is_tag(frame->place);
}

/* Where it goes on, and the object that is in; LOADED_NONE, and of a tag. */
static inline uint64_t frame_address(const struct box_frame *frame)
{
	return frame->place & (((uint64_t)1 << BOX_FRAME_ADDRESS_BITS) - 1);
}

static inline uint32_t frame_module(const struct box_frame *frame)
{
	return frame_is_tag(frame) ? LOADED_NONE
				   : (uint32_t)(frame->place >> BOX_FRAME_ADDRESS_BITS) - 1;
}

/* A number that whoever has the lock keeps for a frame, frame 0 too; 0 at first. */
uint32_t *frames_mark(uint32_t number);

/* All of them once more, for a box that is new. */
void frames_publish(void);

#endif
