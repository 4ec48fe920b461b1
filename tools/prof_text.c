#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/prof.h"
#include "tools/prof_table.h"
#include "tools/term.h"
#include "tools/units.h"

/* ---- heading --------------------------------------------------------------- */

static const char *value_text(enum site_value value)
{
	static const char *const texts[] = {[SITE_LIVE] = "what is alive",
		[SITE_TOTAL] = "all that was allocated", [SITE_PEAK] = "what was alive at the peak",
		[SITE_NEAR] = "what was alive near the limit"};

	return texts[value];
}

static const char *sum_label(enum site_value value)
{
	return value == SITE_PEAK ? "at peak" : value == SITE_NEAR ? "near" : prof_value_word(value);
}

static void print_rate(const struct sites *sites)
{
	if (sites->rate_bytes == 0)
		printf("rate      sampling is off now\n");
	else
		printf("rate      1 sample in %s\n",
			units_bytes(prof_whole((double)sites->rate_bytes), false).text);
}

static void print_samples(const struct prof *prof, const struct site_sum *sum)
{
	const struct sites *sites = prof_sites(prof);

	printf("samples   %s of %s taken are of it\n", units_count((int64_t)sum->samples).text,
		units_count((int64_t)sites->sample_count).text);
	if (sites->lost_count != 0)
		printf("          %s are not followed, for want of memory: counted as not alive\n",
			units_count((int64_t)sites->lost_count).text);
	if (sites->damaged_parts != 0)
		printf("          %s part%s damaged, counted as nothing\n",
			units_count((int64_t)sites->damaged_parts).text,
			sites->damaged_parts == 1 ? " is" : "s are");
}

static void print_sum(const char *label, const struct site_sum *sum,
	const struct prof_options *options)
{
	printf("%-9s %s ± %s in %s objects; ± is one standard error\n", label,
		prof_bytes_text(sum->bytes, options).text, prof_bytes_text(sum->bytes_error, options).text,
		units_count(prof_whole(sum->objects)).text);
}

static void print_peak(const struct sites *sites, const struct prof_options *options)
{
	if (sites->peak.sequence != 0)
		printf("peak      %s in spans, %s\n",
			prof_bytes_text((double)sites->peak.heap_inuse, options).text,
			units_time(sites->peak.realtime_ns).text);
}

static void print_head(const struct prof *prof, const struct prof_options *options)
{
	const struct sites *sites = prof_sites(prof);
	struct site_sum sum = sites_sum(sites, prof->value);

	printf("%s%s%s  %s, by %s\n", term_bold(), prof->sides[STACK_AFTER].title, term_plain(),
		value_text(prof->value), prof_by_word(options->by));
	print_rate(sites);
	print_samples(prof, &sum);
	print_sum(sum_label(prof->value), &sum, options);
	print_peak(sites, options);
}

static void print_diff_head(const struct prof *prof, const struct prof_options *options)
{
	static const char *const labels[] = {"before", "after"};
	struct site_sum sums[2];

	for (int side = 0; side < 2; side++) {
		const struct prof_side *at = &prof->sides[side];
		sums[side] = sites_sum(at->stacks.sites, prof->value);
		printf("%-9s %s%s%s  %s\n", labels[side], term_bold(), at->title, term_plain(),
			units_time(at->realtime_ns).text);
		printf("          %s ± %s, 1 sample in %s\n",
			prof_bytes_text(sums[side].bytes, options).text,
			prof_bytes_text(sums[side].bytes_error, options).text,
			units_bytes(prof_whole((double)at->stacks.sites->rate_bytes), false).text);
	}
	printf("%-9s %s ± %s of %s, by %s; ± is one standard error\n", "change",
		prof_change_text(sums[1].bytes - sums[0].bytes, options).text,
		prof_bytes_text(hypot(sums[0].bytes_error, sums[1].bytes_error), options).text,
		value_text(prof->value), prof_by_word(options->by));
}

/* ---- modules --------------------------------------------------------------- */

/* What a module's file lacks; NULL if nothing. */
static const char *module_lack(enum module_file file)
{
	switch (file) {
	case MODULE_LINES:
	case MODULE_SYMBOLS:
		return NULL;
	case MODULE_STRIPPED:
		return "has no names: it is stripped, and its debug file is not here";
	case MODULE_MISSING:
		return "is not here, so its functions have no names";
	case MODULE_OTHER:
		return "is another file than the one that ran, so it is not believed";
	case MODULE_UNREADABLE:
		return "cannot be read, so its functions have no names";
	}
	return NULL;
}

static const char *lack_of(const struct stacks *stacks, uint32_t module)
{
	return stacks->modules_used[module] ? module_lack(symbols_module(stacks->symbols, module))
					    : NULL;
}

/* Whether it is told of the same file already. */
static bool lack_is_told(const struct stacks *told, const char *path, const char *lack)
{
	for (uint32_t i = 0; told != NULL && i < told->sites->module_count; i++)
		if (strcmp(told->sites->modules[i].path, path) == 0 && lack_of(told, i) == lack)
			return true;
	return false;
}

/* Without those of `told`, which may be NULL. */
static bool print_lacks(const struct stacks *stacks, const struct stacks *told, bool has_any)
{
	const struct sites *sites = stacks->sites;

	for (uint32_t i = 0; i < sites->module_count; i++) {
		const char *lack = lack_of(stacks, i), *path = sites->modules[i].path;
		if (lack == NULL || lack_is_told(told, path, lack))
			continue;
		printf("%s%s %s.\n", has_any ? "" : "\n", path[0] != '\0' ? path : "A module", lack);
		has_any = true;
	}
	return has_any;
}

void prof_print_modules(const struct prof *prof, const struct prof_options *options)
{
	const struct stacks *after = &prof->sides[STACK_AFTER].stacks;
	const struct stacks *before = prof->is_diff ? &prof->sides[STACK_BEFORE].stacks : NULL;
	bool has_any = before != NULL && print_lacks(before, NULL, false);

	has_any = print_lacks(after, before, has_any);
	if (has_any && !options->use_debuginfod)
		printf("--debuginfod asks the servers of $DEBUGINFOD_URLS for what is missing.\n");
}

bool prof_print_text(struct prof *prof, const struct prof_options *options)
{
	char text[256];
	const char *nothing = prof_nothing(prof, text, sizeof(text));
	struct stack_tree tree;
	bool done;

	if (prof->is_diff)
		print_diff_head(prof, options);
	else
		print_head(prof, options);
	if (nothing != NULL) {
		printf("\n%s\n", nothing);
		return true;
	}
	if (!prof_tree_make(&tree, prof, options->print_stacks ? STACK_BY_CALL : options->by))
		return false;
	if (options->print_stacks) {
		done = prof_print_stacks(prof, &tree, options);
	} else {
		printf("\n");
		done = prof_print_table(prof, &tree, options);
	}
	stack_tree_free(&tree);
	prof_print_modules(prof, options);
	return done;
}
