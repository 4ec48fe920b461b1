/*
 * preload/redirect.h - what the rest of preload/ knows of redirect.c.
 */
#ifndef PRELOAD_REDIRECT_H
#define PRELOAD_REDIRECT_H

/* In any child: who was at it may be no more.  It is begun anew. */
void redirect_forget(void);

#endif
