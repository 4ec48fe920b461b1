#include <math.h>
#include <stdio.h>

#include "tools/flame.h"
#include "tools/folded.h"
#include "tools/output.h"
#include "tools/prof.h"
#include "tools/units.h"

const char *prof_value_word(enum site_value value)
{
	static const char *const words[] = {[SITE_LIVE] = "live", [SITE_TOTAL] = "total",
		[SITE_PEAK] = "peak", [SITE_PINNED] = "pinned", [SITE_NEAR] = "near"};

	return words[value];
}

bool prof_tree_make(struct stack_tree *tree, struct prof *prof, enum stack_by by)
{
	bool done = stack_tree_begin(tree, by) &&
		(!prof->is_diff || stack_tree_add(tree, STACK_BEFORE,
					   &prof->sides[STACK_BEFORE].stacks, prof->value)) &&
		stack_tree_add(tree, STACK_AFTER, &prof->sides[STACK_AFTER].stacks, prof->value);

	if (done)
		stack_tree_sum(tree);
	else
		stack_tree_free(tree);
	return done;
}

static bool no_memory(struct failure *failure)
{
	return failure_set(failure, FAILURE_CANNOT, "no memory for the profile");
}

static bool write_flame(const struct prof *prof, const struct stack_tree *tree, const char *path,
	struct failure *failure)
{
	struct failure second;
	FILE *out = output_open(path, true, failure);

	if (out == NULL)
		return false;
	bool done = flame_write(prof, tree, out) || no_memory(failure);
	return output_close(out, path, done ? failure : &second) && done;
}

bool prof_write_tree(struct prof *prof, enum stack_by by, bool as_folded, const char *flame_path,
	struct failure *failure)
{
	struct stack_tree tree;

	if (!prof_tree_make(&tree, prof, by))
		return no_memory(failure);
	if (as_folded)
		folded_write(&tree, stdout);
	bool done = flame_path == NULL || write_flame(prof, &tree, flame_path, failure);
	stack_tree_free(&tree);
	return done;
}

static const char *nothing_yet(const struct sites *sites, char *text, size_t text_bytes)
{
	if (sites->rate_bytes == 0)
		snprintf(text, text_bytes, "No samples: sampling is off.  'mstat set PID sample:512k' "
					   "turns it on.");
	else
		snprintf(text, text_bytes,
			"No samples yet: the process has allocated less than about %s.",
			units_bytes(prof_whole((double)sites->rate_bytes), false).text);
	return text;
}

static bool has_any(const struct sites *sites, enum site_value value)
{
	return sites_sum(sites, value).samples != 0;
}

const char *prof_nothing(const struct prof *prof, char *text, size_t text_bytes)
{
	const struct sites *sites = prof_sites(prof);

	if (has_any(sites, prof->value) ||
		(prof->is_diff && has_any(prof->sides[STACK_BEFORE].stacks.sites, prof->value)))
		return NULL;
	if (sites->sample_count == 0)
		return nothing_yet(sites, text, text_bytes);
	if (prof->value == SITE_PEAK && sites->peak.sequence == 0)
		return "No peak of the heap has been noted yet.";
	if (prof->value == SITE_PEAK)
		return "None of the samples was alive at the heap's last peak.";
	return "None of the samples is alive.";
}

int64_t prof_whole(double value)
{
	/* The largest double below 2^63. */
	const double most = 9223372036854774784.0;

	if (isnan(value))
		return 0;
	return (int64_t)llround(value > most ? most : value < -most ? -most : value);
}
