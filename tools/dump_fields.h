/*
 * tools/dump_fields.h - which number of a dump belongs where.
 *
 * WHY        The text and the JSON form have the same names; this is the one
 *            place that knows them.
 */
#ifndef TOOLS_DUMP_FIELDS_H
#define TOOLS_DUMP_FIELDS_H

#include "tools/books.h"

/* Each sets one number by its name; an unknown name is skipped. */
void dump_field_total(struct books *books, const char *name, uint64_t value);
void dump_field_class(struct books_class *row, const char *name, uint64_t value);
void dump_field_thread(struct books_thread *thread, const char *name, int64_t value);

/* A new row; NULL if the dump has more than any process has, or no memory. */
struct books_class *dump_add_class(struct books *books);
struct books_thread *dump_add_thread(struct books *books);

#endif
