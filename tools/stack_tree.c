#include "tools/stack_tree.h"

#include <math.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 1024, ROOT = 0 };

/* The names of each frame's calls, made once: names[first[frame]] is the innermost. */
struct frame_names {
	struct stack_tree *tree;
	const struct stacks *stacks;
	uint32_t *first;    /* + 1 of each frame; 0: not yet made */
	uint32_t *counts;
	uint32_t *names;
	size_t name_count;
	size_t room;
};

static size_t slot_find(const struct stack_tree *tree, uint32_t parent, uint32_t name)
{
	uint64_t hash = ((uint64_t)parent << 32 | name) * 0x9e3779b97f4a7c15u;
	size_t at = (hash ^ hash >> 32) & (tree->slot_count - 1);

	for (; tree->slots[at] != 0; at = (at + 1) & (tree->slot_count - 1)) {
		const struct stack_node *node = &tree->nodes[tree->slots[at]];
		if (node->parent == parent && node->name == name)
			break;
	}
	return at;
}

static bool grow(struct stack_tree *tree)
{
	size_t slot_count = tree->slot_count == 0 ? FIRST_SLOTS : 2 * tree->slot_count;
	struct stack_node *nodes = reallocarray(tree->nodes, slot_count / 2, sizeof(*nodes));

	if (nodes == NULL)
		return false;
	tree->nodes = nodes;
	uint32_t *slots = calloc(slot_count, sizeof(*slots));
	if (slots == NULL)
		return false;
	free(tree->slots);
	tree->slots = slots;
	tree->slot_count = slot_count;
	tree->room = slot_count / 2;
	for (uint32_t i = 1; i < tree->count; i++)
		slots[slot_find(tree, nodes[i].parent, nodes[i].name)] = i;
	return true;
}

bool stack_tree_begin(struct stack_tree *tree, enum stack_by by)
{
	*tree = (struct stack_tree){.names.by = by};
	if (!grow(tree))
		return false;
	tree->nodes[ROOT] = (struct stack_node){.name = INTERN_NONE};
	tree->count = 1;
	return true;
}

static bool name_is_above(const struct stack_tree *tree, uint32_t node, uint32_t name)
{
	for (; node != ROOT; node = tree->nodes[node].parent)
		if (tree->nodes[node].name == name)
			return true;
	return false;
}

/* A node's child of a name, made if there is none; ROOT if there is no memory. */
static uint32_t child_of(struct stack_tree *tree, uint32_t parent, uint32_t name)
{
	if (name == INTERN_NONE || (tree->count == tree->room && !grow(tree)))
		return ROOT;
	size_t slot = slot_find(tree, parent, name);
	if (tree->slots[slot] != 0)
		return tree->slots[slot];
	uint32_t number = (uint32_t)tree->count++;
	tree->nodes[number] = (struct stack_node){.parent = parent, .name = name,
		.next = tree->nodes[parent].first, .is_again = name_is_above(tree, parent, name)};
	tree->nodes[parent].first = number;
	tree->slots[slot] = number;
	return number;
}

static uint32_t child_called(struct stack_tree *tree, uint32_t parent, const char *name)
{
	struct symbol symbol = {.function = name};

	return child_of(tree, parent, stack_name_of(&tree->names, &symbol, name));
}

static bool frame_names_open(struct frame_names *names, struct stack_tree *tree,
	const struct stacks *stacks)
{
	size_t count = stacks->sites->frame_count + 1;

	*names = (struct frame_names){.tree = tree, .stacks = stacks,
		.first = calloc(count, sizeof(*names->first)),
		.counts = calloc(count, sizeof(*names->counts))};
	return names->first != NULL && names->counts != NULL;
}

static void frame_names_close(struct frame_names *names)
{
	free(names->first);
	free(names->counts);
	free(names->names);
}

static bool frame_name_add(struct frame_names *names, uint32_t name)
{
	if (names->name_count == names->room) {
		size_t room = names->room == 0 ? 1024 : 2 * names->room;
		uint32_t *larger = reallocarray(names->names, room, sizeof(*larger));
		if (larger == NULL)
			return false;
		names->names = larger;
		names->room = room;
	}
	names->names[names->name_count++] = name;
	return name != INTERN_NONE;
}

static bool frame_names_make(struct frame_names *names, uint32_t frame)
{
	const struct sites *sites = names->stacks->sites;
	const char *module = sites_frame_module(sites, frame);
	struct symbol_list symbols = stack_symbols(names->stacks, frame);

	names->first[frame] = (uint32_t)names->name_count + 1;
	names->counts[frame] = (uint32_t)symbols.count;
	for (size_t i = 0; i < symbols.count; i++)
		if (!frame_name_add(names, stack_name_of(&names->tree->names, &symbols.list[i],
			    module)))
			return false;
	return true;
}

/* The node of a frame's innermost call, below that of its caller. */
static uint32_t frame_enter(struct frame_names *names, uint32_t node, uint32_t frame)
{
	if (names->first[frame] == 0 && !frame_names_make(names, frame))
		return ROOT;
	if (names->names == NULL)
		return node;
	const uint32_t *list = names->names + names->first[frame] - 1;
	for (uint32_t i = names->counts[frame]; i > 0; i--) {
		node = child_of(names->tree, node, list[i - 1]);
		if (node == ROOT)
			return ROOT;
	}
	return node;
}

/* The same where all that counts is the tags that it is in. */
static uint32_t stack_enter_tags(struct frame_names *names, const struct stack *stack)
{
	const struct site_frame *frames = names->stacks->sites->frames;
	uint32_t node = ROOT;
	bool has_any = false;

	for (size_t i = stack->count; i > 0; i--) {
		if (frames[stack->frames[i - 1]].tag == 0)
			continue;
		node = frame_enter(names, node, stack->frames[i - 1]);
		if (node == ROOT)
			return ROOT;
		has_any = true;
	}
	return has_any ? node : child_called(names->tree, ROOT, STACK_NO_TAG);
}

/* Where a stack ends; ROOT if there is no memory. */
static uint32_t stack_enter(struct frame_names *names, const struct stack *stack)
{
	uint32_t node = ROOT;

	if (names->tree->names.by == STACK_BY_TAG)
		return stack_enter_tags(names, stack);
	if (stack->count == 0)
		return child_called(names->tree, ROOT, STACK_UNKNOWN);
	if (stack->is_cut)
		node = child_called(names->tree, ROOT, STACK_CUT);
	if (stack->is_cut && node == ROOT)
		return ROOT;
	for (size_t i = stack->count; i > 0; i--) {
		node = frame_enter(names, node, stack->frames[i - 1]);
		if (node == ROOT)
			return ROOT;
	}
	return node;
}

bool stack_tree_add(struct stack_tree *tree, enum stack_side side, struct stacks *stacks,
	enum site_value value)
{
	struct frame_names names;
	struct stack stack;
	bool done = frame_names_open(&names, tree, stacks);

	for (size_t i = 0; done && i < stacks->sites->count; i++) {
		const struct site *site = &stacks->sites->list[i];
		const struct site_sum *sum = site_sum_of(site, value);
		if (sum->samples == 0 && sum->bytes <= 0)
			continue;
		stack_read(stacks, site->frame, &stack);
		uint32_t node = stack_enter(&names, &stack);
		done = node != ROOT;
		if (done)
			site_sum_add(side == STACK_BEFORE ? &tree->nodes[node].own.before
							  : &tree->nodes[node].own.after, sum);
	}
	frame_names_close(&names);
	return done;
}

void stack_sum_add(struct stack_sum *to, const struct stack_sum *more)
{
	site_sum_add(&to->before, &more->before);
	site_sum_add(&to->after, &more->after);
}

void stack_tree_sum(struct stack_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		tree->nodes[i].whole = tree->nodes[i].own;
	for (size_t i = tree->count; i-- > 1;)
		stack_sum_add(&tree->nodes[tree->nodes[i].parent].whole, &tree->nodes[i].whole);
}

const struct stack_name *stack_node_name(const struct stack_tree *tree, uint32_t node)
{
	return &tree->names.list[tree->nodes[node].name];
}

double stack_sum_change(const struct stack_sum *sum)
{
	return sum->after.bytes - sum->before.bytes;
}

double stack_sum_error(const struct stack_sum *sum)
{
	return hypot(sum->after.bytes_error, sum->before.bytes_error);
}

void stack_tree_free(struct stack_tree *tree)
{
	stack_names_free(&tree->names);
	free(tree->nodes);
	free(tree->slots);
	*tree = (struct stack_tree){0};
}
