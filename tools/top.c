#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/term.h"
#include "tools/top_list.h"
#include "tools/top_pages.h"
#include "tools/top_process.h"
#include "tools/top_screen.h"
#include "tools/units.h"

enum {
	OPTION_INTERVAL = 256,
	OPTION_ONCE,
	INTERVAL_MS = 1000,
	INTERVAL_LEAST_MS = 100,
	REST_SHARE = 3 /* after work at least so many times as long nothing is done */
};

static const char list_keys[] =
	"Up/Down  Enter open  Sort: m live  g growth  r RSS  a allocs  p PID  q quit";
static const char process_keys[] =
	"l ledger  c classes  t threads  s sites  Tab next  Up/Down  Esc list  q quit";

/* What is on the screen. */
struct view {
	uint64_t interval_ms;
	uint64_t next_ns;             /* when to look again, monotonic */
	struct top_list list;
	struct top_identity selected; /* in the list; of pid 0: the first */
	char note[160];               /* why nothing was opened; "": instead of the title */
	bool has_process;             /* it is shown, not the list */
	struct top_process process;
	enum top_page which;
	size_t scroll;
	bool has_page;                /* `page` is of the last look */
	struct page page;
};

/* ---- looking --------------------------------------------------------------- */

/* Work that began then is followed by a rest. */
static void rest_after(struct view *view, uint64_t start_ns)
{
	uint64_t end_ns = rate_clock_ns(), least_ns = end_ns + REST_SHARE * (end_ns - start_ns);

	if (view->next_ns < least_ns)
		view->next_ns = least_ns;
}

static void look(struct view *view)
{
	uint64_t start_ns = rate_clock_ns();

	if (view->has_process)
		top_process_refresh(&view->process);
	else
		top_list_refresh(&view->list);
	view->next_ns = start_ns + view->interval_ms * 1000000u;
	rest_after(view, start_ns);
	view->has_page = false;
}

static uint64_t wait_ms(const struct view *view)
{
	uint64_t now_ns = rate_clock_ns();

	/* One more: not to come a little too early. */
	return now_ns < view->next_ns ? (view->next_ns - now_ns) / 1000000u + 1 : 0;
}

/* ---- the page -------------------------------------------------------------- */

static void list_page_make(struct view *view)
{
	char title[256];

	snprintf(title, sizeof(title), "mstat top  %zu process%s under libmstat, %s",
		view->list.count, view->list.count == 1 ? "" : "es",
		top_order_text(view->list.order));
	top_list_page(&view->list, view->note[0] != '\0' ? view->note : title, &view->page);
}

static void process_page_make(struct view *view)
{
	top_head_add(&view->page, &view->process);
	top_tabs_add(&view->page, view->which);
	top_page_add(&view->page, view->which, &view->process);
}

/* Where the names of functions must be found first, it says so meanwhile. */
static void tell_of_names(struct view *view)
{
	struct page page;

	page_begin(&page, screen_columns());
	top_head_add(&page, &view->process);
	top_tabs_add(&page, view->which);
	page_add(&page, PAGE_PLAIN, "Looking for the names of functions ...");
	page.fixed_count = 0;
	screen_draw(&page, 0, SCREEN_NO_LINE, process_keys);
	page_free(&page);
}

static void page_make(struct view *view)
{
	if (view->has_process && view->which == TOP_SITES && view->process.symbols == NULL)
		tell_of_names(view);
	uint64_t start_ns = rate_clock_ns();
	page_free(&view->page);
	page_begin(&view->page, screen_columns());
	if (view->has_process)
		process_page_make(view);
	else
		list_page_make(view);
	view->has_page = true;
	rest_after(view, start_ns);
}

/* The selected row; the first if what was selected is gone. */
static size_t selected_row(const struct view *view)
{
	size_t at = top_list_find(&view->list, &view->selected);

	return at < view->list.count ? at : 0;
}

static void draw(struct view *view)
{
	long marked = SCREEN_NO_LINE;

	if (!view->has_page)
		page_make(view);
	if (!view->has_process && view->list.count > 0)
		marked = (long)selected_row(view);
	view->scroll = screen_scroll(&view->page, view->scroll, marked);
	screen_draw(&view->page, view->scroll, marked,
		view->has_process ? process_keys : list_keys);
}

/* ---- keys ------------------------------------------------------------------ */

static void process_enter(struct view *view)
{
	struct failure failure;

	if (view->list.count == 0)
		return;
	const struct top_identity *identity = &view->list.list[selected_row(view)].identity;
	view->selected = *identity;
	view->has_page = false;
	if (top_process_open(&view->process, identity->pid, &failure)) {
		view->has_process = true;
		view->scroll = 0;
		view->next_ns = rate_clock_ns() + view->interval_ms * 1000000u;
		/* It may be another by now: then the list is behind. */
		if (top_identity_equal(&view->process.identity, identity))
			return;
		top_process_close(&view->process);
		view->has_process = false;
		failure_set(&failure, FAILURE_CANNOT, "process %d ended", (int)identity->pid);
	}
	snprintf(view->note, sizeof(view->note), "mstat top  %.140s", failure.text);
}

static void process_leave(struct view *view)
{
	view->selected = view->process.identity;
	top_process_close(&view->process);
	view->has_process = false;
	view->scroll = 0;
	look(view);
}

static void select_by(struct view *view, long lines)
{
	size_t last = view->list.count - 1, at = selected_row(view);

	if (view->list.count == 0)
		return;
	if (lines < 0)
		at = at > (size_t)-lines ? at - (size_t)-lines : 0;
	else
		at = last - at > (size_t)lines ? at + (size_t)lines : last;
	view->selected = view->list.list[at].identity;
}

static void scroll_by(struct view *view, long lines)
{
	if (lines < 0)
		view->scroll = view->scroll > (size_t)-lines ? view->scroll - (size_t)-lines : 0;
	else
		view->scroll += (size_t)lines;
}

/* How far a key moves; 0: it is another key. */
static long lines_of(const struct view *view, int key)
{
	long body = (long)screen_body_lines(&view->page), all = (long)view->page.count;

	switch (key) {
	case SCREEN_UP:
		return -1;
	case SCREEN_DOWN:
		return 1;
	case SCREEN_PAGE_UP:
		return -body;
	case SCREEN_PAGE_DOWN:
		return body;
	case SCREEN_HOME:
		return -all - 1;
	case SCREEN_END:
		return all + 1;
	default:
		return 0;
	}
}

static void sort_by(struct view *view, enum top_order order)
{
	/* The one that is marked stays so wherever it comes to stand. */
	select_by(view, 0);
	view->list.order = order;
	top_list_sort(&view->list);
	view->has_page = false;
}

static void list_key(struct view *view, int key)
{
	switch (key) {
	case SCREEN_ENTER:
		process_enter(view);
		break;
	case 'm':
		sort_by(view, TOP_BY_LIVE);
		break;
	case 'g':
		sort_by(view, TOP_BY_GROWTH);
		break;
	case 'r':
		sort_by(view, TOP_BY_RSS);
		break;
	case 'a':
		sort_by(view, TOP_BY_ALLOCATIONS);
		break;
	case 'p':
		sort_by(view, TOP_BY_PID);
		break;
	default:
		break;
	}
}

static void page_turn(struct view *view, enum top_page which)
{
	view->which = which;
	view->scroll = 0;
	view->has_page = false;
}

static void process_key(struct view *view, int key)
{
	switch (key) {
	case SCREEN_BACK:
		process_leave(view);
		break;
	case SCREEN_NEXT:
		page_turn(view, (view->which + 1) % TOP_PAGES);
		break;
	case SCREEN_PREVIOUS:
		page_turn(view, (view->which + TOP_PAGES - 1) % TOP_PAGES);
		break;
	case 'l':
		page_turn(view, TOP_LEDGER);
		break;
	case 'c':
		page_turn(view, TOP_CLASSES);
		break;
	case 't':
		page_turn(view, TOP_THREADS);
		break;
	case 's':
		page_turn(view, TOP_SITES);
		break;
	default:
		break;
	}
}

static void take_key(struct view *view, int key)
{
	long lines = lines_of(view, key);

	if (view->note[0] != '\0') {
		view->note[0] = '\0';
		view->has_page = false;
	}
	if (key == SCREEN_RESIZED)
		view->has_page = false;
	else if (view->has_process && lines != 0)
		scroll_by(view, lines);
	else if (lines != 0)
		select_by(view, lines);
	else if (view->has_process)
		process_key(view, key);
	else
		list_key(view, key);
}

static void watch(struct view *view)
{
	int key = SCREEN_NONE;

	while (key != 'q' && key != SCREEN_OVER) {
		draw(view);
		key = screen_key(wait_ms(view));
		if (key != SCREEN_NONE)
			take_key(view, key);
		else if (wait_ms(view) == 0)
			look(view);
	}
	page_free(&view->page);
}

/* ---- once ------------------------------------------------------------------ */

static void rest(uint64_t milliseconds)
{
	struct timespec left = {.tv_sec = (time_t)(milliseconds / 1000),
		.tv_nsec = (long)(milliseconds % 1000) * 1000000};

	while (nanosleep(&left, &left) != 0)
		;
}

static void print_process(struct view *view)
{
	struct page page;

	page_begin(&page, isatty(STDOUT_FILENO) ? term_columns() : PAGE_NO_LIMIT);
	top_head_add(&page, &view->process);
	for (enum top_page which = 0; which < TOP_PAGES; which++) {
		page_add(&page, PAGE_BOLD, "%s", "");
		page_add(&page, PAGE_BOLD, "%s", top_page_word(which));
		top_page_add(&page, which, &view->process);
	}
	page_print(&page);
	page_free(&page);
}

static void print_list(struct view *view)
{
	page_begin(&view->page, isatty(STDOUT_FILENO) ? term_columns() : PAGE_NO_LIMIT);
	list_page_make(view);
	page_print(&view->page);
	page_free(&view->page);
}

/* Rates need two looks. */
static void print_once(struct view *view)
{
	if (!view->has_process)
		look(view);
	rest(view->interval_ms);
	look(view);
	if (view->has_process)
		print_process(view);
	else
		print_list(view);
}

/* ---- the command ----------------------------------------------------------- */

static int top_run(struct view *view, pid_t pid, bool is_once)
{
	struct failure failure;

	if (pid != 0 && !top_process_open(&view->process, pid, &failure))
		return failure_report(&failure);
	view->has_process = pid != 0;
	if (!is_once && screen_open()) {
		if (pid == 0)
			look(view);
		else
			view->next_ns = rate_clock_ns() + view->interval_ms * 1000000u;
		watch(view);
		screen_close();
	} else {
		print_once(view);
	}
	top_process_close(&view->process);
	top_list_free(&view->list);
	return command_end(FAILURE_NONE);
}

/* A usage error's status, or 0. */
static int parse_pid(int argc, char *const *argv, pid_t *pid)
{
	int64_t number;

	*pid = 0;
	if (argc - optind > 1)
		return failure_usage("top", "one PID at most, not %d", argc - optind);
	if (argc == optind)
		return FAILURE_NONE;
	if (!units_parse_pid(argv[optind], &number))
		return failure_usage("top", "%s is no PID", argv[optind]);
	*pid = (pid_t)number;
	return FAILURE_NONE;
}

int command_top(int argc, char **argv)
{
	static const struct option options[] = {
		{"interval", required_argument, NULL, OPTION_INTERVAL},
		{"once", no_argument, NULL, OPTION_ONCE}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	struct view view = {.interval_ms = INTERVAL_MS};
	bool is_once = false;
	pid_t pid;

	for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		switch (option) {
		case OPTION_INTERVAL:
			if (!units_parse_duration(optarg, &view.interval_ms))
				return failure_usage("top", "%s is no time", optarg);
			if (view.interval_ms < INTERVAL_LEAST_MS)
				return failure_usage("top", "--interval is at least 100ms, not %s",
					optarg);
			break;
		case OPTION_ONCE:
			is_once = true;
			break;
		case 'h':
			return command_help("top");
		default:
			return command_bad_option("top", option, argv);
		}
	}
	int status = parse_pid(argc, argv, &pid);
	return status != FAILURE_NONE ? status : top_run(&view, pid, is_once);
}
