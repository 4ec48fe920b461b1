/*
 * tools/stack_names.h - by what calls are told from each other: function, file, line,
 * module or tag.
 *
 * WHY        One name is one row of a table and one box of a picture.  Two modules may
 *            each have a function of one name, so the module is part of what a name is.
 *            What comes from a file's debugging information may be anything: here it is
 *            cleaned for a terminal and for JSON, cut to a length, and never empty.
 *
 * OWNERSHIP  stack_names_free() frees all.
 */
#ifndef TOOLS_STACK_NAMES_H
#define TOOLS_STACK_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/intern.h"
#include "tools/symbols.h"

enum stack_by {
	STACK_BY_FUNCTION,
	STACK_BY_TAG,      /* those alone that are a tag's scope */
	STACK_BY_FILE,
	STACK_BY_LINE,
	STACK_BY_DSO,
	STACK_BY_CALL      /* each line of a function for itself */
};

enum { STACK_NAME_BYTES = 1024 }; /* what is longer is cut; templates of C++ can be */

struct stack_name {
	char *text;
	char *place;       /* "file:line" of a function, the function of a line; or "" */
	uint32_t module_number; /* of names.modules */
	const char *module; /* "[none]" of what is in none */
};

struct stack_names {
	enum stack_by by;
	struct intern keys;
	struct intern modules;
	struct stack_name *list; /* by the keys' numbers */
	size_t count;
	size_t room;
};

/* The number of a call's name; INTERN_NONE if there is no memory. */
uint32_t stack_name_of(struct stack_names *names, const struct symbol *symbol,
	const char *module);

void stack_names_free(struct stack_names *names);

#endif
