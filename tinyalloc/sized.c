#include "tinyalloc/sized.h"

#include <stdint.h>

#include "base/bits.h"
#include "base/fatal.h"
#include "base/format.h"
#include "heap/arena.h"
#include "heap/checks.h"
#include "heap/heap.h"
#include "heap/page_heap.h"
#include "heap/size_class.h"
#include "heap/span.h"
#include "tinyalloc/tiny.h"

bool sized_is_checked = true;

/* As one that is checked was asked for. */
static size_t large_bytes(const struct span *span)
{
	return span->bytes != 0 ? span->bytes : (size_t)span->page_count << PAGE_SHIFT;
}

static _Noreturn void refuse(const struct span *span, const void *ptr, const char *what,
	size_t given_bytes, const char *call, const void *caller)
{
	bool is_small = span->kind == SPAN_SMALL;
	char text[128];
	struct format line;

	format_init(&line, text, sizeof(text), -1);
	format_text(&line, what);
	format_unsigned(&line, given_bytes);
	format_text(&line, " bytes were given");
	if (!is_small) {
		format_text(&line, ", the object has ");
		format_unsigned(&line, large_bytes(span));
	}
	format_terminate(&line);
	fatal_pointer(call, ptr, text, is_small ? size_classes[span->class].object_bytes : 0,
		caller);
}

/* What an object of less than 16 bytes may use; SIZE_MAX if none begins there. */
static size_t small_bytes(const struct span *span, const void *ptr)
{
	size_t bytes;
	void *object;

	if (span->class != SIZE_CLASS_TINY)
		return size_classes[span->class].object_bytes;
	return tiny_find(ptr, &object, &bytes) && object == ptr ? bytes : SIZE_MAX;
}

/* As heap_alloc_aligned() rounds.  A C++ runtime's own aligned new has rounded before. */
static bool is_exact(const struct span *span, const void *ptr, size_t bytes, size_t align_bytes)
{
	size_t asked = bytes != 0 ? bytes : 1, rounded;

	if (span->class >= SIZE_CLASS_TINY && span->kind == SPAN_SMALL)
		return bytes <= small_bytes(span, ptr);
	if (__builtin_add_overflow(asked, align_bytes - 1, &rounded))
		return false;
	rounded = bits_round_down(rounded, align_bytes);
	if (span->kind == SPAN_SMALL)
		return rounded <= SMALL_MAX_BYTES &&
			size_class_of(rounded) == size_class_unhinted(span->class);
	if (span->bytes != 0)
		return asked == span->bytes ||
			bits_round_up(rounded, SIZE_GRANULE_BYTES) == span->bytes;
	return span->page_count >= arena_pages_of(asked) && span->page_count <= arena_pages_of(rounded);
}

void sized_expect_unusual(const void *ptr, size_t bytes, size_t align_bytes,
	const char *call, const void *caller)
{
	const struct span *span = span_of_object(ptr);

	if (!sized_is_checked || span == NULL)
		return;
	if (heap_checks != NULL) {
		heap_checks->expect(ptr, bytes, align_bytes, call, caller);
		return;
	}
	if (!sized_is_aligned(ptr, align_bytes))
		refuse(span, ptr, "wrong alignment: ", align_bytes, call, caller);
	if (!is_exact(span, ptr, bytes, align_bytes))
		refuse(span, ptr, "wrong size: ", bytes, call, caller);
}

void sized_expect_aligned(const void *ptr, size_t align_bytes, const char *call,
	const void *caller)
{
	const struct span *span = span_of_object(ptr);

	if (sized_is_checked && span != NULL && !sized_is_aligned(ptr, align_bytes))
		refuse(span, ptr, "wrong alignment: ", align_bytes, call, caller);
}

/* What realloc() leaves where it is, or asks for more of than it needs: up to a half is
   unused, and all that there is while memory is short (heap/heap.c, realloc_small()). */
static bool is_possible(const struct span *span, const void *ptr, size_t bytes)
{
	size_t most;

	if (span->kind == SPAN_LARGE)
		most = large_bytes(span);
	else if (span->class == SIZE_CLASS_TINY)
		most = small_bytes(span, ptr);
	else
		most = size_classes[span->class].object_bytes;
	if (bytes > most)
		return false;
	return bytes > most / 2 || most <= REALLOC_STAYS_BYTES || span_is_collectable(span) ||
		word_load(&page_heap.out_of_memory_count) != 0;
}

void sized_expect_resized_unusual(const void *ptr, size_t bytes, const char *call,
	const void *caller)
{
	const struct span *span = span_of_object(ptr);

	if (sized_is_checked && span != NULL && heap_checks != NULL)
		heap_checks->expect(ptr, bytes, 0, call, caller);
	else if (sized_is_checked && span != NULL && !is_possible(span, ptr, bytes))
		refuse(span, ptr, "wrong size: ", bytes, call, caller);
}
