#include "heap/misuse.h"

#include "base/fatal.h"
#include "heap/checks.h"
#include "heap/span.h"

static size_t class_bytes_of(const void *ptr)
{
	const struct span *span = span_of_small(ptr);

	return span != NULL ? size_classes[span->class].object_bytes : 0;
}

/* Who checked the object, if that was done, knows more of it. */
static void ask_checks(const char *call, const void *ptr, const void *caller)
{
	if (heap_sample_checks != NULL)
		heap_sample_checks->misuse(ptr, call, caller);
}

COLD _Noreturn void misuse_double_free(const char *call, const void *ptr, const void *caller)
{
	ask_checks(call, ptr, caller);
	fatal_pointer(call, ptr, "double free: the object was freed before", class_bytes_of(ptr),
		caller);
}

static const char *what_is(const void *ptr)
{
	if (!arena_holds(arena_page_of(ptr)))
		return "not a pointer of this heap";
	const struct span *span = span_containing(ptr);
	if (span == NULL)
		return "double free or bad pointer: no object is there now";
	if (span->kind == SPAN_LARGE)
		return "not the start of an object: inside a large one";
	return "not the start of an object";
}

COLD _Noreturn void misuse_bad_pointer(const char *call, const void *ptr, const void *caller)
{
	ask_checks(call, ptr, caller);
	fatal_pointer(call, ptr, what_is(ptr), class_bytes_of(ptr), caller);
}

COLD _Noreturn void misuse_found_at_exit(const void *ptr, bool is_freed_twice)
{
	fatal_pointer("free", ptr,
		is_freed_twice ? "double free: the object was freed before (found at exit)"
			       : "not the start of an object (found at exit)",
		class_bytes_of(ptr), NULL);
}
