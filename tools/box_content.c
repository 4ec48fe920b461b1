#include "tools/box_content.h"

#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

enum {
	TINY_BYTES = 16,               /* what an object that is combined would take alone */
	FINE_COUNT = TINY_BYTES / 2 - 1 /* classes below that */
};

static void part_read(struct box_content *content, const struct box_image *image,
	enum box_section_kind kind, uint32_t index, void *payload, size_t payload_bytes)
{
	if (box_part_read(image, kind, index, payload, payload_bytes) == PART_DAMAGED)
		content->damaged_parts++;
}

static void slot_read(struct box_content *content, const struct box_image *image,
	struct slot *slot)
{
	struct box_row row;
	uint32_t count = content->class_count, hinted_count = content->all_count - count;

	for (uint32_t class = 1; class < content->all_count; class++) {
		if (class < count)
			part_read(content, image, BOX_SECTION_ROWS, slot->index * count + class,
				&row, sizeof(row));
		else
			part_read(content, image, BOX_SECTION_HINTED_ROWS,
				slot->index * hinted_count + class - count, &row, sizeof(row));
		slot->nmalloc[class] = row.nmalloc;
		slot->live_objects[class] = row.live_objects;
	}
}

/* Of tiny blocks: behind one for each class that a size leads to.  Then come the fine ones. */
static uint32_t tiny_class(const struct box_content *content)
{
	return 2 * content->class_count - 1;
}

/* The row of the same size without a hint; those of less than 16 bytes have the last rows. */
static uint32_t size_row(const struct box_content *content, uint32_t class)
{
	uint32_t tiny = tiny_class(content);

	if (class < content->class_count)
		return class;
	if (class > tiny)
		return content->class_count + class - tiny - 1;
	return class < tiny ? class - content->class_count + 1 : 1;
}

static bool slots_read(struct box_content *content, const struct box_image *image)
{
	uint32_t count = box_part_count(image, BOX_SECTION_THREADS);
	struct box_thread thread;

	if (count > BOX_THREADS_MAX)
		count = BOX_THREADS_MAX;
	for (uint32_t i = 0; i < count; i++) {
		part_read(content, image, BOX_SECTION_THREADS, i, &thread, sizeof(thread));
		if (thread.state == BOX_THREAD_NONE)
			continue;
		struct slot *larger = reallocarray(content->slots, content->slot_count + 1,
			sizeof(*larger));
		if (larger == NULL)
			return false;
		content->slots = larger;
		struct slot *slot = &larger[content->slot_count++];
		memset(slot, 0, sizeof(*slot));
		slot->index = i;
		slot->thread = thread;
		slot_read(content, image, slot);
	}
	return true;
}

bool box_content_read(struct box_content *content, const struct box_image *image,
	const char *path, struct failure *failure)
{
	memset(content, 0, sizeof(*content));
	if (box_part_read(image, BOX_SECTION_IDENTITY, 0, &content->identity,
		    sizeof(content->identity)) != PART_FOUND)
		return failure_set(failure, FAILURE_DAMAGED,
			"the box %s is corrupt: it does not say whose it is", path);
	uint64_t count = content->identity.class_count, hinted_count = content->identity.hinted_count;
	bool has_fine = hinted_count > count;
	if (count > BOX_CLASSES_MAX - FINE_COUNT ||
		(has_fine && (hinted_count != count + FINE_COUNT || count == 0)))
		return failure_set(failure, FAILURE_DAMAGED,
			"the box %s is corrupt: %llu size classes", path,
			(unsigned long long)content->identity.class_count);
	content->class_count = (uint32_t)count;
	content->all_count = (uint32_t)(count + hinted_count);
	part_read(content, image, BOX_SECTION_TOTALS, 0, &content->totals, sizeof(content->totals));
	part_read(content, image, BOX_SECTION_SIGNAL, 0, &content->signal, sizeof(content->signal));
	part_read(content, image, BOX_SECTION_DUMP, 0, &content->dump, sizeof(content->dump));
	part_read(content, image, BOX_SECTION_CGROUP, 0, &content->cgroup, sizeof(content->cgroup));
	part_read(content, image, BOX_SECTION_LIMIT, 0, &content->limit, sizeof(content->limit));
	part_read(content, image, BOX_SECTION_NEAR, 0, &content->near, sizeof(content->near));
	for (uint32_t i = 1; i < content->all_count; i++) {
		part_read(content, image, BOX_SECTION_CLASSES, i, &content->classes[i],
			sizeof(content->classes[i]));
		if (content->classes[i].object_bytes == 0)
			content->classes[i].object_bytes =
				content->identity.class_bytes[size_row(content, i)];
	}
	for (uint32_t i = 0; i < BOX_EVENTS_MAX; i++)
		part_read(content, image, BOX_SECTION_EVENTS, i, &content->events[i],
			sizeof(content->events[i]));
	for (uint32_t i = 0; i < BOX_PEAKS_MAX; i++)
		part_read(content, image, BOX_SECTION_PEAKS, i, &content->peaks[i],
			sizeof(content->peaks[i]));
	if (slots_read(content, image))
		return true;
	box_content_free(content);
	return failure_set(failure, FAILURE_CANNOT, "no memory to read %s", path);
}

const struct box_peak *box_content_last_peak(const struct box_content *content)
{
	const struct box_peak *last = &content->peaks[0];

	for (uint32_t i = 1; i < BOX_PEAKS_MAX; i++)
		if (content->peaks[i].sequence > last->sequence)
			last = &content->peaks[i];
	return last;
}

void box_content_free(struct box_content *content)
{
	free(content->slots);
	content->slots = NULL;
	content->slot_count = 0;
}

static uint64_t less(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

/* What the present thread of a slot did: the slot's sums less those that it
   found.  Sums are unsigned, because a hostile box may make them overflow. */
static void thread_sum(const struct box_content *content, const struct slot *slot,
	struct books_thread *out)
{
	const struct box_thread *thread = &slot->thread;
	uint64_t nmalloc = thread->large_nmalloc, nfree = thread->large_nfree;
	uint64_t allocated = thread->large_alloc_bytes;
	uint64_t alloc = thread->large_alloc_bytes - thread->large_free_bytes;

	*out = (struct books_thread){.tid = thread->tid, .is_live = thread->state == BOX_THREAD_LIVE,
		.stack_address = thread->stack_address, .has_magazines = slot->is_exact};
	for (uint32_t class = 1; class < content->all_count; class++) {
		uint64_t bytes = content->classes[class].object_bytes;
		uint64_t live = (uint64_t)slot->live_objects[class];
		nmalloc += slot->nmalloc[class];
		nfree += slot->nmalloc[class] - live;
		allocated += slot->nmalloc[class] * bytes;
		alloc += live * bytes;
		out->magazine_bytes += slot->held_objects[class] * bytes;
	}
	out->nmalloc = less(nmalloc, thread->base_nmalloc);
	out->nfree = less(nfree, thread->base_nfree);
	out->total_alloc = less(allocated, thread->base_total_alloc);
	out->alloc = (int64_t)(alloc - (uint64_t)thread->base_alloc);
	text_copy(out->name, sizeof(out->name), thread->name, sizeof(thread->name));
}

/* The slot of those that have no cache of their own is of interest only if
   there were any. */
static bool thread_is_shown(const struct books_thread *thread)
{
	return thread->tid != 0 || thread->nmalloc != 0 || thread->nfree != 0;
}

static void class_sum(const struct box_content *content, uint32_t class, bool is_exact,
	struct books_class *out)
{
	const struct box_class *row = &content->classes[class];
	uint64_t live = 0, held = 0;

	*out = (struct books_class){.size_bytes = row->object_bytes, .span_count = row->span_count,
		.span_bytes = row->span_bytes, .sampled_objects = row->sampled_objects,
		.sampled_bytes = row->sampled_bytes};
	for (size_t i = 0; i < content->slot_count; i++) {
		out->nmalloc += content->slots[i].nmalloc[class];
		live += (uint64_t)content->slots[i].live_objects[class];
		held += content->slots[i].held_objects[class];
	}
	/* A sum of moments: what was freed may be seen before what was allocated. */
	out->live_objects = (int64_t)live > 0 ? live : 0;
	out->nfree = less(out->nmalloc, out->live_objects);
	out->magazine_objects = is_exact ? held : less(row->out_objects, out->live_objects);
	out->span_free_objects =
		less(row->span_objects, out->live_objects + out->magazine_objects);
}

/* What is hinted stands in the row of its size. */
static void class_add(struct books_class *to, const struct books_class *part)
{
	to->size_bytes = part->size_bytes;
	to->nmalloc += part->nmalloc;
	to->nfree += part->nfree;
	to->live_objects += part->live_objects;
	to->magazine_objects += part->magazine_objects;
	to->span_free_objects += part->span_free_objects;
	to->span_count += part->span_count;
	to->span_bytes += part->span_bytes;
	to->sampled_objects += part->sampled_objects;
	to->sampled_bytes += part->sampled_bytes;
}

static void classes_sum(const struct box_content *content, bool is_exact, struct books *books)
{
	struct mstat_snapshot *totals = &books->totals;
	struct books_class part;

	for (uint32_t class = 1; class < content->class_count; class++)
		class_sum(content, class, is_exact, &books->classes[class]);
	if (content->class_count > 1)
		totals->combinable_alloc = books_class_live_bytes(&books->classes[1]);
	for (uint32_t class = content->class_count; class < content->all_count; class++) {
		class_sum(content, class, is_exact, &part);
		class_add(&books->classes[size_row(content, class)], &part);
		totals->noscan_alloc += books_class_live_bytes(&part);
		if (class >= tiny_class(content))
			totals->tiny_alloc += books_class_live_bytes(&part);
		if (class > tiny_class(content)) {
			totals->tiny_nmalloc += part.nmalloc;
			totals->tiny_nfree += part.nfree;
		}
	}
}

/* Of classes below 16 bytes. */
static bool fine_is_used(const struct box_content *content, const struct books *books)
{
	const struct books_class *rows = books->classes + content->class_count;
	bool is_used = false;

	for (int i = 0; i < FINE_COUNT; i++)
		is_used = is_used || rows[i].nmalloc != 0 || rows[i].span_count != 0;
	return is_used;
}

static void pages_sum(const struct box_totals *from, struct books *books)
{
	struct mstat_snapshot *to = &books->totals;

	to->heap_sys = from->heap_sys;
	to->heap_inuse = from->heap_inuse;
	to->heap_idle = less(from->heap_sys, from->heap_inuse);
	to->idle_kept_bytes = from->idle_kept_bytes;
	to->heap_released = from->heap_released;
	to->never_used_bytes = from->never_used_bytes;
	to->metadata_bytes = from->metadata_bytes;
	to->stacks_inuse = from->stacks_inuse;
	to->stacks_sys = from->stacks_sys;
	to->sys = from->heap_sys + from->metadata_bytes + from->stacks_sys;
	to->thread_count = from->thread_count;
	to->large_alloc = from->large_bytes;
	books->large_objects = from->large_objects;
	books->has_peak = true;
	books->peak_heap_inuse = from->peak_heap_inuse;
	books->out_of_memory_count = from->out_of_memory_count;
	books->retired_bytes = from->retired_bytes;
	books->check_bytes = from->check_bytes;
	books->heap_address = from->heap_address;
	books->heap_span_bytes = from->heap_span_bytes;
	books->metadata_address = from->metadata_address;
	books->metadata_span_bytes = from->metadata_span_bytes;
}

static void totals_sum(const struct box_content *content, struct books *books)
{
	struct mstat_snapshot *to = &books->totals;

	pages_sum(&content->totals, books);
	for (size_t i = 0; i < content->slot_count; i++) {
		const struct box_thread *thread = &content->slots[i].thread;
		to->large_nmalloc += thread->large_nmalloc;
		to->large_nfree += thread->large_nfree;
		to->total_alloc += thread->large_alloc_bytes;
		to->nlookup += thread->nlookup;
		to->tiny_nmalloc += thread->tiny_nmalloc;
		to->tiny_nfree += thread->tiny_nfree;
	}
	uint64_t tiny_live = less(to->tiny_nmalloc, to->tiny_nfree);
	to->tiny_saved_bytes = less(tiny_live * TINY_BYTES, to->tiny_alloc);
	to->nmalloc = to->large_nmalloc;
	to->nfree = to->large_nfree;
	to->alloc = to->large_alloc;
	to->heap_objects = books->large_objects;
	for (uint32_t class = 1; class < books->class_count; class++) {
		const struct books_class *row = &books->classes[class];
		to->nmalloc += row->nmalloc;
		to->nfree += row->nfree;
		to->total_alloc += row->nmalloc * row->size_bytes;
		to->alloc += books_class_live_bytes(row);
		to->magazine_bytes += row->magazine_objects * row->size_bytes;
		to->span_free_bytes += books_class_free_bytes(row);
		to->heap_objects += row->live_objects + row->magazine_objects;
	}
	to->span_free_bytes += books->retired_bytes;
	for (uint32_t class = 1; class < content->all_count; class++)
		to->span_released_bytes += content->classes[class].released_bytes;
	to->heap_alloc = to->alloc + to->magazine_bytes;
}

/* By their sequence, as they happened. */
static int compare_events(const void *a, const void *b)
{
	const struct books_event *left = a, *right = b;

	return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

/* Whether it is there is known by whoever has read the frames. */
static uint32_t frame_of(uint64_t number)
{
	return number < BOX_FRAMES_MAX ? (uint32_t)number : 0;
}

static void events_copy(const struct box_content *content, struct books *books)
{
	for (uint32_t i = 0; i < BOX_EVENTS_MAX; i++) {
		const struct box_event *from = &content->events[i];
		if (from->sequence == 0)
			continue;
		struct books_event *to = &books->events[books->event_count++];
		to->sequence = from->sequence;
		to->realtime_ns = from->realtime_ns;
		to->tid = from->tid;
		to->kind = from->kind;
		to->allocated_at = frame_of(from->allocated_at);
		to->freed_at = frame_of(from->freed_at);
		text_copy(to->text, sizeof(to->text), from->text, sizeof(from->text));
	}
	qsort(books->events, books->event_count, sizeof(books->events[0]), compare_events);
}

/* Arguments ended by NULs become words parted by blanks, on one line. */
static void command_copy(const struct box_identity *identity, struct books *books)
{
	size_t bytes = sizeof(identity->cmdline);

	if (identity->cmdline_bytes < bytes)
		bytes = (size_t)identity->cmdline_bytes;
	while (bytes > 0 && identity->cmdline[bytes - 1] == '\0')
		bytes--;
	for (size_t i = 0; i < bytes; i++)
		books->command[i] = strchr("\n\t", identity->cmdline[i]) != NULL ? ' ' : identity->cmdline[i];
	books->command[bytes] = '\0';
	text_clean(books->command);
}

/* NULL: not checked; "unknown": of a library that is newer. */
static const char *check_name(uint64_t mode)
{
	static const char *const names[] = {[BOX_CHECK_NONE] = NULL,
		[BOX_CHECK_FULL] = "full",
		[BOX_CHECK_SAMPLE] = "sample",
		[BOX_CHECK_EFENCE] = "efence"};

	return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

static void identity_copy(const struct box_content *content, struct books *books)
{
	const struct box_identity *from = &content->identity;

	books->check = check_name(from->check_mode);
	books->pid = from->pid;
	books->start_realtime_ns = from->start_realtime_ns;
	books->realtime_ns = content->totals.realtime_ns;
	if (books->realtime_ns < content->dump.realtime_ns)
		books->realtime_ns = content->dump.realtime_ns;
	text_copy(books->version, sizeof(books->version), from->library_version,
		sizeof(from->library_version));
	text_copy(books->exe, sizeof(books->exe), from->exe, sizeof(from->exe));
	command_copy(from, books);
}

bool box_content_books(const struct box_content *content, struct books *books)
{
	uint64_t published_threads = 0;
	bool is_exact = true;

	memset(books, 0, sizeof(*books));
	books->threads = calloc(content->slot_count + 1, sizeof(*books->threads));
	if (books->threads == NULL)
		return false;
	identity_copy(content, books);
	for (size_t i = 0; i < content->slot_count; i++) {
		const struct slot *slot = &content->slots[i];
		is_exact = is_exact && slot->is_exact;
		published_threads += slot->index != 0 && slot->thread.state == BOX_THREAD_LIVE;
		thread_sum(content, slot, &books->threads[books->thread_count]);
		books->thread_count += thread_is_shown(&books->threads[books->thread_count]);
	}
	books->hidden_threads = less(content->totals.thread_count, published_threads);
	books->damaged_parts = content->damaged_parts;
	is_exact = is_exact && content->slot_count > 0 && books->hidden_threads == 0;
	books->exactness = is_exact ? BOOKS_EXACT : BOOKS_PUBLISHED;
	classes_sum(content, is_exact, books);
	books->class_count = content->class_count + (fine_is_used(content, books) ? FINE_COUNT : 0);
	totals_sum(content, books);
	events_copy(content, books);
	return true;
}
