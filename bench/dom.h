/*
 * bench/dom.h - a JSON text as a tree in memory.
 *
 * WHY        What a program that keeps documents holds: for each object one array of
 *            its members, for each array one of its elements, of just the length that
 *            is needed; names, strings and numbers each an allocation of their own.
 *            Numbers stay text, as they do in every parser that must not lose digits.
 *            The arrays hold pointers; the texts do not, and are hinted.
 *
 * TEXTS      C strings, or counted and without a NUL, as parsers keep them for which
 *            \u0000 is a character.  The node has room for the lengths in any case.
 */
#ifndef BENCH_DOM_H
#define BENCH_DOM_H

#include <stdbool.h>
#include <stdint.h>

enum dom_kind { DOM_NULL, DOM_FALSE, DOM_TRUE, DOM_NUMBER, DOM_STRING, DOM_ARRAY, DOM_OBJECT };

struct dom_value {
	uint16_t kind;       /* enum dom_kind */
	uint16_t name_bytes; /* of a member */
	uint32_t count;      /* of a text's bytes, elements or members */
	union {
		char *text; /* of a string or number; NULL if counted and empty */
		struct dom_value *elements;
		struct dom_member *members;
	};
};

struct dom_member {
	char *name;
	struct dom_value value;
};

/* How texts are kept from now on. */
void dom_count_texts(bool is_counted);

/* The text is well-formed, without white space and without escapes. */
struct dom_value dom_parse(const char *text);

/* The text that it was parsed from; where it ends, which is not marked. */
char *dom_write(const struct dom_value *value, char *to);

void dom_free(struct dom_value *root);

#endif
