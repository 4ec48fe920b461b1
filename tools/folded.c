#include "tools/folded.h"

#include "tools/prof.h"

/* No path is longer: STACK_FRAMES_MAX frames of STACK_INLINED_MAX calls, and [cut]. */
enum { PATH_MAX_NODES = STACK_FRAMES_MAX * STACK_INLINED_MAX + 1 };

static void name_write(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fputc(*text == ';' ? ':' : *text, out);
}

static void path_write(const struct stack_tree *tree, uint32_t node, FILE *out)
{
	uint32_t path[PATH_MAX_NODES];
	size_t count = 0;

	for (; node != 0 && count < PATH_MAX_NODES; node = tree->nodes[node].parent)
		path[count++] = node;
	while (count > 0) {
		name_write(stack_node_name(tree, path[--count])->text, out);
		fputc(count > 0 ? ';' : ' ', out);
	}
}

void folded_write(const struct stack_tree *tree, FILE *out)
{
	for (uint32_t i = 1; i < tree->count; i++) {
		int64_t bytes = prof_whole(stack_sum_change(&tree->nodes[i].own));
		if (bytes <= 0)
			continue;
		path_write(tree, i, out);
		fprintf(out, "%lld\n", (long long)bytes);
	}
}
