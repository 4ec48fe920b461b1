#include <stdio.h>

#include "tools/callers.h"
#include "tools/fragments.h"
#include "tools/table.h"
#include "tools/target.h"
#include "tools/term.h"
#include "tools/units.h"

enum { CLASSES_SHOWN = 8, CALLERS_INDENT = 4 };

static struct units_text bytes_text(double bytes, const struct fragments_options *options)
{
	return units_bytes((int64_t)(bytes + 0.5), options->exact_bytes);
}

static void print_line(const char *label, uint64_t bytes, const char *what,
	const struct fragments_options *options)
{
	printf("%-9s %11s  %s\n", label, bytes_text((double)bytes, options).text, what);
}

static void print_head(const struct fragments *fragments, const struct fragments_options *options)
{
	const struct survey_header *header = fragments->survey->header;
	const struct survey_spans *spans = &header->spans;

	printf("%s%s%s  spans of small objects; searched in %.2f s, the process stood still for %.1f ms\n",
		term_bold(), fragments->target->title, term_plain(), (double)header->took_ns / 1e9,
		(double)fragments->survey->pause_ns / 1e6);
	print_line("spans", spans->span_bytes, "of addresses", options);
	print_line("live", spans->live_bytes, "in objects", options);
	print_line("pinned", spans->pinned_bytes, "free, in spans where an object lives", options);
	print_line("cached", spans->cached_bytes, "free, in spans where none does: kept for the next ones",
		options);
	print_line("apart", spans->sampled_bytes, "free, beside samples", options);
	print_line("returned", spans->returned_bytes, "with no memory behind them, or not yet", options);
}

/* How many spans are so full, by tenths, from the emptiest. */
static void tenths_write(const struct survey_fragment *row, char text[64])
{
	static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	enum { BARS = sizeof(bars) / sizeof(bars[0]) - 1 };
	uint64_t most = 1;
	size_t used = 0;

	for (int i = 0; i < SURVEY_TENTHS; i++)
		most = row->spans[i] > most ? row->spans[i] : most;
	for (int i = 0; i < SURVEY_TENTHS; i++) {
		double share = (double)row->spans[i] / (double)most * BARS;
		size_t bar = row->spans[i] == 0 ? 0 : share < 1 ? 1 : (size_t)share;
		used += (size_t)snprintf(text + used, 64 - used, "%s", bars[bar <= BARS ? bar : BARS]);
	}
}

static uint64_t spans_sum(const struct survey_fragment *row)
{
	uint64_t sum = 0;

	for (int i = 0; i < SURVEY_TENTHS; i++)
		sum += row->spans[i];
	return sum;
}

static void add_class(struct table *table, const struct survey_fragment *row,
	const struct fragments_options *options)
{
	char histogram[64];

	tenths_write(row, histogram);
	table_add(table, units_count((int64_t)row->object_bytes).text);
	table_add(table, units_count((int64_t)spans_sum(row)).text);
	table_add(table, units_count((int64_t)(row->objects + 0.5)).text);
	table_add(table, units_share((uint64_t)row->objects, row->capacity_objects).text);
	table_add(table, bytes_text(row->bytes, options).text);
	table_add(table, bytes_text(row->pinned_bytes, options).text);
	table_add(table, histogram);
}

static void print_classes(const struct fragments *fragments, const struct fragments_options *options)
{
	static const struct table_column columns[] = {{"class", false}, {"spans", false},
		{"objects", false}, {"full", false}, {"live", false}, {"pinned", false},
		{"how full they are", true}};
	size_t shown = options->all_classes || fragments->class_count < CLASSES_SHOWN
		? fragments->class_count : CLASSES_SHOWN;
	struct table table;

	printf("\n");
	table_begin(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < shown; i++)
		add_class(&table, fragments->classes[i], options);
	table_print(&table);
	if (shown < fragments->class_count)
		printf("%s%s more; --classes shows all%s\n", term_dim(),
			units_count((int64_t)(fragments->class_count - shown)).text, term_plain());
}

static void print_site(struct fragments *fragments, const struct site *site,
	const struct fragments_options *options)
{
	printf("\n%s%s%s pinned by %s in %s object%s", term_bold(),
		bytes_text(site->pinned.bytes, options).text, term_plain(),
		bytes_text(site->live.bytes, options).text,
		units_count((int64_t)(site->live.objects + 0.5)).text,
		site->live.objects < 1.5 ? "" : "s");
	if (!fragments->survey->header->is_asked)
		printf(", by %s sample%s", units_count((int64_t)site->pinned.samples).text,
			site->pinned.samples == 1 ? "" : "s");
	printf("\n");
	callers_print(&fragments->prof.sides[STACK_AFTER].stacks, site->frame, CALLERS_INDENT);
}

static void print_unnamed(const struct fragments *fragments, const struct fragments_options *options)
{
	for (size_t i = 0; i < fragments->unnamed_count; i++) {
		const struct survey_fragment *row = fragments->unnamed[i];
		printf("\n%s%s%s pinned by %s object%s of up to %s bytes\n    [no sample]\n", term_bold(),
			bytes_text(row->pinned_bytes, options).text, term_plain(),
			units_count((int64_t)(row->objects + 0.5)).text, row->objects < 1.5 ? "" : "s",
			units_count((int64_t)row->object_bytes).text);
	}
	if (fragments->unnamed_count != 0)
		printf("\n%sMore samples name more: mstat set PID sample:16k; under MSTAT_CONF=check:full each\n"
		       "object's call is known.%s\n", term_dim(), term_plain());
}

void fragments_print_text(struct fragments *fragments, const struct fragments_options *options)
{
	size_t shown = 0, more = 0;

	print_head(fragments, options);
	print_classes(fragments, options);
	for (size_t i = 0; i < fragments->sites.count; i++) {
		const struct site *site = &fragments->sites.list[i];
		if (site->frame == 0 || site->pinned.bytes < 0.5)
			continue;
		if (shown == options->top_count) {
			more++;
			continue;
		}
		shown++;
		print_site(fragments, site, options);
	}
	if (more != 0)
		printf("\n%s%s more; --top 0 shows all%s\n", term_dim(), units_count((int64_t)more).text,
			term_plain());
	print_unnamed(fragments, options);
}
