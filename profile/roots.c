#include "profile/roots.h"

#include <string.h>
#include <ucontext.h>

#include "base/bits.h"
#include "base/maps.h"
#include "heap/cache.h"
#include "profile/mark.h"
#include "profile/stack_roots.h"
#include "profile/world.h"

enum {
	CONTEXT_STACK_BYTES = 4096,
	CONTEXT_BEGIN_BYTES = 64,
	FRAMES_MOST = 1 << 22 /* of a recursion without end */
};

static struct {
	uintptr_t from;
	uintptr_t to;
} own;

static uintptr_t contexts_begin;

void roots_exclude(uintptr_t from, uintptr_t to)
{
	own.from = from;
	own.to = to;
}

static bool is_own_stack(const struct maps_line *line, uintptr_t pointer)
{
	return pointer >= line->start && pointer < line->end && !stack_roots_hold(pointer);
}

/* It stands in others' mappings, and only where it left this one is known. */
static bool thread_has_left(const struct world_thread *thread, const struct maps_line *line)
{
	return !is_own_stack(line, thread->stack_pointer) &&
		!is_own_stack(line, thread->program_pointer);
}

/* Where a thread's stack pointer is in a mapping, or was when the signal came, or it went
   on on another stack; the lowest.  0: not there. */
static uintptr_t stack_pointer_in(const struct world_thread *thread, const struct maps_line *line)
{
	if (is_own_stack(line, thread->stack_pointer))
		return thread->stack_pointer;
	/* Its handler runs elsewhere. */
	if (is_own_stack(line, thread->program_pointer))
		return thread->program_pointer - RED_ZONE_BYTES;
	return is_own_stack(line, thread->left_pointer) ? thread->left_pointer - RED_ZONE_BYTES : 0;
}

static void nothing(void)
{
}

/* Where what makecontext(3) made begins: below it stands nothing of its own stack's thread. */
static uintptr_t context_begin(void)
{
	static char stack[CONTEXT_STACK_BYTES] __attribute__((aligned(16)));
	static ucontext_t context;

	if (getcontext(&context) != 0)
		return 0;
	context.uc_stack = (stack_t){.ss_sp = stack, .ss_size = sizeof(stack)};
	context.uc_link = NULL;
	makecontext(&context, nothing, 0);
#if defined(__x86_64__)
	return *(const uintptr_t *)context.uc_mcontext.gregs[REG_RSP];
#else
	return (uintptr_t)context.uc_mcontext.regs[30];
#endif
}

/* The lowest frame of a thread in a mapping, below *lowest.  False: its callers do not lead to its
   begin, and others of its frames may stand anywhere. */
static bool lowest_frame(const struct world_thread *thread, const struct maps_line *line,
	uintptr_t *lowest)
{
	struct backtrace_frame frame = backtrace_begin(&thread->place);
	enum backtrace_step step = BACKTRACE_CALLER;

	for (uint32_t i = 0; i < FRAMES_MOST && step == BACKTRACE_CALLER; i++) {
		if (frame.pc - contexts_begin < CONTEXT_BEGIN_BYTES)
			return false;
		if (is_own_stack(line, frame.sp))
			*lowest = min_bytes(*lowest, frame.sp - RED_ZONE_BYTES);
		step = backtrace_next(&frame);
	}
	return step == BACKTRACE_LAST;
}

/* From where on a mapping is in use: where it is the stack of one thread and nothing
   else, from that thread's stack pointer on.  libc's stacks have a guard below. */
static uintptr_t live_start(const struct maps_line *line, bool has_guard)
{
	bool is_first_stack = strcmp(line->path, "[stack]") == 0, is_own = false;
	uintptr_t lowest = 0;
	uint32_t count, here = 0;
	const struct world_thread *threads = world_threads(&count);

	for (uint32_t i = 0; i < count; i++) {
		uintptr_t pointer = stack_pointer_in(&threads[i], line);
		if (pointer == 0)
			continue;
		here++;
		lowest = pointer;
		bool has_left = thread_has_left(&threads[i], line);
		if (!has_left && !lowest_frame(&threads[i], line, &lowest))
			return line->start;
		is_own = threads[i].thread_pointer > pointer && threads[i].thread_pointer < line->end;
	}
	bool is_stack = here == 1 && (is_first_stack || (has_guard && is_own));
	return is_stack ? bits_round_down(lowest, sizeof(uintptr_t)) : line->start;
}

/* Some part of a range that is the heap's own, or this library's, or other stacks. */
static bool hole_find(uintptr_t *from, uintptr_t *to)
{
	uintptr_t tables_from, tables_to;

	mark_tables(&tables_from, &tables_to);
	const uintptr_t holes[][2] = {
		{arena.window_address, (uintptr_t)arena_address_of(arena.page_count)},
		{tables_from, tables_to}, {own.from, own.to}};

	for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		if (holes[i][0] >= *to || holes[i][1] <= *from)
			continue;
		*from = holes[i][0];
		*to = holes[i][1];
		return true;
	}
	return stack_roots_hole(from, to);
}

static void range_look(uintptr_t from, uintptr_t to)
{
	uintptr_t hole = from, hole_end = to;

	if (!hole_find(&hole, &hole_end)) {
		mark_memory(from, to);
		return;
	}
	if (from < hole)
		range_look(from, hole);
	if (hole_end < to)
		range_look(hole_end, to);
}

/* What may not be looked at because that may do something. */
static bool is_device(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/zero", 9) != 0 &&
		strncmp(path, "/dev/shm/", 9) != 0;
}

/* False: not all could be read, and nothing is known. */
static bool mappings_look(void)
{
	struct maps_reader reader;
	struct maps_line line;
	uintptr_t guard_end = 0;

	maps_open(&reader);
	bool is_open = reader.fd >= 0;
	while (maps_next(&reader, &line)) {
		if (line.is_readable && line.is_writable && !line.is_shared && !is_device(line.path))
			range_look(live_start(&line, guard_end == line.start), line.end);
		guard_end = line.is_readable ? 0 : line.end;
	}
	maps_close(&reader);
	return is_open && !reader.has_failed;
}

/* What a thread that stopped within this library was handing out, or freeing: it may be in its magazine
   alone, behind the last that counts. */
static void changing_objects_look(struct cache *cache)
{
	for (uint32_t class = 1; class < size_class_end_now(); class++) {
		const struct magazine *magazine = &cache->magazines[class];
		if (magazine->top == magazine->limit)
			continue;
		uintptr_t object = (uintptr_t)cache_slots(cache)[magazine->top + 1];
		mark_words((uintptr_t)&object, (uintptr_t)(&object + 1));
	}
}

static bool is_inside(const struct world_thread *thread)
{
	return thread->program_pc >= own.from && thread->program_pc < own.to;
}

static bool is_changing(const struct cache *cache)
{
	uint32_t count;
	const struct world_thread *threads = world_threads(&count);

	for (uint32_t i = 0; i < count; i++)
		if ((uint32_t)threads[i].tid == (uint32_t)cache->tid && is_inside(&threads[i]))
			return true;
	return false;
}

/* Blocks that threads were changing when all stood still, and large objects that they were about
   to get: their addresses are in the caches alone. */
static void changing_blocks_look(void)
{
	for (uint32_t index = 0; index < cache_count(); index++) {
		struct cache *cache = cache_at(index);
		uintptr_t block = (uintptr_t)cache->tiny_collectable.start;
		if (cache->tiny_is_changing)
			mark_words((uintptr_t)&block, (uintptr_t)(&block + 1));
		if (is_changing(cache))
			changing_objects_look(cache);
		if (cache->taken != 0) {
			block = (uintptr_t)span_object(arena.spans + cache->taken - 1);
			mark_words((uintptr_t)&block, (uintptr_t)(&block + 1));
		}
	}
}

bool roots_look(void)
{
	contexts_begin = context_begin();
	if (!stack_roots_find() || !mappings_look())
		return false;
	stack_roots_look(mark_memory);
	changing_blocks_look();
	return true;
}
