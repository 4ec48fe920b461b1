/*
 * tools/texts.h - names out of files, each kept once, clean.
 *
 * WHY        A file of an enemy may have one name of a megabyte for every address: what
 *            is equal is kept once, and none is longer than a person would read.
 *
 * OWNERSHIP  A text lives until texts_free().
 */
#ifndef TOOLS_TEXTS_H
#define TOOLS_TEXTS_H

/* Templates do fill some KiB. */
enum { TEXT_MOST_BYTES = 8192 };

struct texts {
	void *tree; /* as tsearch(3) has it */
};

/* The text, cleaned by text_clean() and cut.  NULL of NULL, and if there is no memory. */
const char *texts_keep(struct texts *texts, const char *text);

void texts_free(struct texts *texts);

#endif
