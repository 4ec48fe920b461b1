#include "stats/report.h"

#include "base/compiler.h"
#include "base/os.h"
#include "stats/fields.h"
#include "stats/report_sites.h"

/* A named number of a class or thread row, in either form. */
struct cell {
	const char *name;
	int64_t value;
};

enum { CLASS_CELLS = 10, THREAD_CELLS = 6 };

/* A dump's totals: too large for the stack of a signal handler. */
BULKY struct mstat_snapshot report_snapshot;

static void class_cells(const struct source_class *row, struct cell cells[CLASS_CELLS])
{
	cells[0] = (struct cell){"size_bytes", (int64_t)row->object_bytes};
	cells[1] = (struct cell){"nmalloc", (int64_t)row->nmalloc};
	cells[2] = (struct cell){"nfree", (int64_t)row->nfree};
	cells[3] = (struct cell){"live_objects", (int64_t)row->live_objects};
	cells[4] = (struct cell){"magazine_objects", (int64_t)row->magazine_objects};
	cells[5] = (struct cell){"span_free_objects", (int64_t)row->span_free_objects};
	cells[6] = (struct cell){"span_count", (int64_t)row->span_count};
	cells[7] = (struct cell){"span_bytes", (int64_t)row->span_bytes};
	cells[8] = (struct cell){"sampled_objects", (int64_t)row->sampled_objects};
	cells[9] = (struct cell){"sampled_bytes", (int64_t)row->sampled_bytes};
}

static void thread_cells(const struct source_thread *row, struct cell cells[THREAD_CELLS])
{
	cells[0] = (struct cell){"tid", row->tid};
	cells[1] = (struct cell){"alloc", row->figures.alloc};
	cells[2] = (struct cell){"total_alloc", (int64_t)row->figures.total_alloc};
	cells[3] = (struct cell){"nmalloc", (int64_t)row->figures.nmalloc};
	cells[4] = (struct cell){"nfree", (int64_t)row->figures.nfree};
	cells[5] = (struct cell){"magazine_bytes", (int64_t)row->figures.magazine_bytes};
}

static void text_cells(struct format *out, const struct cell *cells, int count)
{
	for (int i = 0; i < count; i++) {
		format_char(out, ' ');
		format_text(out, cells[i].name);
		format_char(out, ' ');
		format_signed(out, cells[i].value);
	}
}

static void text_number(struct format *out, const char *name, uint64_t value)
{
	format_text(out, name);
	format_char(out, ' ');
	format_unsigned(out, value);
	format_char(out, '\n');
}

static void text_string(struct format *out, const char *name, const char *value)
{
	format_text(out, name);
	format_char(out, ' ');
	/* A line is a line, whatever a file is called. */
	for (; *value != '\0'; value++)
		format_char(out, *value == '\n' ? '?' : *value);
	format_char(out, '\n');
}

void report_text(struct format *out, const struct source *source,
	const struct report_subject *subject)
{
	struct source_class class;
	struct source_thread thread;
	struct cell cells[CLASS_CELLS];

	source->snapshot(&report_snapshot);
	format_text(out, "mstat dump 1\n");
	text_string(out, "version", mstat_version());
	text_number(out, "pid", (uint64_t)subject->pid);
	text_number(out, "start_ticks", subject->start_ticks);
	text_string(out, "exe", subject->exe);
	text_number(out, "realtime_ns", os_realtime_ns());
	for (const struct stats_field *field = stats_fields; field->name != NULL; field++)
		text_number(out, field->name, stats_field_read(&report_snapshot, field));
	for (uint32_t i = 1; i < source->class_count(); i++) {
		source->size_class(i, &class);
		class_cells(&class, cells);
		format_text(out, "class");
		text_cells(out, cells, CLASS_CELLS);
		format_char(out, '\n');
	}
	for (uint32_t i = 0; i < source->thread_count(); i++) {
		if (!source->thread(i, &thread))
			continue;
		thread_cells(&thread, cells);
		format_text(out, "thread");
		text_cells(out, cells, 1);
		format_text(out, thread.is_live ? " state live" : " state ended");
		text_cells(out, cells + 1, THREAD_CELLS - 1);
		format_char(out, ' ');
		text_string(out, "name", thread.name);
	}
	format_text(out, "end\n");
}

static void json_name(struct format *out, const char *name)
{
	format_char(out, '"');
	format_text(out, name);
	format_text(out, "\":");
}

static void json_number(struct format *out, const char *name, int64_t value, bool is_first)
{
	if (!is_first)
		format_char(out, ',');
	json_name(out, name);
	format_signed(out, value);
}

static void json_cells(struct format *out, const struct cell *cells, int count)
{
	for (int i = 0; i < count; i++)
		json_number(out, cells[i].name, cells[i].value, i == 0);
}

static void json_classes(struct format *out, const struct source *source)
{
	struct source_class class;
	struct cell cells[CLASS_CELLS];

	format_text(out, ",\n\"classes\":[");
	for (uint32_t i = 1; i < source->class_count(); i++) {
		source->size_class(i, &class);
		class_cells(&class, cells);
		format_text(out, i == 1 ? "\n{" : ",\n{");
		json_cells(out, cells, CLASS_CELLS);
		format_char(out, '}');
	}
	format_char(out, ']');
}

static void json_threads(struct format *out, const struct source *source)
{
	struct source_thread thread;
	struct cell cells[THREAD_CELLS];
	bool is_first = true;

	format_text(out, ",\n\"threads\":[");
	for (uint32_t i = 0; i < source->thread_count(); i++) {
		if (!source->thread(i, &thread))
			continue;
		thread_cells(&thread, cells);
		format_text(out, is_first ? "\n{" : ",\n{");
		is_first = false;
		json_cells(out, cells, THREAD_CELLS);
		format_text(out, thread.is_live ? ",\"state\":\"live\"," : ",\"state\":\"ended\",");
		json_name(out, "name");
		format_json_string(out, thread.name, sizeof(thread.name));
		format_char(out, '}');
	}
	format_char(out, ']');
}

void report_json(struct format *out, const struct source *source,
	const struct report_subject *subject)
{
	source->snapshot(&report_snapshot);
	format_char(out, '{');
	json_number(out, "mstat_dump", 1, true);
	format_char(out, ',');
	json_name(out, "version");
	format_json_string(out, mstat_version(), 64);
	json_number(out, "pid", subject->pid, false);
	json_number(out, "start_ticks", (int64_t)subject->start_ticks, false);
	format_char(out, ',');
	json_name(out, "exe");
	format_json_string(out, subject->exe, 4096);
	json_number(out, "realtime_ns", (int64_t)os_realtime_ns(), false);
	format_text(out, ",\n\"totals\":{");
	for (const struct stats_field *field = stats_fields; field->name != NULL; field++)
		json_number(out, field->name, (int64_t)stats_field_read(&report_snapshot, field),
			field == stats_fields);
	format_char(out, '}');
	json_classes(out, source);
	json_threads(out, source);
	if (source->sites != NULL)
		report_json_sites(out, source->sites);
	format_text(out, "}\n");
}

static void summary_line(struct format *out, const char *label, uint64_t value, const char *unit)
{
	size_t width = 0;

	format_text(out, "mstat:   ");
	for (; label[width] != '\0'; width++)
		format_char(out, label[width]);
	int64_t room = 36 - (int64_t)width;
	for (uint64_t rest = value; rest >= 10; rest /= 10)
		room--;
	while (room-- > 0)
		format_char(out, ' ');
	format_unsigned(out, value);
	format_char(out, ' ');
	format_text(out, unit);
	format_char(out, '\n');
}

void report_summary(struct format *out, const struct source *source,
	const struct report_subject *subject)
{
	struct mstat_snapshot now;

	source->snapshot(&now);
	format_text(out, "mstat: ");
	format_text(out, subject->exe);
	format_text(out, " (pid ");
	format_signed(out, subject->pid);
	format_text(out, ") at exit\n");
	summary_line(out, "live objects", now.alloc, "bytes");
	summary_line(out, "+ in magazines", now.magazine_bytes, "bytes");
	summary_line(out, "+ free in spans", now.span_free_bytes, "bytes");
	summary_line(out, "+ idle pages kept", now.idle_kept_bytes, "bytes");
	summary_line(out, "+ given back to the OS", now.heap_released, "bytes");
	summary_line(out, "+ never used", now.never_used_bytes, "bytes");
	summary_line(out, "= heap, mapped", now.heap_sys, "bytes");
	if (now.stacks_sys != 0)
		summary_line(out, "coroutine stacks", now.stacks_sys, "bytes");
	summary_line(out, "not freed", now.nmalloc - now.nfree, "objects");
	summary_line(out, "allocations", now.nmalloc, "");
	summary_line(out, "allocated in all", now.total_alloc, "bytes");
}
