#include "tools/resident.h"

#include <string.h>

static bool is_within(uint64_t address, uint64_t start, uint64_t bytes)
{
	return address >= start && address - start < bytes;
}

/* A mapping belongs to the heap if it begins there: the last one may have grown
   since the box was read.  What nobody may touch is a gap, not memory, but for what was freed
   in a checked process. */
static bool is_heap(const struct mapping *mapping, const struct books *books)
{
	bool is_pages = is_within(mapping->start, books->heap_address, books->heap_span_bytes);
	bool is_touched = mapping->permissions[0] == 'r' || (books->check != NULL && is_pages);

	return is_touched && mapping->permissions[3] == 'p' &&
		(is_pages || is_within(mapping->start, books->metadata_address,
				     books->metadata_span_bytes));
}

static bool is_stack(const struct mapping *mapping, const struct books *books)
{
	if (strcmp(mapping->path, "[stack]") == 0)
		return true;
	for (size_t i = 0; i < books->thread_count; i++)
		if (books->threads[i].is_live &&
			is_within(books->threads[i].stack_address, mapping->start,
				mapping->end - mapping->start))
			return true;
	return false;
}

/* A library's zeroed data is anonymous and follows its file without a gap. */
static bool continues_file(const struct mappings *mappings, size_t index)
{
	const struct mapping *list = mappings->list;

	return index > 0 && list[index - 1].end == list[index].start &&
		list[index - 1].inode != 0 && list[index - 1].permissions[3] == 'p';
}

static uint64_t *place_of(const struct mappings *mappings, size_t index,
	const struct books *books, struct resident *resident)
{
	const struct mapping *mapping = &mappings->list[index];

	if (is_heap(mapping, books)) {
		resident->heap_mapped_bytes += mapping->end - mapping->start;
		resident->heap_swap_bytes += mapping->swap_bytes;
		return &resident->heap_bytes;
	}
	if (mapping == mappings_find_box(mappings))
		return &resident->box_bytes;
	if (is_stack(mapping, books))
		return &resident->stack_bytes;
	if (strcmp(mapping->path, "[heap]") == 0)
		return &resident->brk_bytes;
	if (mapping->permissions[3] == 's')
		return &resident->shared_bytes;
	if (mapping->inode != 0 || strncmp(mapping->path, "[v", 2) == 0 ||
		(mapping->path[0] == '\0' && continues_file(mappings, index)))
		return &resident->program_bytes;
	return &resident->anonymous_bytes;
}

void resident_sum(const struct mappings *mappings, const struct books *books,
	struct resident *resident)
{
	*resident = (struct resident){0};
	for (size_t i = 0; i < mappings->count; i++) {
		const struct mapping *mapping = &mappings->list[i];
		*place_of(mappings, i, books, resident) += mapping->rss_bytes;
		resident->rss_bytes += mapping->rss_bytes;
		resident->swap_bytes += mapping->swap_bytes;
	}
}

bool resident_read(pid_t pid, const struct books *books, struct resident *resident)
{
	struct mappings mappings;

	if (!mappings_read(pid, true, &mappings))
		return false;
	uint64_t rss_bytes = mappings_rss(pid);
	resident_sum(&mappings, books, resident);
	if (rss_bytes != 0)
		resident->rss_bytes = rss_bytes;
	mappings_free(&mappings);
	return true;
}
