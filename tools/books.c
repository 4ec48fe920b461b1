#include "tools/books.h"

#include <stdlib.h>
#include <string.h>

const struct books_field books_fields[] = {
	{"alloc", offsetof(struct mstat_snapshot, alloc), true},
	{"total_alloc", offsetof(struct mstat_snapshot, total_alloc), true},
	{"sys", offsetof(struct mstat_snapshot, sys), true},
	{"nlookup", offsetof(struct mstat_snapshot, nlookup), false},
	{"nmalloc", offsetof(struct mstat_snapshot, nmalloc), false},
	{"nfree", offsetof(struct mstat_snapshot, nfree), false},
	{"heap_alloc", offsetof(struct mstat_snapshot, heap_alloc), true},
	{"heap_sys", offsetof(struct mstat_snapshot, heap_sys), true},
	{"heap_idle", offsetof(struct mstat_snapshot, heap_idle), true},
	{"heap_inuse", offsetof(struct mstat_snapshot, heap_inuse), true},
	{"heap_released", offsetof(struct mstat_snapshot, heap_released), true},
	{"heap_objects", offsetof(struct mstat_snapshot, heap_objects), false},
	{"stacks_inuse", offsetof(struct mstat_snapshot, stacks_inuse), true},
	{"stacks_sys", offsetof(struct mstat_snapshot, stacks_sys), true},
	{"magazine_bytes", offsetof(struct mstat_snapshot, magazine_bytes), true},
	{"span_free_bytes", offsetof(struct mstat_snapshot, span_free_bytes), true},
	{"idle_kept_bytes", offsetof(struct mstat_snapshot, idle_kept_bytes), true},
	{"never_used_bytes", offsetof(struct mstat_snapshot, never_used_bytes), true},
	{"metadata_bytes", offsetof(struct mstat_snapshot, metadata_bytes), true},
	{"thread_count", offsetof(struct mstat_snapshot, thread_count), false},
	{"large_nmalloc", offsetof(struct mstat_snapshot, large_nmalloc), false},
	{"large_nfree", offsetof(struct mstat_snapshot, large_nfree), false},
	{"large_alloc", offsetof(struct mstat_snapshot, large_alloc), true},
	{NULL, 0, false}};

uint64_t books_field_read(const struct books *books, const struct books_field *field)
{
	uint64_t value;

	memcpy(&value, (const char *)&books->totals + field->offset, sizeof(value));
	return value;
}

void books_field_write(struct books *books, const struct books_field *field, uint64_t value)
{
	memcpy((char *)&books->totals + field->offset, &value, sizeof(value));
}

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
	return row->span_count * row->span_bytes;
}

uint64_t books_class_free_bytes(const struct books_class *row)
{
	uint64_t out = (row->live_objects + row->magazine_objects) * row->size_bytes;
	uint64_t spans = books_class_span_bytes(row);

	return spans > out ? spans - out : 0;
}

void books_free(struct books *books)
{
	free(books->threads);
	books->threads = NULL;
	books->thread_count = 0;
}
