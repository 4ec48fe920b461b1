#include "coro/stack.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/fatal.h"
#include "base/os.h"
#include "coro/barrier.h"
#include "coro/books.h"

enum {
	CLASS_COUNT = 31,              /* by the logarithm of the size */
	GUARD_MAX_BYTES = 64 << 10,
	WARM_STACKS = 64,              /* of a size, that keep their pages while they are free */
	BATCH_FIRST_SLOTS = 16,        /* each batch of a size is twice the last */
	BATCH_MAX_BYTES = 1 << 30,
	COMMIT_BYTES = 4 << 20         /* at one time */
};

/*
 * Slots of one size, each a stack and below it as much address space, the top of which
 * is the guard.  (So each stack is aligned to its size.)
 */
struct batch {
	struct batch *next;
	char *base;          /* of the first slot */
	char *mapped;
	size_t mapped_bytes;
	size_t slot_bytes;
	uint32_t slot_count;
	uint32_t committed_count;
	uint32_t carved_count;
	uint32_t free_count;   /* of the carved ones */
	uint32_t *free_slots;  /* which, the last freed last; behind the slots */
	struct stack_slot slots[];
};

struct class {
	struct batch *batches; /* the newest first; each twice the next */
	uint32_t free_count;   /* stack_free() reads it without the lock */
	uint32_t next_slots;
};

static struct {
	pthread_mutex_t lock;
	struct class classes[CLASS_COUNT];
	uint64_t inuse_bytes;
	uint64_t sys_bytes;
} stacks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void totals_add(ptrdiff_t inuse_bytes, ptrdiff_t sys_bytes)
{
	stacks.inuse_bytes += (uint64_t)inuse_bytes;
	stacks.sys_bytes += (uint64_t)sys_bytes;
	books_stacks_add(inuse_bytes, sys_bytes);
}

uint32_t stack_barriers_most(size_t bytes)
{
	uint32_t count = 1;

	if (barriers_mode_now() == CORO_BARRIERS_ALL)
		return (uint32_t)(bytes / 2 / sizeof(struct stack_barrier));
	for (size_t offset = STACK_FIRST_BARRIER_BYTES; offset < bytes; offset *= 2)
		count++;
	return count;
}

/* Of what is mapped: a stack that is smaller than a page is the top of one. */
static size_t class_bytes(uint32_t class)
{
	return max_bytes((size_t)1 << class, os_page_bytes());
}

/* Below a stack: a frame that is larger skips it, unless the compiler probes
   (-fstack-clash-protection). */
static size_t guard_bytes_of(size_t bytes)
{
	return min_bytes(bytes, GUARD_MAX_BYTES);
}

static size_t header_bytes(uint32_t slot_count)
{
	return bits_round_up(sizeof(struct batch) +
			slot_count * (sizeof(struct stack_slot) + sizeof(uint32_t)),
		os_page_bytes());
}

static struct batch *batch_new(size_t slot_bytes, uint32_t slot_count)
{
	size_t bytes = slot_bytes * slot_count, mapped_bytes = bytes + slot_bytes;
	struct batch *batch = os_map(header_bytes(slot_count));
	char *mapped = batch != NULL ? os_reserve(mapped_bytes) : NULL;

	if (mapped == NULL) {
		if (batch != NULL)
			os_unmap(batch, header_bytes(slot_count));
		return NULL;
	}
	*batch = (struct batch){
		.base = (char *)bits_round_up((uintptr_t)mapped, slot_bytes),
		.mapped = mapped,
		.mapped_bytes = mapped_bytes,
		.slot_bytes = slot_bytes,
		.slot_count = slot_count,
		.free_slots = (uint32_t *)&batch->slots[slot_count],
	};
	return batch;
}

static void batch_delete(struct batch *batch)
{
	os_unmap(batch->mapped, batch->mapped_bytes);
	os_unmap(batch, header_bytes(batch->slot_count));
}

static struct batch *batch_add(uint32_t class)
{
	size_t slot_bytes = 2 * class_bytes(class), most = BATCH_MAX_BYTES / slot_bytes;
	struct class *list = &stacks.classes[class];
	uint32_t slots = list->next_slots != 0 ? list->next_slots : BATCH_FIRST_SLOTS;

	if (slots > most)
		slots = most != 0 ? (uint32_t)most : 1;
	struct batch *batch = batch_new(slot_bytes, slots);
	if (batch == NULL)
		return NULL;
	list->next_slots = 2 * slots;
	batch->next = list->batches;
	__atomic_store_n(&list->batches, batch, __ATOMIC_RELEASE);
	return batch;
}

/* The next slots become usable, some at a time. */
static bool batch_commit(struct batch *batch)
{
	uint32_t count = (uint32_t)(COMMIT_BYTES / batch->slot_bytes), first = batch->committed_count;

	if (batch->carved_count < first)
		return true;
	if (count == 0)
		count = 1;
	if (count > batch->slot_count - first)
		count = batch->slot_count - first;
	if (!os_commit(batch->base + first * batch->slot_bytes, count * batch->slot_bytes))
		return false;
	batch->committed_count += count;
	totals_add(0, (ptrdiff_t)(count * batch->slot_bytes / 2));
	return true;
}

static char *slot_at(const struct batch *batch, uint32_t index)
{
	return batch->base + index * batch->slot_bytes;
}

static char *slot_take(struct batch *batch, uint32_t index, struct stack_slot **slot)
{
	*slot = &batch->slots[index];
	(*slot)->coro = STACK_ANYBODY;
	return slot_at(batch, index + 1);
}

/* A stack that nobody had; its end. */
static char *carve(uint32_t class, struct stack_slot **taken)
{
	struct batch *batch = stacks.classes[class].batches;

	if (batch == NULL || batch->carved_count == batch->slot_count)
		batch = batch_add(class);
	if (batch == NULL || !batch_commit(batch))
		return NULL;
	char *slot = slot_at(batch, batch->carved_count);
	size_t guard_bytes = guard_bytes_of(batch->slot_bytes / 2);
	if (!os_guard(slot + batch->slot_bytes / 2 - guard_bytes, guard_bytes))
		return NULL;
	return slot_take(batch, batch->carved_count++, taken);
}

static char *take(uint32_t class, struct stack_slot **slot)
{
	struct class *list = &stacks.classes[class];
	struct batch *batch = list->batches;

	if (list->free_count == 0)
		return carve(class, slot);
	while (batch->free_count == 0)
		batch = batch->next;
	word_subtract(&list->free_count, 1);
	return slot_take(batch, batch->free_slots[--batch->free_count], slot);
}

/* NULL: it is in none. */
static struct batch *batch_of(const struct class *list, const char *stack)
{
	struct batch *batch = list->batches;

	while (batch != NULL &&
		(size_t)(stack - batch->base) >= batch->slot_count * batch->slot_bytes)
		batch = batch->next;
	return batch;
}

static uint32_t slot_index(const struct batch *batch, const char *stack)
{
	return (uint32_t)((size_t)(stack - batch->base) / batch->slot_bytes);
}

static void give(struct class *list, const char *stack)
{
	struct batch *batch = batch_of(list, stack);
	uint32_t index = slot_index(batch, stack);

	batch->slots[index].coro = NULL;
	batch->free_slots[batch->free_count++] = index;
	word_add(&list->free_count, 1);
}

static uint32_t class_of(size_t bytes)
{
	if (!bits_is_power_of_two(bytes) || bytes < STACK_MIN_BYTES || bytes > STACK_MAX_BYTES)
		fatal("stack size not a power of 2");
	return bits_log2(bytes);
}

bool stack_is_attr_size(size_t bytes)
{
	return bits_is_power_of_two(bytes) && bytes >= STACK_ATTR_MIN_BYTES && bytes <= STACK_MAX_BYTES;
}

bool stack_alloc(struct stack *stack, size_t bytes)
{
	uint32_t class = class_of(bytes);
	struct stack_slot *slot;

	pthread_mutex_lock(&stacks.lock);
	char *end = take(class, &slot);
	if (end != NULL)
		totals_add((ptrdiff_t)bytes, 0);
	pthread_mutex_unlock(&stacks.lock);
	if (end == NULL) {
		errno = ENOMEM;
		return false;
	}
	uint32_t capacity = stack_barriers_most(bytes);
	*stack = (struct stack){.lo = end - bytes, .bytes = bytes, .barrier_capacity = capacity,
		.slot = slot};
	stack->hi = end - capacity * sizeof(struct stack_barrier);
	stack->barriers = memset(stack->hi, 0, capacity * sizeof(struct stack_barrier));
	return true;
}

bool stack_give_up(const char *lo, size_t bytes)
{
	bool is_given = false;

	pthread_mutex_lock(&stacks.lock);
	struct batch *batch = batch_of(&stacks.classes[class_of(bytes)], lo);
	if (batch != NULL) {
		uint32_t index = slot_index(batch, lo);
		is_given = batch->slots[index].coro == STACK_ANYBODY && slot_at(batch, index + 1) - bytes == lo;
		if (is_given)
			batch->slots[index].coro = NULL;
	}
	pthread_mutex_unlock(&stacks.lock);
	return is_given;
}

void stack_free(struct stack *stack)
{
	uint32_t class = class_of(stack->bytes);
	struct class *list = &stacks.classes[class];
	size_t bytes = class_bytes(class);
	char *lo = stack->lo + stack->bytes - bytes;

	/* The kernel takes its time: not under the lock. */
	if (word_load(&list->free_count) >= WARM_STACKS)
		os_release(lo, bytes);
	pthread_mutex_lock(&stacks.lock);
	give(list, lo);
	totals_add(-(ptrdiff_t)stack->bytes, 0);
	pthread_mutex_unlock(&stacks.lock);
	*stack = (struct stack){0};
}

bool stack_guards(const struct stack *stack, const void *address)
{
	uintptr_t page = bits_round_down((uintptr_t)stack->lo, os_page_bytes());

	return page - (uintptr_t)address - 1 < guard_bytes_of(max_bytes(stack->bytes, os_page_bytes()));
}

static void free_release(const struct batch *batch)
{
	size_t bytes = batch->slot_bytes / 2;

	for (uint32_t i = 0; i < batch->free_count; i++)
		os_release(slot_at(batch, batch->free_slots[i]) + bytes, bytes);
}

static void class_trim(struct class *list)
{
	struct batch **link = &list->batches;

	while (*link != NULL) {
		struct batch *batch = *link;
		if (batch->free_count != batch->carved_count) {
			free_release(batch);
			link = &batch->next;
			continue;
		}
		__atomic_store_n(link, batch->next, __ATOMIC_RELEASE);
		word_subtract(&list->free_count, batch->free_count);
		totals_add(0, -(ptrdiff_t)(batch->committed_count * batch->slot_bytes / 2));
		batch_delete(batch);
	}
	if (list->batches == NULL)
		list->next_slots = 0;
}

void stack_trim(void)
{
	pthread_mutex_lock(&stacks.lock);
	for (uint32_t class = 0; class < CLASS_COUNT; class++)
		class_trim(&stacks.classes[class]);
	pthread_mutex_unlock(&stacks.lock);
}

void stack_visit_spaces(void (*visit)(const char *lo, const char *hi, void *arg), void *arg)
{
	for (uint32_t class = 0; class < CLASS_COUNT; class++)
		for (const struct batch *batch = stacks.classes[class].batches; batch != NULL;
			batch = batch->next)
			visit(batch->mapped, batch->mapped + batch->mapped_bytes, arg);
}

static void batch_visit(const struct batch *batch,
	void (*visit)(const char *lo, const char *hi, const struct coro *co, void *arg), void *arg)
{
	for (uint32_t index = 0; index < batch->slot_count; index++) {
		const char *hi = slot_at(batch, index + 1);
		if (batch->slots[index].coro != NULL)
			visit(hi - batch->slot_bytes / 2, hi, batch->slots[index].coro, arg);
	}
}

void stack_visit_used(void (*visit)(const char *lo, const char *hi, const struct coro *co, void *arg),
	void *arg)
{
	for (uint32_t class = 0; class < CLASS_COUNT; class++)
		for (const struct batch *batch = stacks.classes[class].batches; batch != NULL;
			batch = batch->next)
			batch_visit(batch, visit, arg);
}

void stack_totals(uint64_t *inuse_bytes, uint64_t *sys_bytes)
{
	pthread_mutex_lock(&stacks.lock);
	*inuse_bytes = stacks.inuse_bytes;
	*sys_bytes = stacks.sys_bytes;
	pthread_mutex_unlock(&stacks.lock);
}

void stack_fork_begin(void)
{
	pthread_mutex_lock(&stacks.lock);
}

void stack_fork_end(void)
{
	pthread_mutex_unlock(&stacks.lock);
}
