/*
 * heap/collectable.h - objects that the program never frees itself.
 *
 * WHY        Whoever looks for such that cannot be reached any more must find them
 *            all, and must not take another object for one.  They have spans of their
 *            own (heap/apart.h): what is handed out there is collectable, and nothing
 *            else is.  A large one is its span's only object.
 *
 * LOCKING    The class's lock; of large ones the page heap's.
 */
#ifndef HEAP_COLLECTABLE_H
#define HEAP_COLLECTABLE_H

#include <stddef.h>
#include <stdint.h>

/* An object of a family (heap/size_class.h), zeroed.  NULL with ENOMEM. */
void *collectable_alloc(size_t bytes, uint32_t family);

/* The same of one small class. */
void *collectable_alloc_class(uint32_t class, size_t bytes);

#endif
