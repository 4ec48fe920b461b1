#include "tools/lines.h"

#include <dwarf.h>
#include <stdlib.h>

/* What an index entry costs of the steps: they bound its memory as well. */
enum { ENTRY_STEPS = 64 };

/* Entries in entries that may have functions in them: namespaces, classes, functions. */
enum { FUNCTION_DEPTH_MAX = 64 };

static bool step(struct lines *lines, uint64_t steps)
{
	bool has_left = lines->steps_left >= steps;

	lines->steps_left = has_left ? lines->steps_left - steps : 0;
	return has_left;
}

/* Adds an entry's ranges.  False if there is no memory. */
static bool ranges_add(struct lines *lines, struct spans *spans, Dwarf_Die *die, size_t number)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0 && step(lines, ENTRY_STEPS)) {
		if (!spans_add(spans, &(struct span){.start = start, .end = end,
			    .number = (uint32_t)number}))
			return false;
	}
	return true;
}

static bool has_address(struct lines *lines, Dwarf_Die *die, uint64_t address)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while (step(lines, 1) && (at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		if (start <= address && address < end)
			return true;
	}
	return false;
}

static bool function_add(struct lines *lines, struct unit *unit, Dwarf_Die *die)
{
	if (unit->count == unit->room) {
		size_t more = unit->room == 0 ? 32 : 2 * unit->room;
		Dwarf_Die *larger = reallocarray(unit->functions, more, sizeof(*larger));
		if (larger == NULL)
			return false;
		unit->functions = larger;
		unit->room = more;
	}
	unit->functions[unit->count++] = *die;
	return ranges_add(lines, &unit->spans, die, unit->count - 1);
}

static bool has_code(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges);
}

static bool may_hold_functions(int tag)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
		return true;
	default:
		return false;
	}
}

/* The functions that stand in an entry. */
static bool functions_add(struct lines *lines, struct unit *unit, Dwarf_Die *parent,
	unsigned depth)
{
	Dwarf_Die die;

	if (depth == FUNCTION_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return true;
	do {
		int tag = dwarf_tag(&die);
		if (tag == DW_TAG_subprogram && has_code(&die) && step(lines, ENTRY_STEPS) &&
			!function_add(lines, unit, &die))
			return false;
		if (may_hold_functions(tag) && !functions_add(lines, unit, &die, depth + 1))
			return false;
	} while (step(lines, 1) && dwarf_siblingof(&die, &die) == 0);
	return true;
}

/* One whose functions find no memory has those that did. */
static void unit_read(struct lines *lines, struct unit *unit)
{
	if (unit->is_read)
		return;
	unit->is_read = true;
	functions_add(lines, unit, &unit->die, 0);
	spans_sort(&unit->spans);
}

static bool unit_add(struct lines *lines, Dwarf_Die *die)
{
	if (lines->count == lines->room) {
		size_t more = lines->room == 0 ? 32 : 2 * lines->room;
		struct unit *larger = reallocarray(lines->units, more, sizeof(*larger));
		if (larger == NULL)
			return false;
		lines->units = larger;
		lines->room = more;
	}
	lines->units[lines->count++] = (struct unit){.die = *die};
	return ranges_add(lines, &lines->spans, die, lines->count - 1);
}

bool lines_read(struct lines *lines, Dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;

	*lines = (struct lines){.steps_left = LINES_STEPS_MAX};
	while (dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0 &&
		step(lines, ENTRY_STEPS)) {
		if (has_code(&die) && !unit_add(lines, &die)) {
			lines_free(lines);
			return false;
		}
	}
	spans_sort(&lines->spans);
	return true;
}

/* Enters the block or inlined function in this one that the address is in. */
static bool block_enter(struct lines *lines, Dwarf_Die *scope, uint64_t address)
{
	Dwarf_Die die;

	if (dwarf_child(scope, &die) != 0)
		return false;
	do {
		int tag = dwarf_tag(&die);
		if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine ||
			    tag == DW_TAG_try_block || tag == DW_TAG_catch_block) &&
			has_address(lines, &die, address)) {
			*scope = die;
			return true;
		}
	} while (step(lines, 1) && dwarf_siblingof(&die, &die) == 0);
	return false;
}

/* The function and what is inlined in it there, the outermost first. */
static size_t chain_find(struct lines *lines, const struct unit *unit, uint64_t address,
	Dwarf_Die *chain)
{
	const struct span *span = spans_nearest(&unit->spans, address);
	size_t count = 0;

	if (span == NULL)
		return 0;
	Dwarf_Die scope = unit->functions[span->number];
	chain[count++] = scope;
	for (unsigned i = 0; i < LINES_DEPTH_MAX; i++) {
		if (count == LINES_DEPTH_MAX || !block_enter(lines, &scope, address))
			break;
		if (dwarf_tag(&scope) == DW_TAG_inlined_subroutine)
			chain[count++] = scope;
	}
	return count;
}

static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) != NULL ||
		dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute) != NULL)
		return dwarf_formstring(&attribute);
	return dwarf_diename(die);
}

static unsigned number_of(Dwarf_Attribute *attribute)
{
	Dwarf_Word number;

	if (attribute == NULL || dwarf_formudata(attribute, &number) != 0 || number > INT32_MAX)
		return 0;
	return (unsigned)number;
}

/* The line that an address is of. */
static void line_find(struct unit *unit, uint64_t address, struct line_call *call)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
	int number;

	if (line == NULL || dwarf_lineno(line, &number) != 0 || number <= 0)
		return;
	call->file = dwarf_linesrc(line, NULL, NULL);
	call->line = call->file != NULL ? (unsigned)number : 0;
}

/* The line that an inlined function is called in. */
static void call_find(struct unit *unit, Dwarf_Die *inlined, struct line_call *call)
{
	Dwarf_Attribute attribute;
	Dwarf_Files *files;
	size_t file_count;
	unsigned file = number_of(dwarf_attr(inlined, DW_AT_call_file, &attribute));

	if (dwarf_getsrcfiles(&unit->die, &files, &file_count) != 0 || file >= file_count)
		return;
	call->file = dwarf_filesrc(files, file, NULL, NULL);
	if (call->file != NULL)
		call->line = number_of(dwarf_attr(inlined, DW_AT_call_line, &attribute));
}

size_t lines_find(struct lines *lines, uint64_t address, struct line_call *calls)
{
	Dwarf_Die chain[LINES_DEPTH_MAX];
	Dwarf_Attribute attribute;
	const struct span *span = spans_nearest(&lines->spans, address);

	if (span == NULL)
		return 0;
	struct unit *unit = &lines->units[span->number];
	unit_read(lines, unit);
	size_t count = chain_find(lines, unit, address, chain);
	calls[0] = (struct line_call){0};
	line_find(unit, address, &calls[0]);
	if (count == 0)
		return calls[0].file != NULL;
	for (size_t i = 0; i < count; i++) {
		Dwarf_Die *die = &chain[count - i - 1];
		if (i > 0) {
			calls[i] = (struct line_call){0};
			call_find(unit, &chain[count - i], &calls[i]);
		}
		calls[i].function = name_of(die);
		calls[i].start_line =
			number_of(dwarf_attr_integrate(die, DW_AT_decl_line, &attribute));
	}
	return count;
}

void lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		spans_free(&lines->units[i].spans);
		free(lines->units[i].functions);
	}
	free(lines->units);
	spans_free(&lines->spans);
	*lines = (struct lines){0};
}
