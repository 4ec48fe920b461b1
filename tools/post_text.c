#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/callers.h"
#include "tools/limit.h"
#include "tools/post.h"
#include "tools/prof_table.h"
#include "tools/table.h"
#include "tools/term.h"
#include "tools/text.h"
#include "tools/units.h"

enum { LABEL_COLUMNS = 10, NANOSECONDS = 1000000000, CALLERS_INDENT = 6 };

enum { NEAR_CLASSES = 8, NEAR_FUNCTIONS = 5 };

static struct units_text bytes_text(uint64_t bytes)
{
	return units_bytes(bytes <= INT64_MAX ? (int64_t)bytes : INT64_MAX, false);
}

static void print_title(const char *text)
{
	printf("\n%s%s%s\n", term_bold(), text, term_plain());
}

/* Words, on as many lines as it takes, all behind `indent` blanks. */
static void print_wrapped(int indent, const char *text)
{
	size_t most = term_columns() - (size_t)indent, column = 0;

	for (const char *word = text; *word != '\0';) {
		char copy[1024];
		size_t bytes = strcspn(word, " ");
		snprintf(copy, sizeof(copy), "%.*s", (int)bytes, word);
		size_t columns = text_columns(copy);
		if (column != 0 && column + 1 + columns > most)
			column = 0;
		if (column == 0)
			printf("%s%*s%s", word != text ? "\n" : "", indent, "", copy);
		else
			printf(" %s", copy);
		column += columns + (column != 0);
		word += bytes + strspn(word + bytes, " ");
	}
	printf("\n");
}

/* ---- heading --------------------------------------------------------------- */

static const char *life_text(enum box_life life)
{
	static const char *const texts[] = {[LIFE_LIVE] = "running", [LIFE_ENDED] = "dead",
		[LIFE_EXECUTED] = "replaced: its process goes on without this box",
		[LIFE_UNSEEN] = "out of sight: of another pid namespace"};

	return texts[life];
}

static struct units_text age_between(uint64_t from_ns, uint64_t to_ns)
{
	return units_age(to_ns > from_ns ? (to_ns - from_ns) / NANOSECONDS : 0);
}

static void print_cut(const char *label, const char *text)
{
	size_t columns = term_columns() - LABEL_COLUMNS;

	if (text_columns(text) <= columns)
		printf("%-*s%s\n", LABEL_COLUMNS, label, text);
	else
		printf("%-*s%.*s...\n", LABEL_COLUMNS, label, (int)text_cut(text, columns - 3), text);
}

static void print_head(const struct post *post)
{
	const struct target *target = &post->target;
	const struct books *books = &target->books;
	uint64_t damaged = (uint64_t)books->damaged_parts + target->sites.damaged_parts;

	printf("%s%s%s  %s\n", term_bold(), target->title, term_plain(), life_text(target->life));
	print_cut("command", books->command[0] != '\0' ? books->command : books->exe);
	print_cut("program", books->exe);
	printf("%-*s%s\n", LABEL_COLUMNS, "began", units_time(books->start_realtime_ns).text);
	printf("%-*s%s, %s later, by its books\n", LABEL_COLUMNS, "last",
		units_time(post->last_realtime_ns).text,
		age_between(books->start_realtime_ns, post->last_realtime_ns).text);
	print_cut("box", post->path);
	if (damaged != 0)
		printf("%-*s%s part%s of it damaged, counted as nothing\n", LABEL_COLUMNS, "",
			units_count((int64_t)damaged).text, damaged == 1 ? " is" : "s are");
}

/* ---- how it ended ---------------------------------------------------------- */

static void print_clue(const struct death_clue *clue)
{
	char text[800];

	print_wrapped(2, clue->sentence);
	if (clue->evidence[0] == '\0' && clue->realtime_ns == 0)
		return;
	snprintf(text, sizeof(text), "%s%s%s%s%s", death_source_text(clue->source),
		clue->realtime_ns != 0 ? ", " : "",
		clue->realtime_ns != 0 ? units_time(clue->realtime_ns).text : "",
		clue->evidence[0] != '\0' ? ": " : "", clue->evidence);
	printf("%s", term_dim());
	print_wrapped(4, text);
	printf("%s", term_plain());
}

static void print_kernel_log(const struct death *death)
{
	char text[256];

	if (!death->kernel_is_read)
		snprintf(text, sizeof(text), "The kernel's log cannot be read: %s.",
			strerror(death->kernel_error));
	else
		snprintf(text, sizeof(text), "The kernel's log tells nothing of it%s.",
			death->kernel_reaches_back ? "" : ", but does not reach back to its start");
	print_wrapped(2, text);
}

/* What was looked at in vain. */
static void print_unknown(const struct death *death)
{
	print_wrapped(2, "It is not known how: it was killed by a signal, as by kill -9, or ended by "
			 "abort(). No exit handler ran, which would have removed its box.");
	if (!death->is_this_boot)
		return;
	print_kernel_log(death);
	if (!death->has_kills)
		print_wrapped(2, "Whether its control group had somebody killed for memory is not "
				 "known.");
	else if (death->kills == 0)
		print_wrapped(2, "In its control group nobody was killed for memory since.");
}

static void print_death(const struct post *post)
{
	const struct death *death = &post->death;
	const struct box_cgroup *group = &post->target.content.cgroup;

	print_title("How it ended");
	if (post->target.life != LIFE_ENDED) {
		print_wrapped(2, post->target.life == LIFE_EXECUTED ?
			"It has not: its process executed another program, or this is a copy." :
			"Whether it ended is not known: it is out of sight from here.");
		return;
	}
	for (size_t i = 0; i < death->clue_count; i++)
		print_clue(&death->clues[i]);
	if (!death->is_known)
		print_unknown(death);
	if (group->limit_bytes != 0)
		printf("  Its control group's limit was %s.\n", bytes_text(group->limit_bytes).text);
}

/* Who called, the innermost first. */
static void print_callers(struct post *post, const char *title, uint32_t frame)
{
	struct stacks *stacks = &post->prof.sides[STACK_AFTER].stacks;

	if (frame == 0 || frame >= stacks->sites->frame_count)
		return;
	printf("    %s\n", title);
	callers_print(stacks, frame, CALLERS_INDENT);
}

static void print_events(struct post *post)
{
	const struct books *books = &post->target.books;

	if (books->event_count == 0)
		return;
	print_title("Its last events");
	for (size_t i = 0; i < books->event_count; i++) {
		const struct books_event *event = &books->events[i];
		char text[400];
		snprintf(text, sizeof(text), "%s  %s  %s", units_time(event->realtime_ns).text,
			books_event_word(event), event->text);
		print_wrapped(2, text);
		print_callers(post, "allocated by", event->allocated_at);
		print_callers(post, "freed by", event->freed_at);
	}
}

/* ---- what it held ---------------------------------------------------------- */

static void print_fact(const char *label, uint64_t bytes, const char *note)
{
	printf("  %-24s %12s%s%s%s%s\n", label, bytes_text(bytes).text, note[0] != '\0' ? "  " : "",
		term_dim(), note, term_plain());
}

static const char *count_note(char *note, size_t note_bytes, uint64_t count)
{
	snprintf(note, note_bytes, "%s object%s", units_count((int64_t)count).text,
		count == 1 ? "" : "s");
	return note;
}

static void print_totals(const struct post *post)
{
	const struct books *books = &post->target.books;
	const struct mstat_snapshot *totals = &books->totals;
	char note[96];

	print_title("What it held at last");
	print_fact("live", totals->alloc, count_note(note, sizeof(note), totals->nmalloc - totals->nfree));
	print_fact("of which large", totals->large_alloc,
		count_note(note, sizeof(note), books->large_objects));
	print_fact("heap in use", totals->heap_inuse, "small spans and large objects");
	print_fact("its peak", books->peak_heap_inuse, "");
	print_fact("idle, kept for reuse", totals->idle_kept_bytes, "");
	print_fact("resident, at the most", post_resident_bytes(post), "of the heap and its tables");
	print_fact("allocated in all", totals->total_alloc, "since it began");
}

static void add_peak(struct table *table, const struct post *post, size_t index)
{
	const struct box_peak *peak = &post->peaks[index];
	uint64_t before = index > 0 ? post->peaks[index - 1].heap_inuse : 0;
	int64_t grown = (int64_t)(peak->heap_inuse - before);

	table_add(table, units_time(peak->realtime_ns).text);
	table_add(table, age_between(post->target.books.start_realtime_ns, peak->realtime_ns).text);
	table_add(table, bytes_text(peak->heap_inuse).text);
	table_add(table, index > 0 ? units_change(grown, false).text : "");
	table_add(table, bytes_text(peak->large_bytes).text);
	table_add(table, units_count((int64_t)peak->thread_count).text);
}

/* The heap's peaks: each a sixteenth above the last one. */
static void print_peaks(const struct post *post)
{
	static const struct table_column columns[] = {{"when", true}, {"after", false},
		{"heap in use", false}, {"grown", false}, {"large", false}, {"threads", false}};
	struct table table;

	if (post->peak_count == 0)
		return;
	print_title("How it grew: the last peaks of its heap");
	table_begin(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < post->peak_count; i++)
		add_peak(&table, post, i);
	table_print(&table);
}

/* ---- who had asked for it -------------------------------------------------- */

static bool print_functions(struct post *post, const struct prof_options *options)
{
	struct stack_tree tree;

	if (!prof_tree_make(&tree, &post->prof, options->by))
		return false;
	bool done = prof_print_table(&post->prof, &tree, options);
	stack_tree_free(&tree);
	return done;
}

static bool print_sites(struct post *post)
{
	const struct prof_options options = {.top_count = post->top_count, .by = STACK_BY_FUNCTION};
	char text[256];
	const char *nothing = prof_nothing(&post->prof, text, sizeof(text));

	print_title("Who had asked for what was alive");
	if (nothing != NULL) {
		print_wrapped(2, nothing);
		return true;
	}
	if (!print_functions(post, &options))
		return false;
	print_title("The largest call stack");
	if (!prof_print_largest(&post->prof, &options))
		return false;
	prof_print_modules(&post->prof, &options);
	return true;
}

/* ---- when it came near its limit ------------------------------------------- */

static bool print_near(struct post *post)
{
	const struct prof_options options = {.top_count = NEAR_FUNCTIONS, .by = STACK_BY_FUNCTION};
	const struct box_content *content = &post->target.content;
	const struct box_near *near = &content->near;
	char text[LIMIT_TEXT_BYTES];

	if (near->sequence == 0)
		return true;
	print_title("When it came near its memory limit, the last time");
	limit_text(&near->limit, false, text);
	print_wrapped(2, text);
	print_fact("heap in use", near->peak.heap_inuse, "small spans and large objects");
	print_fact("idle, kept for reuse", near->peak.idle_kept_bytes, "");
	print_fact("returned then", near->returned_bytes, "");
	printf("\n");
	limit_print_classes(content, NEAR_CLASSES, false);
	if (post->target.sites.near_sequence == 0 ||
		sites_sum(&post->target.sites, SITE_NEAR).samples == 0)
		return true;
	printf("\n");
	post->prof.value = SITE_NEAR;
	bool done = print_functions(post, &options);
	post->prof.value = SITE_LIVE;
	return done;
}

bool post_print_text(struct post *post)
{
	print_head(post);
	print_death(post);
	print_events(post);
	print_totals(post);
	print_peaks(post);
	return print_near(post) && print_sites(post);
}
