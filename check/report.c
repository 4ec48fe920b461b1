#include "check/report.h"

#include "base/bits.h"
#include "base/fatal.h"
#include "base/format.h"
#include "check/stack.h"
#include "profile/sites.h"

/* Of the one that is reported at the moment. */
static struct object_record shown;

static void explain(struct format *out)
{
	if (shown.state == RECORD_FRESH)
		return;
	format_text(out, "  allocated by thread ");
	format_unsigned(out, shown.allocated_by);
	format_text(out, ":\n");
	stack_print(out, shown.allocated_at);
	if (shown.freed_by == 0)
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
	*freed_at = shown.state != RECORD_FRESH && shown.freed_by != 0 ? shown.freed_at : 0;
}

/* The sentence, and what was asked for. */
static void sentence(struct format *line, const char *what, const struct report_object *object)
{
	shown = object->record != NULL ? *object->record : (struct object_record){.allocated_at = 0};
	if (shown.state == RECORD_LIVE || shown.state == RECORD_LEAVING)
		shown.freed_by = 0; /* by its former owner */
	sites_publish_counts();
	format_text(line, what);
	if (shown.state != RECORD_FRESH) {
		format_text(line, ", ");
		format_unsigned(line, object->bytes);
		format_text(line, " bytes");
	}
	format_terminate(line);
}

void report_and_end(const char *call, const void *address, const char *what,
	const struct report_object *object, const void *caller)
{
	char text[256];
	struct format line;

	format_init(&line, text, sizeof(text), -1);
	sentence(&line, what, object);
	fatal_pointer(call, address, text, object->class_bytes, caller);
}

void report_fault(const char *call, const void *address, const char *what,
	const struct report_object *object, const void *caller)
{
	char text[256];
	struct format line;

	format_init(&line, text, sizeof(text), -1);
	sentence(&line, what, object);
	fatal_pointer_said(call, address, text, object->class_bytes, caller);
}
