/*
 * preload/new.h - operator new and delete, as the rest of the library knows them.
 */
#ifndef PRELOAD_NEW_H
#define PRELOAD_NEW_H

/* Finds out whether the program has operators of its own.  Until then it may. */
void new_init(void);

#endif
