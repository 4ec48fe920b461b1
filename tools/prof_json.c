#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/json.h"
#include "tools/prof_json.h"
#include "tools/prof_rows.h"
#include "tools/text.h"

/* Sites are printed one after the other: all their frames at once could be a thousand
   times what the box has. */

static json_t *address_text(uint64_t address)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	return json_string(text);
}

/* Of a file's debugging information, which may be no UTF-8. */
static json_t *text_or_null(const char *text)
{
	char clean[4096];

	if (text == NULL)
		return json_null();
	text_copy(clean, sizeof(clean), text, strlen(text));
	return json_string(clean);
}

json_t *prof_json_sum(const struct site_sum *sum)
{
	json_t *object = json_object();

	set(object, "samples", number(sum->samples));
	set(object, "objects", json_integer(prof_whole(sum->objects)));
	set(object, "objects_error", json_integer(prof_whole(sum->objects_error)));
	set(object, "bytes", json_integer(prof_whole(sum->bytes)));
	set(object, "bytes_error", json_integer(prof_whole(sum->bytes_error)));
	return object;
}

static json_t *build_id(const struct site_module *module)
{
	char text[2 * BOX_BUILD_ID_BYTES + 1] = "";

	if (module->build_id_bytes == 0)
		return json_null();
	for (size_t i = 0; i < module->build_id_bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", module->build_id[i]);
	return json_string(text);
}

static const char *state_word(enum module_file file)
{
	static const char *const words[] = {[MODULE_LINES] = "lines",
		[MODULE_SYMBOLS] = "symbols", [MODULE_STRIPPED] = "stripped",
		[MODULE_MISSING] = "missing", [MODULE_OTHER] = "other",
		[MODULE_UNREADABLE] = "unreadable"};

	return words[file];
}

json_t *prof_json_modules(const struct stacks *stacks)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < stacks->sites->module_count; i++) {
		const struct site_module *module = &stacks->sites->modules[i];
		json_t *object = json_object();
		set(object, "path", json_string(module->path));
		set(object, "build_id", build_id(module));
		set(object, "state", stacks->modules_used[i] ?
			json_string(state_word(symbols_module(stacks->symbols, i))) : json_null());
		set(object, "start", address_text(module->start));
		set(object, "end", address_text(module->end));
		set(object, "unloaded", json_boolean(module->is_gone));
		json_array_append_new(array, object);
	}
	return array;
}

void prof_json_frames(json_t *frames, const struct stacks *stacks, uint32_t frame)
{
	const struct site_frame *at = &stacks->sites->frames[frame];
	struct symbol_list symbols = stack_symbols(stacks, frame);

	for (size_t i = 0; i < symbols.count; i++) {
		const struct symbol *symbol = &symbols.list[i];
		json_t *object = json_object();
		set(object, "function", text_or_null(symbol->is_known ? symbol->function : NULL));
		set(object, "file", text_or_null(symbol->file));
		set(object, "line", symbol->line != 0 ? json_integer(symbol->line) : json_null());
		set(object, "inlined", json_boolean(i + 1 < symbols.count));
		set(object, "module", at->module != SITES_NO_MODULE ?
			json_string(sites_module_name(stacks->sites, at->module)) : json_null());
		set(object, "address", address_text(at->address));
		json_array_append_new(frames, object);
	}
}

static json_t *stack_array(const struct stacks *stacks, const struct stack *stack)
{
	json_t *frames = json_array();

	for (size_t i = 0; i < stack->count; i++)
		prof_json_frames(frames, stacks, stack->frames[i]);
	return frames;
}

json_t *prof_json_callers(struct stacks *stacks, uint32_t frame)
{
	static struct stack stack;

	if (frame == 0 || frame >= stacks->sites->frame_count)
		return json_null();
	stack_read(stacks, frame, &stack);
	return stack_array(stacks, &stack);
}

json_t *prof_json_site(struct stacks *stacks, const struct site *site)
{
	json_t *object = json_object();
	struct stack stack;

	stack_read(stacks, site->frame, &stack);
	set(object, "live", prof_json_sum(&site->live));
	set(object, "total", prof_json_sum(&site->total));
	set(object, "peak", prof_json_sum(&site->peak));
	set(object, "cut", json_boolean(stack.is_cut));
	set(object, "frames", stack_array(stacks, &stack));
	return object;
}

static json_t *peak_object(const struct box_peak *peak)
{
	if (peak->sequence == 0)
		return json_null();
	json_t *object = json_object();
	set(object, "realtime_ns", number(peak->realtime_ns));
	set(object, "heap_inuse", number(peak->heap_inuse));
	return object;
}

static json_t *sums_object(const struct sites *sites)
{
	json_t *object = json_object();

	for (enum site_value value = SITE_LIVE; value <= SITE_PEAK; value++) {
		struct site_sum sum = sites_sum(sites, value);
		set(object, prof_value_word(value), prof_json_sum(&sum));
	}
	return object;
}

static json_t *head_object(const struct prof_side *side)
{
	const struct sites *sites = side->stacks.sites;
	json_t *root = json_object();

	set(root, "mstat_prof", json_integer(1));
	set(root, "title", json_string(side->title));
	set(root, "realtime_ns", number(side->realtime_ns));
	set(root, "rate_bytes", number(sites->rate_bytes));
	set(root, "samples", number(sites->sample_count));
	set(root, "lost", number(sites->lost_count));
	set(root, "damaged_parts", number(sites->damaged_parts));
	set(root, "last_peak", peak_object(&sites->peak));
	set(root, "sums", sums_object(sites));
	return root;
}

/* Its members without its braces; frees it. */
static bool members_print(json_t *object)
{
	bool done = object != NULL &&
		json_dumpf(object, stdout, JSON_EMBED | JSON_INDENT(2)) == 0;

	json_decref(object);
	return done;
}

static int compare_sites(const void *a, const void *b, void *prof)
{
	enum site_value value = ((const struct prof *)prof)->value;
	double left = site_sum_of(*(const struct site *const *)a, value)->bytes;
	double right = site_sum_of(*(const struct site *const *)b, value)->bytes;

	return (left < right) - (left > right);
}

/* A site a line, the largest first. */
static bool sites_print(struct prof *prof, size_t top_count)
{
	struct stacks *stacks = &prof->sides[STACK_AFTER].stacks;
	const struct sites *sites = stacks->sites;
	const struct site **list = calloc(sites->count + 1, sizeof(const struct site *));
	bool done = list != NULL;

	for (size_t i = 0; done && i < sites->count; i++)
		list[i] = &sites->list[i];
	if (done)
		qsort_r(list, sites->count, sizeof(const struct site *), compare_sites, prof);
	for (size_t i = 0; done && i < sites->count && i < top_count; i++) {
		json_t *object = prof_json_site(stacks, list[i]);
		printf("%s\n    ", i == 0 ? "" : ",");
		done = object != NULL && json_dumpf(object, stdout, JSON_COMPACT) == 0;
		json_decref(object);
	}
	free(list);
	return done;
}

static bool print_one(struct prof *prof, size_t top_count)
{
	struct prof_side *side = &prof->sides[STACK_AFTER];
	json_t *modules = json_object();

	printf("{");
	bool done = members_print(head_object(side));
	printf(",\n  \"sites\": [");
	done = sites_print(prof, top_count) && done;
	printf("\n  ],");
	/* Behind the sites, whose frames tell which modules are looked at. */
	set(modules, "modules", prof_json_modules(&side->stacks));
	done = members_print(modules) && done;
	printf("}\n");
	return done;
}

static json_t *row_object(const struct prof_row *row)
{
	json_t *object = json_object();

	set(object, "name", json_string(row->name->text));
	set(object, "place", text_or_null(row->name->place[0] != '\0' ? row->name->place : NULL));
	set(object, "module", json_string(row->name->module));
	set(object, "before", prof_json_sum(&row->flat.before));
	set(object, "after", prof_json_sum(&row->flat.after));
	set(object, "change", json_integer(prof_whole(stack_sum_change(&row->flat))));
	set(object, "change_error", json_integer(prof_whole(stack_sum_error(&row->flat))));
	set(object, "cum_change", json_integer(prof_whole(stack_sum_change(&row->cum))));
	return object;
}

static json_t *rows_array(const struct prof_rows *rows, size_t top_count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < rows->count && i < top_count; i++)
		json_array_append_new(array, row_object(&rows->list[i]));
	return array;
}

static bool print_diff(struct prof *prof, const struct prof_options *options)
{
	struct stack_tree tree;
	struct prof_rows rows;
	json_t *root = json_object();

	if (!prof_tree_make(&tree, prof, options->print_stacks ? STACK_BY_CALL : options->by)) {
		json_decref(root);
		return false;
	}
	set(root, "mstat_prof_diff", json_integer(1));
	set(root, "before", head_object(&prof->sides[STACK_BEFORE]));
	set(root, "after", head_object(&prof->sides[STACK_AFTER]));
	set(root, "value", json_string(prof_value_word(prof->value)));
	bool done = root != NULL && prof_rows_make(&rows, &tree);
	if (done) {
		set(root, "rows", rows_array(&rows, options->top_count));
		done = json_dumpf(root, stdout, JSON_INDENT(2)) == 0;
		printf("\n");
		prof_rows_free(&rows);
	}
	stack_tree_free(&tree);
	json_decref(root);
	return done;
}

bool prof_print_json(struct prof *prof, const struct prof_options *options)
{
	return prof->is_diff ? print_diff(prof, options) : print_one(prof, options->top_count);
}
