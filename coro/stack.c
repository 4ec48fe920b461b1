#include "coro/stack.h"

#include <errno.h>
#include <pthread.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/fatal.h"
#include "base/os.h"

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
	uint32_t free_slots[]; /* which, the last freed last */
};

struct class {
	struct batch *batches; /* the newest first; each twice the next */
	uint32_t free_count;
	uint32_t next_slots;
};

static struct {
	pthread_mutex_t lock;
	struct class classes[CLASS_COUNT];
	uint64_t inuse_bytes;
	uint64_t sys_bytes;
} stacks = {.lock = PTHREAD_MUTEX_INITIALIZER};

uint32_t stack_barriers_most(size_t bytes)
{
	uint32_t count = 1;

	for (size_t offset = STACK_FIRST_BARRIER_BYTES; offset < bytes; offset *= 2)
		count++;
	return count;
}

/* Of what is mapped: a stack that is smaller than a page is the top of one. */
static size_t class_bytes(uint32_t class)
{
	size_t page_bytes = os_page_bytes();

	return (size_t)1 << class > page_bytes ? (size_t)1 << class : page_bytes;
}

/* Below a stack: a frame that is larger skips it, unless the compiler probes
   (-fstack-clash-protection). */
static size_t guard_bytes_of(size_t bytes)
{
	return bytes < GUARD_MAX_BYTES ? bytes : GUARD_MAX_BYTES;
}

static size_t header_bytes(uint32_t slot_count)
{
	size_t bytes = sizeof(struct batch) + slot_count * sizeof(uint32_t);

	return (bytes + os_page_bytes() - 1) & ~(os_page_bytes() - 1);
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
		.base = (char *)(((uintptr_t)mapped + slot_bytes - 1) & ~(uintptr_t)(slot_bytes - 1)),
		.mapped = mapped,
		.mapped_bytes = mapped_bytes,
		.slot_bytes = slot_bytes,
		.slot_count = slot_count,
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
	list->batches = batch;
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
	stacks.sys_bytes += count * batch->slot_bytes / 2;
	return true;
}

static char *slot_at(const struct batch *batch, uint32_t index)
{
	return batch->base + index * batch->slot_bytes;
}

/* A stack that nobody had; its end. */
static char *carve(uint32_t class)
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
	batch->carved_count++;
	return slot + batch->slot_bytes;
}

static char *take(uint32_t class)
{
	struct class *list = &stacks.classes[class];
	struct batch *batch = list->batches;

	if (list->free_count == 0)
		return carve(class);
	while (batch->free_count == 0)
		batch = batch->next;
	list->free_count--;
	return slot_at(batch, batch->free_slots[--batch->free_count] + 1);
}

static void give(struct class *list, const char *stack)
{
	struct batch *batch = list->batches;
	size_t offset;

	while ((offset = (size_t)(stack - batch->base)) >= batch->slot_count * batch->slot_bytes)
		batch = batch->next;
	batch->free_slots[batch->free_count++] = (uint32_t)(offset / batch->slot_bytes);
	list->free_count++;
}

static uint32_t class_of(size_t bytes)
{
	if (!bits_is_power_of_two(bytes) || bytes < STACK_MIN_BYTES || bytes > STACK_MAX_BYTES)
		fatal("stack size not a power of 2");
	return bits_log2(bytes);
}

bool stack_alloc(struct stack *stack, size_t bytes)
{
	uint32_t class = class_of(bytes);

	pthread_mutex_lock(&stacks.lock);
	char *end = take(class);
	if (end != NULL)
		stacks.inuse_bytes += bytes;
	pthread_mutex_unlock(&stacks.lock);
	if (end == NULL) {
		errno = ENOMEM;
		return false;
	}
	uint32_t capacity = stack_barriers_most(bytes);
	*stack = (struct stack){.lo = end - bytes, .bytes = bytes, .barrier_capacity = capacity};
	stack->hi = end - capacity * sizeof(struct stack_barrier);
	stack->barriers = (struct stack_barrier *)stack->hi;
	return true;
}

void stack_free(struct stack *stack)
{
	uint32_t class = class_of(stack->bytes);
	struct class *list = &stacks.classes[class];
	size_t bytes = class_bytes(class);
	char *lo = stack->lo + stack->bytes - bytes;

	/* The kernel takes its time: not under the lock. */
	if (__atomic_load_n(&list->free_count, __ATOMIC_RELAXED) >= WARM_STACKS)
		os_release(lo, bytes);
	pthread_mutex_lock(&stacks.lock);
	give(list, lo);
	stacks.inuse_bytes -= stack->bytes;
	pthread_mutex_unlock(&stacks.lock);
	*stack = (struct stack){0};
}

bool stack_guards(const struct stack *stack, const void *address)
{
	uintptr_t page = (uintptr_t)stack->lo & ~(uintptr_t)(os_page_bytes() - 1);
	size_t bytes = stack->bytes > os_page_bytes() ? stack->bytes : os_page_bytes();

	return page - (uintptr_t)address - 1 < guard_bytes_of(bytes);
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
		*link = batch->next;
		list->free_count -= batch->free_count;
		stacks.sys_bytes -= batch->committed_count * batch->slot_bytes / 2;
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
