/*
 * preload/api.h - what mstat_alloc() is to do where the program's malloc is not ours.
 *
 * WHY        What it returns goes to free(), the program's (preload/malloc.h).
 */
#ifndef PRELOAD_API_H
#define PRELOAD_API_H

/* Once, at start. */
void api_go_by_malloc(void);

#endif
