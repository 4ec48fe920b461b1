/*
 * tools/top_screen.h - a terminal as a screen: pages are drawn, keys are read.
 *
 * WHY        The only file that knows of curses, whose names are macros and whose state is
 *            the process's.
 *
 * INVARIANT  Nothing wraps: what is wider than the screen is cut, whatever its characters'
 *            widths, and what the locale has no character for is a question mark.
 *
 *            A signal that ends the program first gives the terminal back.
 */
#ifndef TOOLS_TOP_SCREEN_H
#define TOOLS_TOP_SCREEN_H

#include <signal.h>
#include <stdint.h>

#include "tools/page.h"

enum { SCREEN_NO_LINE = -1 };

/* Others are characters. */
enum screen_key {
	SCREEN_NONE = 0,      /* the time is up */
	SCREEN_UP = 0x110000, /* above all characters */
	SCREEN_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_ENTER,
	SCREEN_BACK,
	SCREEN_NEXT,
	SCREEN_PREVIOUS,
	SCREEN_RESIZED,
	SCREEN_OVER           /* a signal, or the terminal is gone */
};

/* False where there is no terminal, or one that cannot place its cursor. */
bool screen_open(void);

size_t screen_columns(void);

/* How many of the lines that scroll are seen at one time; at least 1.  On a small screen
   the fixed lines scroll too. */
size_t screen_body_lines(const struct page *page);

/* How many of them are above the screen: as wished, if the page is so long, and so that the
   line of the body that is marked is seen. */
size_t screen_scroll(const struct page *page, size_t scroll, long marked);

/* Draws the page so, with one line of its body marked, and the keys at the bottom. */
void screen_draw(const struct page *page, size_t scroll, long marked, const char *keys);

/* Waits for a key. */
int screen_key(uint64_t wait_ms);

/* Gives the terminal back; ends as a signal wanted it that came meanwhile. */
void screen_close(void);

#endif
