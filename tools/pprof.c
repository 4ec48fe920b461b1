#include "tools/pprof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tools/intern.h"
#include "tools/profile.pb-c.h"
#include "tools/text.h"

enum { VALUES = 4, GZIP_WINDOW_BITS = 15 + 16, GZIP_MEMORY_LEVEL = 8 };

/* Messages of one kind: the array of pointers that protobuf-c wants. */
struct messages {
	void **list;
	size_t count;
	size_t room;
};

struct maker {
	struct prof *prof;
	bool has_failed;            /* for want of memory; the rest is done for nothing */
	struct intern strings;
	struct intern function_keys; /* function ids - 1 */
	struct messages samples, mappings, locations, functions;
	uint64_t *location_ids;     /* of each frame of the side, 0: none yet */
	uint64_t first_mapping;     /* the id of the side's module 0 */
	uint64_t unknown_id;        /* the locations that stand for what is not known; 0: */
	uint64_t cut_id;            /* none yet */
};

/* Zeroed, freed with the maker; NULL if there is no memory. */
static void *message_add(struct maker *maker, struct messages *messages, size_t bytes)
{
	void *message = NULL;

	if (messages->count == messages->room) {
		size_t room = messages->room == 0 ? 64 : 2 * messages->room;
		void **larger = reallocarray(messages->list, room, sizeof(*larger));
		if (larger == NULL) {
			maker->has_failed = true;
			return NULL;
		}
		messages->list = larger;
		messages->room = room;
	}
	message = calloc(1, bytes);
	if (message == NULL)
		maker->has_failed = true;
	else
		messages->list[messages->count++] = message;
	return message;
}

/* An array of a message, which is freed with it. */
static void *array_make(struct maker *maker, size_t count, size_t bytes)
{
	void *array = calloc(count, bytes);

	if (array == NULL)
		maker->has_failed = true;
	return array;
}

static int64_t string_of(struct maker *maker, const char *text)
{
	char clean[4096];

	text_copy(clean, sizeof(clean), text, strlen(text));
	uint32_t number = intern_text(&maker->strings, clean);
	if (number == INTERN_NONE)
		maker->has_failed = true;
	return number == INTERN_NONE ? 0 : (int64_t)number;
}

/* Two functions are one if all that is said of them is the same. */
static uint64_t function_id(struct maker *maker, const struct symbol *symbol)
{
	int64_t name = string_of(maker, symbol->function[0] != '\0' ? symbol->function : "[no name]");
	int64_t file = string_of(maker, symbol->file != NULL ? symbol->file : "");
	char key[96];

	snprintf(key, sizeof(key), "%lld %lld %u", (long long)name, (long long)file,
		symbol->start_line);
	uint32_t number = intern_text(&maker->function_keys, key);
	maker->has_failed |= number == INTERN_NONE;
	if (number != maker->functions.count)
		return (uint64_t)number + 1;
	Pprof__Function *function = message_add(maker, &maker->functions, sizeof(*function));
	if (function == NULL)
		return 0;
	pprof__function__init(function);
	function->id = (uint64_t)number + 1;
	function->name = name;
	function->system_name = name;
	function->filename = file;
	function->start_line = symbol->start_line;
	return function->id;
}

static void lines_set(struct maker *maker, Pprof__Location *location,
	const struct symbol_list *symbols)
{
	location->line = array_make(maker, symbols->count, sizeof(Pprof__Line *));
	for (size_t i = 0; location->line != NULL && i < symbols->count; i++) {
		Pprof__Line *line = array_make(maker, 1, sizeof(*line));
		if (line == NULL)
			return;
		pprof__line__init(line);
		line->function_id = function_id(maker, &symbols->list[i]);
		line->line = symbols->list[i].line;
		location->line[location->n_line++] = line;
	}
}

static Pprof__Location *location_add(struct maker *maker, const struct symbol_list *symbols)
{
	Pprof__Location *location = message_add(maker, &maker->locations, sizeof(*location));

	if (location == NULL)
		return NULL;
	pprof__location__init(location);
	location->id = maker->locations.count;
	lines_set(maker, location, symbols);
	return location;
}

/* Of what stands for a frame that is not known, made when first needed. */
static uint64_t location_called(struct maker *maker, const char *name, uint64_t *id)
{
	struct symbol symbol = {.function = name};
	const struct symbol_list symbols = {&symbol, 1};

	if (*id == 0) {
		Pprof__Location *location = location_add(maker, &symbols);
		*id = location != NULL ? location->id : 0;
	}
	return *id;
}

static uint64_t location_of(struct maker *maker, const struct stacks *stacks, uint32_t frame)
{
	const struct site_frame *at = &stacks->sites->frames[frame];

	if (maker->location_ids[frame] != 0)
		return maker->location_ids[frame];
	struct symbol_list symbols = stack_symbols(stacks, frame);
	Pprof__Location *location = location_add(maker, &symbols);
	if (location == NULL)
		return 0;
	if (at->module != SITES_NO_MODULE)
		location->mapping_id = maker->first_mapping + at->module;
	/* Within the call: where it goes on may be another line, even another function. */
	location->address = at->address != 0 ? at->address - 1 : 0;
	maker->location_ids[frame] = location->id;
	return location->id;
}

static void build_id_write(char *out, const struct site_module *module)
{
	for (size_t i = 0; i < module->build_id_bytes; i++)
		snprintf(out + 2 * i, 3, "%02x", module->build_id[i]);
	out[2 * module->build_id_bytes] = '\0';
}

static void mapping_add(struct maker *maker, const struct prof_side *side, uint32_t number)
{
	const struct site_module *module = &side->stacks.sites->modules[number];
	enum module_file file = symbols_module(side->stacks.symbols, number);
	Pprof__Mapping *mapping = message_add(maker, &maker->mappings, sizeof(*mapping));
	char build_id[2 * BOX_BUILD_ID_BYTES + 1];

	if (mapping == NULL)
		return;
	pprof__mapping__init(mapping);
	build_id_write(build_id, module);
	mapping->id = maker->first_mapping + number;
	mapping->memory_start = module->start;
	mapping->memory_limit = module->end;
	mapping->filename = string_of(maker, module->path);
	mapping->build_id = string_of(maker, build_id);
	/* Always, or pprof looks for itself, and takes our one mapping of a whole object for
	   that of its code: it finds wrong names. */
	mapping->has_functions = true;
	mapping->has_filenames = file == MODULE_LINES;
	mapping->has_line_numbers = file == MODULE_LINES;
	mapping->has_inline_frames = file == MODULE_LINES;
}

static void values_set(int64_t *values, const struct site *site, const struct prof *prof,
	enum stack_side side)
{
	const struct site_sum *used = prof->value == SITE_PEAK ? &site->peak : &site->live;
	int64_t sign = side == STACK_BEFORE ? -1 : 1;

	values[0] = sign * prof_whole(site->total.objects);
	values[1] = sign * prof_whole(site->total.bytes);
	values[2] = sign * prof_whole(used->objects);
	values[3] = sign * prof_whole(used->bytes);
}

static void stack_set(struct maker *maker, Pprof__Sample *sample, const struct stacks *stacks,
	const struct stack *stack)
{
	sample->location_id = array_make(maker, stack->count + 1, sizeof(*sample->location_id));
	if (sample->location_id == NULL)
		return;
	for (size_t i = 0; i < stack->count; i++)
		sample->location_id[sample->n_location_id++] =
			location_of(maker, stacks, stack->frames[i]);
	if (stack->is_cut)
		sample->location_id[sample->n_location_id++] =
			location_called(maker, STACK_CUT, &maker->cut_id);
	else if (stack->count == 0)
		sample->location_id[sample->n_location_id++] =
			location_called(maker, STACK_UNKNOWN, &maker->unknown_id);
}

static void sample_add(struct maker *maker, struct prof_side *side, const struct site *site)
{
	Pprof__Sample *sample = message_add(maker, &maker->samples, sizeof(*sample));
	struct stack stack;

	if (sample == NULL)
		return;
	pprof__sample__init(sample);
	stack_read(&side->stacks, site->frame, &stack);
	stack_set(maker, sample, &side->stacks, &stack);
	sample->value = array_make(maker, VALUES, sizeof(*sample->value));
	if (sample->value == NULL)
		return;
	sample->n_value = VALUES;
	values_set(sample->value, site, maker->prof, (enum stack_side)(side - maker->prof->sides));
}

/* Its mappings last, when it is known which were used; ids may have gaps. */
static void side_add(struct maker *maker, struct prof_side *side)
{
	const struct sites *sites = side->stacks.sites;

	maker->location_ids = calloc(sites->frame_count + 1, sizeof(*maker->location_ids));
	maker->has_failed |= maker->location_ids == NULL;
	for (size_t i = 0; i < sites->count && !maker->has_failed; i++)
		sample_add(maker, side, &sites->list[i]);
	for (uint32_t i = 0; i < sites->module_count && !maker->has_failed; i++)
		if (side->stacks.modules_used[i])
			mapping_add(maker, side, i);
	maker->first_mapping += sites->module_count;
	free(maker->location_ids);
	maker->location_ids = NULL;
}

static void types_set(struct maker *maker, Pprof__ValueType *types)
{
	static const char *const names[VALUES][2] = {{"alloc_objects", "count"},
		{"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}};

	for (size_t i = 0; i < VALUES; i++) {
		pprof__value_type__init(&types[i]);
		types[i].type = string_of(maker, names[i][0]);
		types[i].unit = string_of(maker, names[i][1]);
	}
}

static int64_t comment_of(struct maker *maker)
{
	const struct prof *prof = maker->prof;
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s, %s", prof->is_diff ? prof->sides[0].title : "",
		prof->is_diff ? " to " : "", prof->sides[STACK_AFTER].title,
		prof->value == SITE_PEAK ? "in use: at the heap's peak" : "in use: now");
	return string_of(maker, text);
}

static bool gzip(const unsigned char *bytes, size_t count, unsigned char **out,
	size_t *out_count)
{
	z_stream stream = {0};

	if (count > UINT32_MAX || deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
					  GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL,
					  Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	size_t room = deflateBound(&stream, count);
	*out = malloc(room);
	if (*out == NULL || room > UINT32_MAX) {
		free(*out);
		deflateEnd(&stream);
		return false;
	}
	stream.next_in = (Bytef *)(uintptr_t)bytes;
	stream.avail_in = (uInt)count;
	stream.next_out = *out;
	stream.avail_out = (uInt)room;
	bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
	*out_count = stream.total_out;
	deflateEnd(&stream);
	if (!done)
		free(*out);
	return done;
}

static bool profile_pack(const Pprof__Profile *profile, unsigned char **bytes, size_t *count)
{
	size_t packed_count = pprof__profile__get_packed_size(profile);
	unsigned char *packed = malloc(packed_count + 1);

	if (packed == NULL)
		return false;
	pprof__profile__pack(profile, packed);
	bool done = gzip(packed, packed_count, bytes, count);
	free(packed);
	return done;
}

static bool profile_write(struct maker *maker, unsigned char **bytes, size_t *count)
{
	Pprof__ValueType types[VALUES], *type_list[VALUES], period;
	Pprof__Profile profile;
	int64_t comment = comment_of(maker);

	types_set(maker, types);
	for (size_t i = 0; i < VALUES; i++)
		type_list[i] = &types[i];
	pprof__value_type__init(&period);
	period.type = string_of(maker, "space");
	period.unit = string_of(maker, "bytes");
	pprof__profile__init(&profile);
	profile.sample_type = type_list;
	profile.n_sample_type = VALUES;
	profile.sample = (Pprof__Sample **)maker->samples.list;
	profile.n_sample = maker->samples.count;
	profile.mapping = (Pprof__Mapping **)maker->mappings.list;
	profile.n_mapping = maker->mappings.count;
	profile.location = (Pprof__Location **)maker->locations.list;
	profile.n_location = maker->locations.count;
	profile.function = (Pprof__Function **)maker->functions.list;
	profile.n_function = maker->functions.count;
	profile.time_nanos = (int64_t)maker->prof->sides[STACK_AFTER].realtime_ns;
	profile.period_type = &period;
	profile.period = prof_whole((double)prof_sites(maker->prof)->rate_bytes);
	profile.comment = &comment;
	profile.n_comment = 1;
	profile.default_sample_type =
		string_of(maker, maker->prof->value == SITE_TOTAL ? "alloc_space" : "inuse_space");
	profile.string_table = maker->strings.texts;
	profile.n_string_table = maker->strings.count;
	return !maker->has_failed && profile_pack(&profile, bytes, count);
}

static void messages_free(struct messages *messages)
{
	for (size_t i = 0; i < messages->count; i++)
		free(messages->list[i]);
	free(messages->list);
}

static void maker_free(struct maker *maker)
{
	for (size_t i = 0; i < maker->samples.count; i++) {
		Pprof__Sample *sample = maker->samples.list[i];
		free(sample->location_id);
		free(sample->value);
	}
	for (size_t i = 0; i < maker->locations.count; i++) {
		Pprof__Location *location = maker->locations.list[i];
		for (size_t line = 0; line < location->n_line; line++)
			free(location->line[line]);
		free(location->line);
	}
	messages_free(&maker->samples);
	messages_free(&maker->mappings);
	messages_free(&maker->locations);
	messages_free(&maker->functions);
	intern_free(&maker->strings);
	intern_free(&maker->function_keys);
}

bool pprof_encode(struct prof *prof, unsigned char **bytes, size_t *count)
{
	struct maker maker = {.prof = prof, .first_mapping = 1};

	string_of(&maker, "");
	if (prof->is_diff)
		side_add(&maker, &prof->sides[STACK_BEFORE]);
	side_add(&maker, &prof->sides[STACK_AFTER]);
	bool done = profile_write(&maker, bytes, count);
	maker_free(&maker);
	return done;
}
