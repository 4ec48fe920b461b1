#include "tools/dump_read.h"

#include <string.h>

#include "tools/dump_json.h"
#include "tools/dump_text.h"
#include "tools/text.h"

static size_t blanks(const char *bytes, size_t count)
{
	size_t at = 0;

	while (at < count && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\t' ||
				     bytes[at] == '\r'))
		at++;
	return at;
}

bool dump_is_one(const char *bytes, size_t count)
{
	size_t at = blanks(bytes, count);

	return dump_text_is_one(bytes, count) || (at < count && bytes[at] == '{');
}

/* What a dump does not say follows from what it does. */
static void complete(struct books *books)
{
	uint64_t small_objects = 0;

	books->exactness = BOOKS_EXACT;
	for (uint32_t i = 1; i < books->class_count; i++)
		small_objects += books->classes[i].live_objects + books->classes[i].magazine_objects;
	if (books->totals.heap_objects > small_objects)
		books->large_objects = books->totals.heap_objects - small_objects;
}

static bool text_read(struct books *books, bool wants_sites, char *bytes, const char *path,
	struct failure *failure)
{
	if (wants_sites)
		return failure_set(failure, FAILURE_CANNOT,
			"%s is a dump in text, which has no call sites: dump_format:json writes them",
			path);
	return dump_text_read(books, bytes, path, failure);
}

bool dump_read(struct books *books, struct sites *sites, char *bytes, size_t count,
	const char *path, struct failure *failure)
{
	memset(books, 0, sizeof(*books));
	books->class_count = 1;
	/* A path or a thread's name may be in any encoding; JSON is in one. */
	text_clean_bytes(bytes, count);
	bool done = dump_text_is_one(bytes, count)
		? text_read(books, sites != NULL, bytes, path, failure)
		: dump_json_read(books, sites, bytes, count, path, failure);
	if (done)
		complete(books);
	else
		books_free(books);
	return done;
}
