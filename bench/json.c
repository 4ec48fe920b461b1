/*
 * bench/json.c - a document of nested objects, arrays, strings and numbers is
 * parsed into a tree of nodes, then the tree is freed; again and again.
 *
 * What it shows: a large number of small objects of a few sizes that are born
 * together and die together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/common.h"

enum { DOCUMENT_MAX_BYTES = 2 << 20 };

static const char usage[] = "COUNT";

enum kind { NUMBER, STRING, ARRAY, OBJECT };

struct value {
	enum kind kind;
	double number;
	char *text;            /* of a string */
	char *name;            /* of an object's member */
	struct value *first;   /* of an array or object */
	struct value *next;
};

static const char *text_parse(const char *at, char **text)
{
	const char *end = strchr(at + 1, '"');
	size_t bytes = (size_t)(end - at) - 1;

	*text = needed(malloc(bytes + 1));
	memcpy(*text, at + 1, bytes);
	(*text)[bytes] = '\0';
	return end + 1;
}

static const char *value_parse(const char *at, struct value **value);

static const char *members_parse(const char *at, struct value *parent)
{
	struct value **end = &parent->first;
	char close = parent->kind == ARRAY ? ']' : '}';

	while (*at != close) {
		char *name = NULL;
		if (parent->kind == OBJECT)
			at = text_parse(at, &name) + 1;
		at = value_parse(at, end);
		(*end)->name = name;
		end = &(*end)->next;
		if (*at == ',')
			at++;
	}
	return at + 1;
}

static const char *value_parse(const char *at, struct value **value)
{
	struct value *made = *value = needed(calloc(1, sizeof(*made)));
	char *end;

	switch (*at) {
	case '{':
		made->kind = OBJECT;
		return members_parse(at + 1, made);
	case '[':
		made->kind = ARRAY;
		return members_parse(at + 1, made);
	case '"':
		made->kind = STRING;
		return text_parse(at, &made->text);
	default:
		made->number = strtod(at, &end);
		return end;
	}
}

static void value_free(struct value *value)
{
	while (value != NULL) {
		struct value *next = value->next;
		value_free(value->first);
		free(value->name);
		free(value->text);
		free(value);
		value = next;
	}
}

/* Records such as a web service sends. */
static char *document_new(void)
{
	char *text = needed(malloc(DOCUMENT_MAX_BYTES + 1024)), *at = text;
	struct rng rng = rng_stream(5);

	*at++ = '[';
	for (unsigned i = 0; at < text + DOCUMENT_MAX_BYTES; i++)
		at += sprintf(at,
			"{\"id\":%u,\"name\":\"%.*s\",\"price\":%u.%02u,\"tags\":[\"red\",\"green\",%u],"
			"\"address\":{\"street\":\"%.*s\",\"number\":%u,\"at\":[%u.5,%u.25]}},",
			i, (int)rng_between(&rng, 3, 40), "a name that may be of any length at all, or short",
			rng_below(&rng, 1000), rng_below(&rng, 100), rng_below(&rng, 10),
			(int)rng_between(&rng, 5, 30), "Long Street of the Old Town Wall",
			rng_below(&rng, 200), rng_below(&rng, 90), rng_below(&rng, 180));
	at[-1] = ']';
	*at = '\0';
	return text;
}

int main(int argc, char **argv)
{
	uint64_t count = argument_number(argc, argv, 1, usage);
	char *document = document_new();
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t left = count; left > 0; left--) {
		struct value *root;
		value_parse(document, &root);
		value_free(root);
	}
	report_time(count, clock_cpu_ns() - begin_ns);
	free(document);
	return 0;
}
