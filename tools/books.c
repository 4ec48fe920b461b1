#include "tools/books.h"

#include <stdlib.h>
#include <string.h>

uint64_t books_rounding_bytes(const struct books *books, uint64_t *sampled)
{
	double bytes = 0;

	*sampled = 0;
	for (uint32_t i = 1; i < books->class_count; i++) {
		const struct books_class *row = &books->classes[i];
		double room = (double)row->sampled_objects * (double)row->size_bytes;
		if (room == 0 || (double)row->sampled_bytes > room)
			continue;
		*sampled += row->sampled_objects;
		bytes += (double)books_class_live_bytes(row) * (1 - (double)row->sampled_bytes / room);
	}
	return bytes < 1e18 ? (uint64_t)bytes : 0;
}

uint64_t books_class_live_bytes(const struct books_class *row)
{
	return row->live_objects * row->size_bytes;
}

uint64_t books_class_span_bytes(const struct books_class *row)
{
	return row->span_bytes;
}

uint64_t books_class_free_bytes(const struct books_class *row)
{
	uint64_t out = (row->live_objects + row->magazine_objects) * row->size_bytes;
	uint64_t spans = books_class_span_bytes(row);

	return spans > out ? spans - out : 0;
}

static int compare_threads(const void *a, const void *b)
{
	const struct books_thread *left = *(const struct books_thread *const *)a;
	const struct books_thread *right = *(const struct books_thread *const *)b;

	if (left->is_live != right->is_live)
		return left->is_live ? -1 : 1;
	return (left->alloc < right->alloc) - (left->alloc > right->alloc);
}

const struct books_thread **books_threads_by_bytes(const struct books *books)
{
	const struct books_thread **rows =
		calloc(books->thread_count + 1, sizeof(const struct books_thread *));

	if (rows == NULL)
		return NULL;
	for (size_t i = 0; i < books->thread_count; i++)
		rows[i] = &books->threads[i];
	qsort(rows, books->thread_count, sizeof(const struct books_thread *), compare_threads);
	return rows;
}

const char *books_event_word(const struct books_event *event)
{
	if (event->kind == BOX_EVENT_FATAL)
		return "fatal";
	if (event->kind == BOX_EVENT_NEAR_LIMIT)
		return "near_limit";
	return event->kind == BOX_EVENT_CHECK ? "check" : "refused";
}

void books_free(struct books *books)
{
	free(books->threads);
	books->threads = NULL;
	books->thread_count = 0;
}
