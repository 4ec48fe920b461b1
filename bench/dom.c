#include "bench/dom.h"

#include <string.h>

#include "bench/common.h"
#include "bench/hint.h"

static bool texts_are_counted;

/*
 * What is open: members and elements of which nobody knows yet how many there will be.
 * It stays as large as it ever was.
 */
static struct {
	struct dom_member *members;
	uint32_t count;
	uint32_t room;
} open;

void dom_count_texts(bool is_counted)
{
	texts_are_counted = is_counted;
}

static void open_push(char *name, struct dom_value value)
{
	if (open.count == open.room) {
		open.room = open.room != 0 ? 2 * open.room : 256;
		open.members = needed(realloc(open.members, open.room * sizeof(*open.members)));
	}
	open.members[open.count++] = (struct dom_member){name, value};
}

static char *text_copy(const char *begin, size_t bytes)
{
	size_t end_bytes = texts_are_counted ? 0 : 1;

	if (bytes + end_bytes == 0)
		return NULL;
	char *text = text_new(bytes + end_bytes);
	memcpy(text, begin, bytes);
	if (end_bytes != 0)
		text[bytes] = '\0';
	return text;
}

static struct dom_value text_parse(const char **at, enum dom_kind kind, size_t bytes)
{
	struct dom_value value = {.kind = kind, .count = (uint32_t)bytes};

	value.text = text_copy(*at, bytes);
	*at += bytes;
	return value;
}

/* Between its quotation marks; *at becomes what follows. */
static struct dom_value string_parse(const char **at)
{
	++*at;
	struct dom_value value = text_parse(at, DOM_STRING, (size_t)(strchr(*at, '"') - *at));
	++*at;
	return value;
}

static struct dom_value value_parse(const char **at);

static struct dom_value elements_parse(const char **at)
{
	uint32_t first = open.count;

	while (*++*at != ']') {
		open_push(NULL, value_parse(at));
		if (**at == ']')
			break;
	}
	++*at;

	struct dom_value value = {.kind = DOM_ARRAY, .count = open.count - first};
	if (value.count > 0)
		value.elements = node_new(value.count * sizeof(*value.elements));
	for (uint32_t i = 0; i < value.count; i++)
		value.elements[i] = open.members[first + i].value;
	open.count = first;
	return value;
}

static struct dom_value members_parse(const char **at)
{
	uint32_t first = open.count;

	while (*++*at != '}') {
		struct dom_value name = string_parse(at);
		++*at;
		struct dom_value value = value_parse(at);
		value.name_bytes = (uint16_t)name.count;
		open_push(name.text, value);
		if (**at == '}')
			break;
	}
	++*at;

	struct dom_value value = {.kind = DOM_OBJECT, .count = open.count - first};
	if (value.count > 0) {
		size_t bytes = value.count * sizeof(*value.members);
		value.members = node_new(bytes);
		memcpy(value.members, open.members + first, bytes);
	}
	open.count = first;
	return value;
}

static struct dom_value word_parse(const char **at, enum dom_kind kind, size_t letters)
{
	*at += letters;
	return (struct dom_value){.kind = kind};
}

static struct dom_value value_parse(const char **at)
{
	switch (**at) {
	case '{': return members_parse(at);
	case '[': return elements_parse(at);
	case '"': return string_parse(at);
	case 'n': return word_parse(at, DOM_NULL, strlen("null"));
	case 'f': return word_parse(at, DOM_FALSE, strlen("false"));
	case 't': return word_parse(at, DOM_TRUE, strlen("true"));
	default: return text_parse(at, DOM_NUMBER, strspn(*at, "+-.0123456789Ee"));
	}
}

struct dom_value dom_parse(const char *text)
{
	return value_parse(&text);
}

static char *bytes_write(const char *bytes, size_t count, char *to)
{
	return (char *)memcpy(to, bytes, count) + count;
}

static char *string_write(const char *text, size_t bytes, char *to)
{
	*to++ = '"';
	if (bytes > 0)
		to = bytes_write(text, bytes, to);
	*to++ = '"';
	return to;
}

static char *elements_write(const struct dom_value *array, char *to)
{
	*to++ = '[';
	for (uint32_t i = 0; i < array->count; i++) {
		if (i > 0)
			*to++ = ',';
		to = dom_write(&array->elements[i], to);
	}
	*to++ = ']';
	return to;
}

static char *members_write(const struct dom_value *object, char *to)
{
	*to++ = '{';
	for (uint32_t i = 0; i < object->count; i++) {
		const struct dom_member *member = &object->members[i];
		if (i > 0)
			*to++ = ',';
		to = string_write(member->name, member->value.name_bytes, to);
		*to++ = ':';
		to = dom_write(&member->value, to);
	}
	*to++ = '}';
	return to;
}

char *dom_write(const struct dom_value *value, char *to)
{
	switch (value->kind) {
	case DOM_NULL: return bytes_write("null", 4, to);
	case DOM_FALSE: return bytes_write("false", 5, to);
	case DOM_TRUE: return bytes_write("true", 4, to);
	case DOM_NUMBER: return bytes_write(value->text, value->count, to);
	case DOM_STRING: return string_write(value->text, value->count, to);
	case DOM_ARRAY: return elements_write(value, to);
	default: return members_write(value, to);
	}
}

void dom_free(struct dom_value *root)
{
	switch (root->kind) {
	case DOM_NUMBER:
	case DOM_STRING:
		free(root->text);
		break;
	case DOM_ARRAY:
		for (uint32_t i = 0; i < root->count; i++)
			dom_free(&root->elements[i]);
		free(root->elements);
		break;
	case DOM_OBJECT:
		for (uint32_t i = 0; i < root->count; i++) {
			free(root->members[i].name);
			dom_free(&root->members[i].value);
		}
		free(root->members);
		break;
	default:
		break;
	}
}
