#include "tools/top_terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In this order. */
#include <curses.h>
#include <term.h>

bool terminal_has_screen(void)
{
	const char *name = getenv("TERM");
	int error;

	if (name == NULL || name[0] == '\0' || strcmp(name, "dumb") == 0 ||
		!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
		setupterm(NULL, STDOUT_FILENO, &error) != OK)
		return false;
	bool can_place = cursor_address != NULL;
	del_curterm(cur_term);
	return can_place;
}
