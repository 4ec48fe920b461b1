#include "tinyalloc/special.h"

#include <errno.h>

#include "base/bits.h"
#include "base/fatal.h"
#include "heap/central.h"
#include "heap/page_heap.h"
#include "heap/slowpath.h"
#include "heap/walk.h"
#include "tinyalloc/object.h"
#include "tinyalloc/special_pool.h"
#include "tinyalloc/tiny.h"

void (*special_sample_seen)(const void *object, const struct special_sample *sample,
	bool is_there);
void (*special_sample_ended)(const struct special_sample *sample);
void (*special_sample_resized)(struct special_sample *sample, uint64_t bytes);
void (*special_tag_ended)(uint32_t tag, uint64_t bytes);

/* The object that an address lies in. */
struct target {
	struct span *span;
	uint32_t class; /* 0: a large object */
	char *object;
};

static void span_lock(uint32_t class) UNCHECKED_LOCKING
{
	if (class != 0)
		central_lock(class);
	else
		lock_acquire(&page_heap_lock);
}

static void span_unlock(uint32_t class) UNCHECKED_LOCKING
{
	if (class != 0)
		central_unlock(class);
	else
		lock_release(&page_heap_lock);
}

/* The span's class is another's if it has gone meanwhile: no live object was there. */
static uint32_t class_of(const struct span *span)
{
	return span->kind == SPAN_SMALL ? span->class : 0;
}

static bool target_find(struct target *target, void *ptr)
{
	size_t bytes;
	void *object;

	target->span = span_containing(ptr);
	if (target->span == NULL || !object_find(target->span, ptr, &object, &bytes))
		return false;
	target->class = class_of(target->span);
	target->object = object;
	/* An inner byte will do where the object has no place for a pointer. */
	return object == ptr || target->class >= SIZE_CLASS_TINY ||
		((!tiny_is_on() || size_class_has_fine) && bytes == TINY_BLOCK_BYTES && target->class >= SIZED_CLASS_COUNT);
}

/* The span's lock held. */
static bool target_is_live(const struct target *target)
{
	const struct span *span = target->span;

	if (target->class == 0)
		return span->kind == SPAN_LARGE && span_object(span) == target->object;
	if (span->kind != SPAN_SMALL || span->class != target->class)
		return false;
	return target->class == SIZE_CLASS_TINY ? tiny_is_live(target->object)
						: walk_is_live(span, target->object);
}

/* Behind the record that is the span's. */
static uint32_t *link_first(struct span *span)
{
	uint32_t *link = &span->special;

	return *link != 0 && special_at(*link)->kind == SPECIAL_TAGGED ? &special_at(*link)->next : link;
}

/* The link behind which an offset belongs, before all that is there. */
static uint32_t *link_of(struct span *span, uint64_t offset)
{
	uint32_t *link = link_first(span);

	while (*link != 0 && special_at(*link)->offset < offset)
		link = &special_at(*link)->next;
	return link;
}

/* The same of a kind. */
static uint32_t *link_of_kind(struct span *span, uint64_t offset, uint32_t kind)
{
	uint32_t *link = link_of(span, offset);

	while (*link != 0 && special_at(*link)->offset == offset && special_at(*link)->kind < kind)
		link = &special_at(*link)->next;
	return link;
}

static bool is_there(uint32_t number, uint64_t offset, uint32_t kind)
{
	return number != 0 && special_at(number)->offset == offset && special_at(number)->kind == kind;
}

/* The first came, or the last went. */
static void span_tell(struct span *span)
{
	if (span->kind == SPAN_SMALL && span->use == SPAN_ORDINARY)
		span_map(span);
}

static void special_insert(struct span *span, uint32_t number)
{
	const struct special *special = special_at(number);
	uint32_t *link = link_of_kind(span, special->offset, special->kind);

	bool is_first = span->special == 0;
	special_at(number)->next = *link;
	word_store(link, number);
	if (is_first)
		span_tell(span);
}

static int insert_checked(const struct target *target, uint32_t number)
{
	const struct special *special = special_at(number);

	if (!target_is_live(target))
		return EINVAL;
	if (is_there(*link_of_kind(target->span, special->offset, special->kind), special->offset,
		    special->kind))
		return EEXIST;
	special_insert(target->span, number);
	return 0;
}

int special_set_finalizer(void *ptr, finalizer_fn *finalizer, void *arg)
{
	struct target target;

	if (ptr == object_of_no_bytes && finalizer != NULL)
		return 0; /* one address stands for many */
	heap_process_look();
	if (finalizer == NULL || !target_find(&target, ptr))
		return EINVAL;
	uint32_t number = special_new();
	if (number == 0)
		return ENOMEM;
	*special_at(number) = (struct special){.kind = SPECIAL_FINALIZER, .finalizer = finalizer,
		.arg = arg, .offset = (uint32_t)((char *)ptr - span_address(target.span))};
	span_lock(target.class);
	int error = insert_checked(&target, number);
	span_unlock(target.class);
	if (error != 0)
		special_delete(number);
	return error;
}

bool special_set_sample(void *object, const struct special_sample *sample, uint32_t home)
{
	struct span *span = span_containing(object);
	uint32_t number = special_new(), class = class_of(span);

	if (number == 0)
		return false;
	*special_at(number) = (struct special){.kind = SPECIAL_SAMPLE, .sample = *sample, .home = home,
		.offset = (uint32_t)((char *)object - span_address(span))};
	span_lock(class);
	special_insert(span, number);
	span_unlock(class);
	return true;
}

enum tagged special_set_tag(void *object, uint32_t tag, uint64_t *bytes)
{
	struct span *span = span_of_object(object);
	uint32_t class = class_of(span);

	*bytes = tagged_bytes(span, object);
	span_lock(class);
	bool is_first = span->special == 0;
	enum tagged tagged = tagged_set(span, (size_t)((char *)object - span_address(span)), tag);
	if (is_first && span->special != 0)
		span_tell(span);
	span_unlock(class);
	return tagged;
}

bool special_is_tied(const struct span *span, size_t offset, size_t bytes)
{
	uint32_t number = span->special;

	while (number != 0 && (special_at(number)->offset < offset ||
				      special_at(number)->kind != SPECIAL_FINALIZER))
		number = special_at(number)->next;
	return number != 0 && special_at(number)->offset < offset + bytes;
}

void special_visit_arguments(const struct span *span, void (*visit)(void *arg))
{
	for (uint32_t number = span->special; number != 0; number = special_at(number)->next)
		if (special_at(number)->kind == SPECIAL_FINALIZER)
			visit(special_at(number)->arg);
}

const struct special_sample *special_sample_at(const struct span *span, size_t offset)
{
	uint32_t number = span->special;

	while (number != 0 && special_at(number)->offset < offset)
		number = special_at(number)->next;
	while (number != 0 && special_at(number)->offset == offset &&
		special_at(number)->kind != SPECIAL_SAMPLE)
		number = special_at(number)->next;
	return number != 0 && special_at(number)->offset == offset ? &special_at(number)->sample : NULL;
}

void special_visit_samples(const struct span *span, special_sample_visitor *visit)
{
	for (uint32_t number = span->special; number != 0; number = special_at(number)->next)
		if (special_at(number)->kind == SPECIAL_SAMPLE)
			visit(span, &special_at(number)->sample, special_at(number)->home);
}

/* Off the list, into a chain of its own. */
static struct special_chain take(struct span *span, uint64_t from, uint64_t to)
{
	uint32_t *link = link_of(span, from);
	struct special_chain chain = {.first = *link};
	uint32_t *end = link;

	while (*end != 0 && special_at(*end)->offset < to)
		end = &special_at(*end)->next;
	if (end == link)
		return (struct special_chain){0};
	word_store(link, *end);
	*end = 0;
	if (span->special == 0)
		span_tell(span);
	return chain;
}

static uint32_t take_tag(struct span *span, uint64_t offset)
{
	bool was_any = span->special != 0;
	uint32_t tag = tagged_take(span, offset);

	if (was_any && span->special == 0)
		span_tell(span);
	return tag;
}

struct special_chain special_take(struct span *span, void *object, size_t bytes)
{
	uint64_t offset = (uint64_t)((char *)object - span_address(span));
	uint32_t class = class_of(span);

	heap_process_look(); /* this may be the first that a child does with its heap */
	span_lock(class);
	struct special_chain chain = take(span, offset, offset + bytes);
	chain.tag = take_tag(span, offset);
	span_unlock(class);
	chain.object = object;
	if (chain.tag != 0)
		chain.tag_bytes = tagged_bytes(span, object);
	/* By the object's bytes from here on: it may be tied to another. */
	for (uint32_t number = chain.first; number != 0; number = special_at(number)->next)
		special_at(number)->offset -= offset;
	return chain;
}

/* Off the list.  0: there is none. */
static uint32_t take_kind(struct span *span, uint64_t offset, uint32_t kind)
{
	uint32_t *link = link_of_kind(span, offset, kind), number = *link;

	if (!is_there(number, offset, kind))
		return 0;
	word_store(link, special_at(number)->next);
	if (span->special == 0)
		span_tell(span);
	return number;
}

int special_clear_finalizer(void *ptr)
{
	struct span *span = span_containing(ptr);

	if (span == NULL || word_load(&span->special) == 0)
		return ENOENT;
	heap_process_look();
	uint32_t class = class_of(span);
	span_lock(class);
	uint32_t number = take_kind(span, (uint64_t)((char *)ptr - span_address(span)),
		SPECIAL_FINALIZER);
	span_unlock(class);
	if (number == 0)
		return ENOENT;
	special_delete(number);
	return 0;
}

static void tell_seen(const struct special_chain *chain, const struct special *special,
	bool is_there)
{
	if (special_sample_seen != NULL)
		special_sample_seen(chain->object + special->offset, &special->sample, is_there);
}

/* The sample's number; 0: it is none. */
static uint32_t sample_of(const struct special_chain *chain)
{
	uint32_t number = chain->first;

	while (number != 0 && special_at(number)->kind != SPECIAL_SAMPLE)
		number = special_at(number)->next;
	return number;
}

void special_unsee(const struct special_chain *chain)
{
	uint32_t number = sample_of(chain);

	if (number != 0)
		tell_seen(chain, special_at(number), false);
}

void special_resize_failed(const struct special_chain *chain)
{
	uint32_t number = sample_of(chain);

	if (number != 0)
		tell_seen(chain, special_at(number), true);
}

void special_run(struct special_chain *chain, size_t from_byte)
{
	uint32_t *link = &chain->first;

	while (*link != 0 && special_at(*link)->offset < from_byte)
		link = &special_at(*link)->next;
	uint32_t number = *link;
	*link = 0;
	while (number != 0) {
		struct special special = *special_at(number);
		special_delete(number);
		if (special.kind == SPECIAL_FINALIZER) {
			special.finalizer(chain->object + special.offset, special.arg);
		} else {
			tell_seen(chain, &special, false);
			special_sample_ended(&special.sample);
		}
		number = special.next;
	}
}

void special_end_tag(struct special_chain *chain)
{
	if (chain->tag != 0)
		special_tag_ended(chain->tag, chain->tag_bytes);
	chain->tag = 0;
}

/* It was counted, and still is; or there is no memory by now. */
void special_tie_tag(struct special_chain *chain, void *object)
{
	uint64_t bytes;

	if (chain->tag != 0 && special_set_tag(object, chain->tag, &bytes) != TAGGED_NOW)
		special_tag_ended(chain->tag, chain->tag_bytes);
	chain->tag = 0;
}

void special_resize(struct special_chain *chain, bool is_same, size_t bytes)
{
	uint32_t *link = &chain->first;

	while (*link != 0 && special_at(*link)->kind != SPECIAL_SAMPLE)
		link = &special_at(*link)->next;
	uint32_t number = *link;
	if (number == 0)
		return;
	if (is_same) {
		special_sample_resized(&special_at(number)->sample, bytes);
		tell_seen(chain, special_at(number), true);
		return;
	}
	*link = special_at(number)->next;
	special_sample_ended(&special_at(number)->sample);
	special_delete(number);
}

void special_tie(const struct special_chain *chain, void *object)
{
	struct span *span = span_containing(object);
	uint64_t offset = (uint64_t)((char *)object - span_address(span));
	uint32_t class = class_of(span), number = chain->first, next;

	span_lock(class);
	for (; number != 0; number = next) {
		next = special_at(number)->next;
		special_at(number)->offset += offset;
		special_insert(span, number);
	}
	span_unlock(class);
}

void special_fork_prepare(void)
{
	lock_acquire(&special_pool_lock);
}

void special_fork_end(void)
{
	lock_release(&special_pool_lock);
}

void special_fork_recover(void)
{
	lock_reset(&special_pool_lock);
}

void special_audit(const struct span *span)
{
	uint64_t last = 0;

	if (!tagged_is_sound(span))
		fatal("audit: a span disagrees with the tags of its objects");
	for (uint32_t number = span->special; number != 0; number = special_at(number)->next) {
		const struct special *special = special_at(number);
		uint64_t place = special->offset << 2 | special->kind; /* no kind is 0 */
		if (place <= last || special->offset >= span->page_count << PAGE_SHIFT)
			fatal("audit: a span disagrees with its specials");
		last = place;
	}
}
