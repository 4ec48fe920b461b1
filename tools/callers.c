#include "tools/callers.h"

#include <stdio.h>

#include "tools/term.h"

static void print_function(const struct symbol *symbol, int indent)
{
	printf("%*s%s", indent, "", symbol->function);
	if (symbol->file != NULL)
		printf("%s  %s:%u%s", term_dim(), symbol->file, symbol->line, term_plain());
	printf("\n");
}

void callers_print(struct stacks *stacks, uint32_t frame, int indent)
{
	static struct stack stack;

	stack_read(stacks, frame, &stack);
	for (size_t i = 0; i < stack.count; i++) {
		struct symbol_list symbols = stack_symbols(stacks, stack.frames[i]);
		for (size_t inner = 0; inner < symbols.count; inner++)
			print_function(&symbols.list[inner], indent);
	}
	if (stack.is_cut)
		printf("%*s%s\n", indent, "", STACK_CUT);
}
