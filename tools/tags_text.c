#include <stdio.h>
#include <stdlib.h>

#include "tools/prof.h"
#include "tools/table.h"
#include "tools/tags.h"
#include "tools/term.h"
#include "tools/units.h"

static void add_bytes(struct table *table, uint64_t bytes, bool exact_bytes)
{
	table_add(table, units_bytes((int64_t)bytes, exact_bytes).text);
}

static void add_count(struct table *table, uint64_t count)
{
	table_add(table, units_count((int64_t)count).text);
}

static void tag_add(struct table *table, const struct site_tag *tag, const struct site_sum *sampled,
	bool exact_bytes)
{
	char error[UNITS_BYTES + 4];

	if (tag->scope_count != 0) {
		add_count(table, tag_live_objects(tag));
		add_bytes(table, tag_live_bytes(tag), exact_bytes);
		add_count(table, tag->allocated_objects);
	} else {
		for (int i = 0; i < 3; i++)
			table_add(table, "-");
	}
	add_bytes(table, (uint64_t)prof_whole(sampled->bytes), exact_bytes);
	snprintf(error, sizeof(error), "± %s",
		units_bytes(prof_whole(sampled->bytes_error), exact_bytes).text);
	table_add(table, error);
	add_count(table, sampled->samples);
	table_add(table, tag->text);
}

static void tags_list(const struct sites *sites, const struct site_sum *sums, const uint32_t *list,
	bool exact_bytes)
{
	static const struct table_column columns[] = {{"live", false}, {"bytes", false},
		{"mallocs", false}, {"sampled", false}, {"error", false}, {"samples", false},
		{"tag", true}};
	struct table table;
	uint64_t missed = 0;

	printf("\n%sTags%s\n", term_bold(), term_plain());
	table_begin(&table, columns, 7);
	for (size_t i = 0; i < sites->tag_count; i++) {
		tag_add(&table, &sites->tags[list[i]], &sums[list[i]], exact_bytes);
		missed += sites->tags[i].missed_objects;
	}
	table_print(&table);
	if (missed != 0)
		printf("%s allocations of tags are not counted, for want of memory.\n",
			units_count((int64_t)missed).text);
}

void tags_print(const struct sites *sites, bool exact_bytes)
{
	struct site_sum *sums = calloc(sites->tag_count + 1, sizeof(*sums));
	uint32_t *list = sums != NULL && sites->tag_count != 0 && tags_sum(sites, sums)
		? tags_by_bytes(sites, sums) : NULL;

	if (list != NULL)
		tags_list(sites, sums, list, exact_bytes);
	free(list);
	free(sums);
}
