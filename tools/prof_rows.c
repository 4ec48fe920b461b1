#include "tools/prof_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_sums(const struct stack_sum *a, const struct stack_sum *b)
{
	double left = fabs(stack_sum_change(a)), right = fabs(stack_sum_change(b));

	return (left < right) - (left > right);
}

static int compare_rows(const void *a, const void *b)
{
	const struct prof_row *left = a, *right = b;
	int by_flat = compare_sums(&left->flat, &right->flat);
	int by_cum = compare_sums(&left->cum, &right->cum);

	if (by_flat != 0 || by_cum != 0)
		return by_flat != 0 ? by_flat : by_cum;
	int by_text = strcmp(left->name->text, right->name->text);
	return by_text != 0 ? by_text : strcmp(left->name->module, right->name->module);
}

bool prof_rows_make(struct prof_rows *rows, const struct stack_tree *tree)
{
	rows->count = tree->names.count;
	rows->list = calloc(rows->count + 1, sizeof(*rows->list));
	if (rows->list == NULL)
		return false;
	for (size_t i = 0; i < rows->count; i++)
		rows->list[i].name = &tree->names.list[i];
	for (size_t i = 1; i < tree->count; i++) {
		const struct stack_node *node = &tree->nodes[i];
		stack_sum_add(&rows->list[node->name].flat, &node->own);
		if (!node->is_again)
			stack_sum_add(&rows->list[node->name].cum, &node->whole);
	}
	qsort(rows->list, rows->count, sizeof(*rows->list), compare_rows);
	return true;
}

void prof_rows_free(struct prof_rows *rows)
{
	free(rows->list);
	*rows = (struct prof_rows){0};
}
