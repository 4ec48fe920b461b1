#include "check/report.h"

#include "base/bits.h"
#include "base/fatal.h"
#include "base/format.h"
#include "check/stack.h"
#include "profile/sites.h"

/* Of the one that this thread reports at the moment. */
static THREAD_LOCAL struct object_record shown;

static void explain(struct format *out)
{
	if (shown.state == RECORD_FRESH)
		return;
	format_text(out, "  allocated by thread ");
	format_unsigned(out, shown.allocated_by);
	format_text(out, ":\n");
	stack_print(out, shown.allocated_at);
	if (shown.state != RECORD_FREED)
		return;
	format_text(out, "  freed by thread ");
	format_unsigned(out, shown.freed_by);
	format_text(out, ":\n");
	stack_print(out, shown.freed_at);
}

void report_init(void)
{
	fatal_explainer = explain;
}

void report_frames(uint32_t *allocated_at, uint32_t *freed_at)
{
	*allocated_at = shown.state != RECORD_FRESH ? shown.allocated_at : 0;
	*freed_at = shown.state == RECORD_FREED ? shown.freed_at : 0;
}

/* What is said of an address, and of its object. */
struct sentence {
	char text[256];
	struct format line;
};

static void sentence_begin(struct sentence *sentence, const char *what)
{
	format_init(&sentence->line, sentence->text, sizeof(sentence->text), -1);
	format_text(&sentence->line, what);
}

static void sentence_end(struct sentence *sentence, const struct report_object *object)
{
	shown = object->record != NULL ? *object->record : (struct object_record){.allocated_at = 0};
	sites_publish_counts();
	if (shown.state != RECORD_FRESH) {
		format_text(&sentence->line, ", ");
		format_unsigned(&sentence->line, object->bytes);
		format_text(&sentence->line, " bytes");
	}
	format_terminate(&sentence->line);
}

void report_and_end(const char *call, const void *address, const char *what,
	const struct report_object *object, const void *caller)
{
	struct sentence sentence;

	sentence_begin(&sentence, what);
	sentence_end(&sentence, object);
	fatal_pointer(call, address, sentence.text, object->class_bytes, caller);
}

void report_number(const char *call, const void *address, const char *what, uint64_t number,
	const char *after, const struct report_object *object, const void *caller)
{
	struct sentence sentence;

	sentence_begin(&sentence, what);
	format_unsigned(&sentence.line, number);
	format_text(&sentence.line, after);
	sentence_end(&sentence, object);
	fatal_pointer(call, address, sentence.text, object->class_bytes, caller);
}

void report_beside(const char *call, const char *start, const char *broken,
	const struct report_object *object, const void *caller)
{
	if (broken < start)
		report_number(call, start, "written to ", (uint64_t)(start - broken), " before its begin", object,
			caller);
	report_number(call, start, "written to beyond its end, at byte ", (uint64_t)(broken - start), "",
		object, caller);
}

void report_written(const char *start, const char *broken, const struct report_object *object)
{
	report_number("malloc", start, "written to after it was freed, at byte ",
		(uint64_t)(broken - start), "", object, NULL);
}

void report_fault(const char *call, const char *address, const char *start, bool is_freed,
	const struct report_object *object, const void *caller)
{
	struct sentence sentence;

	if (is_freed || address >= start) {
		sentence_begin(&sentence, is_freed ? "used after it was freed, at byte "
						   : "used beyond its end, at byte ");
		format_signed(&sentence.line, address - start);
	} else {
		sentence_begin(&sentence, "used ");
		format_signed(&sentence.line, start - address);
		format_text(&sentence.line, " before its begin");
	}
	sentence_end(&sentence, object);
	fatal_pointer_said(call, address, sentence.text, object->class_bytes, caller);
	/* What else may be said of this process is of another object. */
	shown = (struct object_record){.allocated_at = 0};
}
