/*
 * tools/intern.h - texts that get numbers: the same text the same, in the order in which
 * they first came.
 *
 * WHY        Stacks repeat a few names thousands of times; numbers compare at once, index
 *            arrays, and are what a profile's string table wants.
 *
 * OWNERSHIP  Texts are copied; intern_free() frees them.
 */
#ifndef TOOLS_INTERN_H
#define TOOLS_INTERN_H

#include <stddef.h>
#include <stdint.h>

#define INTERN_NONE UINT32_MAX

struct intern {
	char **texts;
	size_t count;
	uint32_t *slots;    /* number + 1 by hash; 0: free */
	size_t slot_count;  /* a power of two, more than twice `count` */
};

/* A text's number; INTERN_NONE if there is no memory. */
uint32_t intern_text(struct intern *intern, const char *text);

void intern_free(struct intern *intern);

#endif
