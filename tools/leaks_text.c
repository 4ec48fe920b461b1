#include <stdio.h>

#include "tools/callers.h"
#include "tools/leaks.h"
#include "tools/table.h"
#include "tools/term.h"
#include "tools/units.h"

enum { CALLERS_INDENT = 4 };

static struct units_text bytes_text(double bytes, const struct leaks_options *options)
{
	return units_bytes((int64_t)(bytes + 0.5), options->exact_bytes);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void print_head(const struct leaks *leaks, const struct leaks_options *options)
{
	const struct survey_header *header = leaks->survey->header;

	printf("%s%s%s  what nothing leads to any more\n", term_bold(), leaks->target->title, term_plain());
	printf("searched  %s for pointers in %.2f s; the process stood still for %.1f ms\n",
		bytes_text((double)header->looked_bytes, options).text, (double)header->took_ns / 1e9,
		(double)leaks->survey->pause_ns / 1e6);
	printf("live      %s in %s object%s\n\n", bytes_text((double)header->live.bytes, options).text,
		units_count((int64_t)header->live.objects).text, plural(header->live.objects));
}

static void add_sum(struct table *table, const char *word, const struct survey_sum *sum,
	const struct leaks_options *options)
{
	table_add(table, word);
	table_add(table, bytes_text((double)sum->bytes, options).text);
	table_add(table, units_count((int64_t)sum->objects).text);
}

static void print_sums(const struct leaks *leaks, const struct leaks_options *options)
{
	static const struct table_column columns[] = {{"", true}, {"bytes", false}, {"objects", false}};
	struct survey_sum suppressed = {0};
	struct table table;

	table_begin(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (int grade = 0; grade < SURVEY_GRADES; grade++) {
		struct survey_sum sum = leaks->survey->header->lost[grade];
		sum.objects -= leaks->suppressed[grade].objects;
		sum.bytes -= leaks->suppressed[grade].bytes;
		suppressed.objects += leaks->suppressed[grade].objects;
		suppressed.bytes += leaks->suppressed[grade].bytes;
		add_sum(&table, leaks_grade_word((enum survey_grade)grade), &sum, options);
	}
	if (suppressed.objects != 0)
		add_sum(&table, "suppressed", &suppressed, options);
	table_print(&table);
}

/* What objects may use is more than was asked for. */
static void print_amount(const struct leaks *leaks, const struct leak *leak,
	const struct leaks_options *options)
{
	const struct survey_leak *row = leak->row;
	double objects = row->estimate.samples != 0 ? row->estimate.objects : (double)row->own.objects;

	printf("\n%s%s%s", term_bold(), bytes_text(leak->bytes, options).text, term_plain());
	if (row->estimate.samples != 0)
		printf(" ± %s", bytes_text(leak->bytes_error, options).text);
	printf(" %s in %s object%s", leaks_grade_word((enum survey_grade)row->grade),
		units_count((int64_t)(objects + 0.5)).text, objects < 1.5 ? "" : "s");
	if (row->estimate.samples != 0)
		printf(", by %s sample%s", units_count((int64_t)row->estimate.samples).text,
			plural(row->estimate.samples));
	if (row->behind.objects != 0)
		printf(", and %s in %s by them%s", bytes_text((double)row->behind.bytes, options).text,
			units_count((int64_t)row->behind.objects).text,
			row->estimate.samples != 0 ? " alone" : "");
	if (leak->suppression != NULL)
		printf(", suppressed by leak:%s", leak->suppression);
	printf("\n");
	(void)leaks;
}

static void print_unnamed(const struct leak *leak)
{
	if (leak->row->size_bytes != 0)
		printf("    [no sample]  of %s bytes, as at %#llx\n",
			units_count((int64_t)leak->row->size_bytes).text, (unsigned long long)leak->row->example);
	else
		printf("    [no sample]  large, as at %#llx\n", (unsigned long long)leak->row->example);
}

static bool is_shown(const struct leak *leak, const struct leaks_options *options)
{
	return options->all || (leak->suppression == NULL && leak->row->grade != SURVEY_INDIRECT);
}

/* In a process that is not checked most objects are no samples. */
static void print_advice(const struct leaks *leaks, bool has_unnamed)
{
	if (has_unnamed && leaks->target->books.check == NULL)
		printf("\n%sOf objects that are no samples it is not known who allocated them; of each is, under\n"
		       "MSTAT_CONF=check:full, and of more by more samples: mstat set PID sample:16k.%s\n",
			term_dim(), term_plain());
}

void leaks_print_text(struct leaks *leaks, const struct leaks_options *options)
{
	size_t shown = 0, more = 0;
	bool has_unnamed = false;

	print_head(leaks, options);
	print_sums(leaks, options);
	for (size_t i = 0; i < leaks->count; i++) {
		const struct leak *leak = &leaks->list[i];
		if (!is_shown(leak, options))
			continue;
		has_unnamed |= !leak_has_callers(leak);
		if (shown == options->top_count) {
			more++;
			continue;
		}
		shown++;
		print_amount(leaks, leak, options);
		if (leak_has_callers(leak))
			callers_print(&leaks->stacks, leak->row->frame, CALLERS_INDENT);
		else
			print_unnamed(leak);
	}
	if (more != 0)
		printf("\n%s%s more; --top 0 shows all%s\n", term_dim(), units_count((int64_t)more).text,
			term_plain());
	print_advice(leaks, has_unnamed);
}
