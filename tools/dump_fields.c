#include "tools/dump_fields.h"
#include "stats/fields.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS_MOST = 1 << 20 };

void dump_field_total(struct books *books, const char *name, uint64_t value)
{
	for (const struct stats_field *field = stats_fields; field->name != NULL; field++)
		if (strcmp(field->name, name) == 0)
			stats_field_write(&books->totals, field, value);
}

void dump_field_class(struct books_class *row, const char *name, uint64_t value)
{
	const struct {
		const char *name;
		uint64_t *place;
	} fields[] = {{"size_bytes", &row->size_bytes}, {"nmalloc", &row->nmalloc},
		{"nfree", &row->nfree}, {"live_objects", &row->live_objects},
		{"magazine_objects", &row->magazine_objects},
		{"span_free_objects", &row->span_free_objects}, {"span_count", &row->span_count},
		{"span_bytes", &row->span_bytes}, {"sampled_objects", &row->sampled_objects},
		{"sampled_bytes", &row->sampled_bytes}};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			*fields[i].place = value;
}

void dump_field_thread(struct books_thread *thread, const char *name, int64_t value)
{
	const struct {
		const char *name;
		uint64_t *place;
	} fields[] = {{"total_alloc", &thread->total_alloc}, {"nmalloc", &thread->nmalloc},
		{"nfree", &thread->nfree}, {"magazine_bytes", &thread->magazine_bytes}};

	if (strcmp(name, "tid") == 0)
		thread->tid = value;
	else if (strcmp(name, "alloc") == 0)
		thread->alloc = value;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			*fields[i].place = (uint64_t)value;
}

struct books_class *dump_add_class(struct books *books)
{
	if (books->class_count == BOX_CLASSES_MAX)
		return NULL;
	return &books->classes[books->class_count++];
}

struct books_thread *dump_add_thread(struct books *books)
{
	size_t count = books->thread_count;

	/* Room doubles: at each power of two there is none left. */
	if ((count & (count - 1)) == 0) {
		size_t room = count == 0 ? 1 : 2 * count;
		struct books_thread *larger = room <= THREADS_MOST
			? reallocarray(books->threads, room, sizeof(*larger))
			: NULL;
		if (larger == NULL)
			return NULL;
		books->threads = larger;
	}
	books->threads[count] = (struct books_thread){.has_magazines = true};
	books->thread_count++;
	return &books->threads[count];
}
