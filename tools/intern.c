#include "tools/intern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 256 };

/* FNV-1a, then mixed, because the slot is of its low bits. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash ^ hash >> 32;
}

/* Where a text stands, or would. */
static size_t slot_find(const struct intern *intern, const char *text)
{
	size_t at = hash_of(text) & (intern->slot_count - 1);

	while (intern->slots[at] != 0 && strcmp(intern->texts[intern->slots[at] - 1], text) != 0)
		at = (at + 1) & (intern->slot_count - 1);
	return at;
}

static bool grow(struct intern *intern)
{
	size_t slot_count = intern->slot_count == 0 ? FIRST_SLOTS : 2 * intern->slot_count;
	char **texts = reallocarray(intern->texts, slot_count / 2, sizeof(*texts));

	if (texts == NULL)
		return false;
	intern->texts = texts;
	uint32_t *slots = calloc(slot_count, sizeof(*slots));
	if (slots == NULL)
		return false;
	free(intern->slots);
	intern->slots = slots;
	intern->slot_count = slot_count;
	for (size_t i = 0; i < intern->count; i++)
		slots[slot_find(intern, intern->texts[i])] = (uint32_t)i + 1;
	return true;
}

uint32_t intern_text(struct intern *intern, const char *text)
{
	if (2 * (intern->count + 1) >= intern->slot_count && !grow(intern))
		return INTERN_NONE;
	size_t slot = slot_find(intern, text);
	if (intern->slots[slot] != 0)
		return intern->slots[slot] - 1;
	char *copy = strdup(text);
	if (copy == NULL)
		return INTERN_NONE;
	intern->texts[intern->count++] = copy;
	intern->slots[slot] = (uint32_t)intern->count;
	return intern->slots[slot] - 1;
}

void intern_free(struct intern *intern)
{
	for (size_t i = 0; i < intern->count; i++)
		free(intern->texts[i]);
	free(intern->texts);
	free(intern->slots);
	*intern = (struct intern){0};
}
