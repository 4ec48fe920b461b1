#include "tools/texts.h"

#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* A cut between two bytes of one character would leave a '?'. */
static size_t bytes_kept(const char *text)
{
	size_t bytes = strnlen(text, TEXT_MOST_BYTES);

	if (text[bytes] == '\0')
		return bytes;
	for (size_t i = bytes; i > bytes - 4; i--) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return i;
	}
	return bytes;
}

const char *texts_keep(struct texts *texts, const char *text)
{
	char *own = text != NULL ? strndup(text, bytes_kept(text)) : NULL;

	if (own == NULL)
		return NULL;
	text_clean(own);
	void *node = tsearch(own, &texts->tree, compare);
	char *kept = node != NULL ? *(char **)node : NULL;
	if (kept != own)
		free(own);
	return kept;
}

void texts_free(struct texts *texts)
{
	tdestroy(texts->tree, free);
	texts->tree = NULL;
}
