#include "tools/stacks.h"

#include <stdlib.h>

enum { CUT_FRAMES = STACK_FRAMES_MAX / 2 };

bool stacks_open(struct stacks *stacks, const struct sites *sites, struct symbols *symbols)
{
	*stacks = (struct stacks){.sites = sites, .symbols = symbols};
	stacks->depths = calloc(sites->frame_count + 1, sizeof(*stacks->depths));
	stacks->modules_used = calloc(sites->module_count + 1, sizeof(*stacks->modules_used));
	if (stacks->depths == NULL || stacks->modules_used == NULL) {
		stacks_close(stacks);
		return false;
	}
	for (size_t i = 1; i < sites->frame_count; i++)
		if (sites->frames[i].caller != 0)
			stacks->depths[i] = stacks->depths[sites->frames[i].caller] + 1;
	return true;
}

static bool cut_is_at(const struct stacks *stacks, uint32_t frame, size_t shown)
{
	uint32_t depth = stacks->depths[frame];

	return shown >= CUT_FRAMES && depth != 0 && depth % CUT_FRAMES == 0;
}

void stack_read(struct stacks *stacks, uint32_t frame, struct stack *stack)
{
	const struct sites *sites = stacks->sites;

	stack->count = 0;
	stack->is_cut = false;
	while (frame != 0 && !stack->is_cut) {
		const struct site_frame *at = &sites->frames[frame];
		stack->frames[stack->count++] = frame;
		if (at->module != SITES_NO_MODULE)
			stacks->modules_used[at->module] = true;
		stack->is_cut = at->is_cut || cut_is_at(stacks, frame, stack->count);
		frame = at->caller;
	}
}

struct symbol_list stack_symbols(const struct stacks *stacks, uint32_t frame)
{
	struct symbol_list symbols = symbols_of(stacks->symbols, frame);

	if (symbols.count > STACK_INLINED_MAX)
		symbols.count = STACK_INLINED_MAX;
	return symbols;
}

void stacks_close(struct stacks *stacks)
{
	free(stacks->depths);
	free(stacks->modules_used);
	*stacks = (struct stacks){0};
}
