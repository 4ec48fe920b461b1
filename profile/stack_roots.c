#include "profile/stack_roots.h"

#include <stddef.h>

#include "base/bits.h"
#include "base/os.h"
#include "profile/world.h"

struct space {
	uintptr_t from;
	uintptr_t to;
};

static struct mstat_stack_source *sources;

static struct {
	struct space *spaces;
	size_t space_count;
	size_t space_most;
	bool is_uncertain; /* a thread's own stack pointer is not known */
} roots;

void stack_roots_register(struct mstat_stack_source *source)
{
	struct mstat_stack_source *first = word_load(&sources);

	do
		source->next = first;
	while (!__atomic_compare_exchange_n(&sources, &first, source, false, __ATOMIC_RELEASE,
		__ATOMIC_RELAXED));
}

static void ask(void (*tell)(const struct mstat_stack *stack, void *arg), void *arg)
{
	for (const struct mstat_stack_source *source = sources; source != NULL; source = source->next)
		source->visit(tell, arg);
}

static void space_count(const struct mstat_stack *stack, void *arg)
{
	(void)arg;
	if (stack->kind == MSTAT_STACK_SPACE)
		roots.space_most++;
}

static void note(const struct mstat_stack *stack, void *arg)
{
	(void)arg;
	if (stack->kind == MSTAT_STACK_SPACE && roots.space_count < roots.space_most)
		roots.spaces[roots.space_count++] =
			(struct space){(uintptr_t)stack->lo, (uintptr_t)stack->hi};
	else if (stack->kind == MSTAT_STACK_THREAD && !roots.is_uncertain)
		world_note_left((uintptr_t)stack->lo, (uintptr_t)stack->left);
}

static bool is_uncertain(void)
{
	uint32_t count;
	const struct world_thread *threads = world_threads(&count);

	for (uint32_t i = 0; i < count; i++)
		if (threads[i].is_on_alternate)
			return true;
	return false;
}

bool stack_roots_find(void)
{
	roots.space_count = roots.space_most = 0;
	roots.is_uncertain = is_uncertain();
	ask(space_count, NULL);
	if (roots.space_most != 0) {
		roots.spaces = os_map(bits_round_up(roots.space_most * sizeof(*roots.spaces),
			os_page_bytes()));
		if (roots.spaces == NULL)
			return false;
	}
	ask(note, NULL);
	return true;
}

bool stack_roots_hole(uintptr_t *from, uintptr_t *to)
{
	for (size_t i = 0; i < roots.space_count; i++) {
		const struct space *space = &roots.spaces[i];
		if (space->from >= *to || space->to <= *from)
			continue;
		*from = max_bytes(*from, space->from);
		*to = min_bytes(*to, space->to);
		return true;
	}
	return false;
}

bool stack_roots_hold(uintptr_t address)
{
	uintptr_t from = address, to = address + 1;

	return stack_roots_hole(&from, &to);
}

/* The lowest stack pointer in [from, to) of any thread; `to`: there is none. */
static uintptr_t lowest_pointer(uintptr_t from, uintptr_t to)
{
	uintptr_t lowest = to;
	uint32_t count;
	const struct world_thread *threads = world_threads(&count);

	for (uint32_t i = 0; i < count; i++) {
		const uintptr_t pointers[] = {threads[i].stack_pointer, threads[i].program_pointer};
		for (size_t j = 0; j < 2; j++)
			if (pointers[j] >= from && pointers[j] < lowest)
				lowest = pointers[j];
	}
	return lowest;
}

static uintptr_t live_from(const struct mstat_stack *stack)
{
	uintptr_t lo = (uintptr_t)stack->lo, hi = (uintptr_t)stack->hi;
	uintptr_t left = (uintptr_t)stack->left, pointer = lowest_pointer(lo, hi);

	if (left == hi && pointer == hi)
		return hi;
	if (roots.is_uncertain || left > hi || (left < lo && pointer == hi))
		return lo;
	uintptr_t lowest = left < lo ? pointer : min_bytes(left, pointer);
	return lowest - lo < RED_ZONE_BYTES ? lo : lowest - RED_ZONE_BYTES;
}

struct looking {
	void (*look)(uintptr_t from, uintptr_t to);
};

static void look_at(const struct mstat_stack *stack, void *arg)
{
	const struct looking *looking = arg;

	if (stack->kind != MSTAT_STACK)
		return;
	uintptr_t from = bits_round_down(live_from(stack), sizeof(uintptr_t));
	if (from < (uintptr_t)stack->hi)
		looking->look(from, (uintptr_t)stack->hi);
}

void stack_roots_look(void (*look)(uintptr_t from, uintptr_t to))
{
	struct looking looking = {look};

	ask(look_at, &looking);
}
