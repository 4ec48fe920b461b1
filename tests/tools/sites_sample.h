/*
 * sites_sample.h - call sites made by hand, and symbols that are what the test says.
 *
 * WHY        What the writers of `mstat prof` do must not depend on what a compiler makes of
 *            a program: here each frame has the names that a test gives it.  The program
 *            has the functions of tools/symbols.h itself, and no debugging information
 *            is read.
 */
#ifndef TESTS_TOOLS_SITES_SAMPLE_H
#define TESTS_TOOLS_SITES_SAMPLE_H

#include "tools/prof.h"

enum { MADE_FRAMES_MAX = 131072, MADE_SITES_MAX = 16384 };

/* Empty, of a rate of 512 KiB, with the modules "/usr/bin/prog" and "/usr/lib/libx.so". */
void sites_sample_init(struct sites *sites);
void sites_sample_free(struct sites *sites);

/* A frame called `function`, NULL: not known; its number. */
uint32_t sites_sample_frame(struct sites *sites, uint32_t caller, uint32_t module,
	const char *function);

/* A site of so many bytes alive, and twice as many in total; the error is a tenth. */
struct site *sites_sample_site(struct sites *sites, uint32_t frame, double bytes);

/* The symbols that a frame of that number has, in all sites; kept, not copied. */
extern struct symbol_list sites_sample_symbols[MADE_FRAMES_MAX];
extern enum module_file sites_sample_modules[8];

/* A profile of them: `before` may be NULL. */
void sites_sample_prof(struct prof *prof, const struct sites *before, const struct sites *after);
void sites_sample_prof_free(struct prof *prof);

#endif
