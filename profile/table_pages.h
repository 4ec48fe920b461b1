/*
 * profile/table_pages.h - the pages of unwind tables, made resident one by one.
 *
 * WHY        A page of a file that is read for the first time brings its neighbours with it,
 *            64 KiB in all (the kernel's fault-around).  Unwind tables are a tenth of a
 *            program's code and are read here and there: a compiler's of 20 MiB would be
 *            resident nearly as a whole after some thousand samples, a small program's
 *            share of libc's would be more than its heap.
 *
 * HOW        For the moment of the fault the page is a mapping of its own: madvise(2) splits
 *            it off and merges it again.  The neighbours are looked for within a mapping.
 *
 * LOCKING    None: what two threads, or a handler, write at once is a page touched twice.
 */
#ifndef PROFILE_TABLE_PAGES_H
#define PROFILE_TABLE_PAGES_H

/* Before bytes of a table are read; a page that was touched before costs a look. */
void table_page_touch(const unsigned char *at);

#endif
