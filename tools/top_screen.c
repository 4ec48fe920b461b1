#include "tools/top_screen.h"

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "tools/term.h"
#include "tools/text.h"
#include "tools/top_terminal.h"

enum {
	LINE_CHARACTERS = 2048,
	ESCAPE_WAIT_MS = 25, /* the Escape key is also how other keys begin */
	SLICE_MS = 500,      /* a signal just before a wait is seen so much later at most */
	CONTROL_L = 'L' & 0x1f
};

/* Lines that are needed besides the fixed ones: two of the body, and the keys. */
enum { LEAST_BODY = 3, LEAST_WITH_KEYS = 4 };

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP};

enum { ENDING_SIGNALS = sizeof(ending_signals) / sizeof(ending_signals[0]) };

static SCREEN *screen;
static volatile sig_atomic_t ending_signal;

static void note_signal(int number)
{
	ending_signal = number;
}

/* Of those that are not ignored, as nohup(1) leaves them. */
static void signals_set(void (*from)(int), void (*to)(int))
{
	for (size_t i = 0; i < ENDING_SIGNALS; i++) {
		struct sigaction old, action = {.sa_handler = to};
		if (sigaction(ending_signals[i], NULL, &old) == 0 && old.sa_handler == from)
			sigaction(ending_signals[i], &action, NULL);
	}
}

bool screen_open(void)
{
	if (!terminal_has_screen())
		return false;
	setlocale(LC_CTYPE, "");
	/* Before curses, which leaves handlers that are there alone. */
	signals_set(SIG_DFL, note_signal);
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL) {
		signals_set(note_signal, SIG_DFL);
		return false;
	}
	set_escdelay(ESCAPE_WAIT_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	if (term_has_colour() && has_colors()) {
		start_color();
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
	}
	return true;
}

void screen_close(void)
{
	endwin();
	delscreen(screen);
	screen = NULL;
	signals_set(note_signal, SIG_DFL);
	if (ending_signal != 0)
		raise(ending_signal);
}

size_t screen_columns(void)
{
	return COLS > 0 ? (size_t)COLS : 1;
}

static size_t screen_lines(void)
{
	return LINES > 0 ? (size_t)LINES : 1;
}

/* ---- drawing --------------------------------------------------------------- */

/* Where there is room for little, nothing is fixed. */
static size_t fixed_lines(const struct page *page)
{
	return screen_lines() >= page->fixed_count + LEAST_BODY ? page->fixed_count : 0;
}

static size_t key_lines(void)
{
	return screen_lines() >= LEAST_WITH_KEYS;
}

size_t screen_body_lines(const struct page *page)
{
	return screen_lines() - fixed_lines(page) - key_lines();
}

size_t screen_scroll(const struct page *page, size_t scroll, long marked)
{
	size_t fixed = fixed_lines(page), room = screen_body_lines(page);
	size_t count = page->count > fixed ? page->count - fixed : 0;
	size_t most = count > room ? count - room : 0;

	if (marked >= 0) {
		size_t at = page->fixed_count - fixed + (size_t)marked;
		if (at < scroll)
			scroll = at;
		if (at >= scroll + room)
			scroll = at - room + 1;
	}
	return scroll < most ? scroll : most;
}

static chtype attributes_of(enum page_style style)
{
	bool is_plain = !term_has_colour();

	switch (style) {
	case PAGE_PLAIN:
		break;
	case PAGE_TITLE:
	case PAGE_BOLD:
		return is_plain ? A_NORMAL : A_BOLD;
	case PAGE_DIM:
		return is_plain ? A_NORMAL : A_DIM;
	case PAGE_WARNING:
		return is_plain ? A_STANDOUT : A_BOLD | (has_colors() ? COLOR_PAIR(1) : A_STANDOUT);
	}
	return A_NORMAL;
}

/* The next character, one that can be shown; its columns. */
static int character_next(const char **text, wchar_t *character)
{
	mbstate_t state;

	memset(&state, 0, sizeof(state));
	size_t bytes = mbrtowc(character, *text, strlen(*text), &state);
	bool is_none = bytes == 0 || bytes == (size_t)-1 || bytes == (size_t)-2;
	*text += is_none ? text_cut(*text, 1) : bytes;
	int columns = is_none ? -1 : wcwidth(*character);
	if (columns >= 0)
		return columns;
	*character = L'?';
	return 1;
}

static void text_draw(size_t line, const char *text, chtype attributes)
{
	wchar_t characters[LINE_CHARACTERS];
	int count = 0, used = 0, columns = (int)screen_columns();

	while (*text != '\0' && count < LINE_CHARACTERS) {
		int width = character_next(&text, &characters[count]);
		if (used + width > columns)
			break;
		used += width;
		count++;
	}
	attrset((attr_t)attributes);
	mvaddnwstr((int)line, 0, characters, count);
	/* A bar goes on to the edge. */
	if ((attributes & A_STANDOUT) != 0 && used < columns)
		mvhline((int)line, used, ' ' | attributes, columns - used);
	attrset(A_NORMAL);
}

static void line_draw(size_t line, const struct page *page, size_t index, long marked)
{
	const struct page_line *at = &page->list[index];
	bool is_marked = marked >= 0 && index == page->fixed_count + (size_t)marked;

	text_draw(line, at->text, is_marked ? A_STANDOUT : attributes_of(at->style));
}

void screen_draw(const struct page *page, size_t scroll, long marked, const char *keys)
{
	size_t fixed = fixed_lines(page), line = 0, index = fixed + scroll;

	erase();
	for (; line < fixed && line < page->count; line++)
		line_draw(line, page, line, SCREEN_NO_LINE);
	for (; line + key_lines() < screen_lines() && index < page->count; line++, index++)
		line_draw(line, page, index, marked);
	if (key_lines() != 0)
		text_draw(screen_lines() - 1, keys, attributes_of(PAGE_DIM));
	refresh();
}

/* ---- keys ------------------------------------------------------------------ */

static int key_of(int key)
{
	static const struct {
		int key;
		enum screen_key means;
	} keys[] = {{KEY_UP, SCREEN_UP}, {KEY_DOWN, SCREEN_DOWN}, {KEY_PPAGE, SCREEN_PAGE_UP},
		{KEY_NPAGE, SCREEN_PAGE_DOWN}, {KEY_HOME, SCREEN_HOME}, {KEY_END, SCREEN_END},
		{'k', SCREEN_UP}, {'j', SCREEN_DOWN}, {' ', SCREEN_PAGE_DOWN},
		{'\r', SCREEN_ENTER}, {'\n', SCREEN_ENTER}, {KEY_ENTER, SCREEN_ENTER},
		{27, SCREEN_BACK}, {KEY_BACKSPACE, SCREEN_BACK}, {'\b', SCREEN_BACK},
		{127, SCREEN_BACK}, {'\t', SCREEN_NEXT}, {KEY_BTAB, SCREEN_PREVIOUS},
		{KEY_RESIZE, SCREEN_RESIZED}};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].key == key)
			return (int)keys[i].means;
	return key > 0 && key < 128 ? key : SCREEN_NONE;
}

static bool terminal_is_gone(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

int screen_key(uint64_t wait_ms)
{
	timeout(wait_ms < SLICE_MS ? (int)wait_ms : SLICE_MS);
	int key = getch();
	if (ending_signal != 0 || (key == ERR && terminal_is_gone()))
		return SCREEN_OVER;
	if (key == CONTROL_L)
		clearok(curscr, TRUE);
	return key == ERR ? SCREEN_NONE : key == CONTROL_L ? SCREEN_RESIZED : key_of(key);
}
