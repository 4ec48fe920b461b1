#include "tools/stack_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

enum { KEY_BYTES = 3 * STACK_NAME_BYTES };

/* A name before it is known whether there is one like it. */
struct draft {
	char text[STACK_NAME_BYTES];
	char place[STACK_NAME_BYTES];
	char module[STACK_NAME_BYTES];
};

static void copy(char *out, const char *text, const char *instead)
{
	text_copy(out, STACK_NAME_BYTES, text, strlen(text));
	if (out[0] == '\0')
		snprintf(out, STACK_NAME_BYTES, "%s", instead);
}

/* "file:line", "file", or "" where no file is known. */
static void place_set(char *out, const char *file, unsigned line)
{
	char text[STACK_NAME_BYTES], number[16] = "";

	out[0] = '\0';
	if (file == NULL || file[0] == '\0')
		return;
	if (line != 0)
		snprintf(number, sizeof(number), ":%u", line);
	text_copy(text, sizeof(text), file, strlen(file));
	snprintf(out, STACK_NAME_BYTES, "%.*s%s", STACK_NAME_BYTES - 16, text, number);
	text_clean(out);
}

static void draft_make(struct draft *draft, enum stack_by by, const struct symbol *symbol,
	const char *module)
{
	copy(draft->module, module, "[none]");
	copy(draft->text, symbol->function, "[no name]");
	draft->place[0] = '\0';
	if (by == STACK_BY_FUNCTION) {
		place_set(draft->place, symbol->file, symbol->start_line);
	} else if (by == STACK_BY_CALL) {
		place_set(draft->place, symbol->file, symbol->line);
	} else if (by == STACK_BY_DSO) {
		copy(draft->text, draft->module, "");
	} else if (symbol->file == NULL || symbol->file[0] == '\0') {
		/* The best that is known; of a file that is the module's. */
		if (by == STACK_BY_FILE)
			copy(draft->text, draft->module, "");
	} else {
		if (by == STACK_BY_LINE)
			copy(draft->place, draft->text, "");
		place_set(draft->text, symbol->file, by == STACK_BY_LINE ? symbol->line : 0);
	}
}

/* A function is one, wherever its calls stand. */
static uint32_t key_of(struct stack_names *names, const struct draft *draft)
{
	char key[KEY_BYTES];

	snprintf(key, sizeof(key), "%s\x1f%s\x1f%s", draft->text, draft->module,
		names->by == STACK_BY_FUNCTION ? "" : draft->place);
	return intern_text(&names->keys, key);
}

static bool room_make(struct stack_names *names)
{
	if (names->count < names->room)
		return true;
	size_t room = names->room == 0 ? 64 : 2 * names->room;
	struct stack_name *larger = reallocarray(names->list, room, sizeof(*larger));
	if (larger == NULL)
		return false;
	names->list = larger;
	names->room = room;
	return true;
}

static bool name_add(struct stack_names *names, const struct draft *draft)
{
	uint32_t module = intern_text(&names->modules, draft->module);

	if (module == INTERN_NONE || !room_make(names))
		return false;
	struct stack_name name = {.text = strdup(draft->text), .place = strdup(draft->place),
		.module_number = module, .module = names->modules.texts[module]};
	if (name.text == NULL || name.place == NULL) {
		free(name.text);
		free(name.place);
		return false;
	}
	names->list[names->count++] = name;
	return true;
}

uint32_t stack_name_of(struct stack_names *names, const struct symbol *symbol,
	const char *module)
{
	struct draft draft;

	draft_make(&draft, names->by, symbol, module);
	uint32_t number = key_of(names, &draft);
	if (number == INTERN_NONE || number < names->count)
		return number;
	/* A key without a name, of a time without memory, would shift all after it. */
	return number == names->count && name_add(names, &draft) ? number : INTERN_NONE;
}

void stack_names_free(struct stack_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		free(names->list[i].text);
		free(names->list[i].place);
	}
	free(names->list);
	intern_free(&names->keys);
	intern_free(&names->modules);
	*names = (struct stack_names){.by = names->by};
}
