/*
 * profile/fragments.h - which objects keep memory from being given back, of which others are gone.
 *
 * WHY        A span goes back when its last object is freed, and a page of it when none lives
 *            there.  Where one object in fifty is kept all of the others' memory stays; the profile
 *            shows the kept one's bytes alone.
 *
 * EQUATION   An object of a span with n living ones and F free bytes in pages that are in
 *            memory pins F / n of them: over all objects that is all that is pinned.  In a checked
 *            process the sum over a site's objects is taken.  Else a sample of weight w stands for w
 *            objects, and knows in which span it would be (heap/sample.h: home), where its
 *            neighbours are: its site's share of what a class pins is that of the sum of its
 *            w F / n in the sum of all.  What each class pins is exact; whose it is is an estimate.
 *
 * LIMITS     A span that had no other object goes back, though the sample would have kept it: it
 *            counts as if it were there.  Where another of the class has come in its stead, that
 *            one's neighbours are taken for its own.
 *
 * PLACE      In a copy of the process, as profile/reach.h.
 */
#ifndef PROFILE_FRAGMENTS_H
#define PROFILE_FRAGMENTS_H

#include "stats/survey_layout.h"

/* What the header says of it, and rows in memory of the copy.  0, or an errno. */
int fragments_find(struct survey_header *header, const struct survey_fragment **rows);

#endif
