#include "tools/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool term_has_colour(void)
{
	static int known = -1;

	if (known < 0) {
		const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
		known = isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0') &&
			term != NULL && strcmp(term, "dumb") != 0;
	}
	return known != 0;
}

const char *term_bold(void)
{
	return term_has_colour() ? "\033[1m" : "";
}

const char *term_dim(void)
{
	return term_has_colour() ? "\033[2m" : "";
}

const char *term_plain(void)
{
	return term_has_colour() ? "\033[0m" : "";
}

size_t term_columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 40)
		return TERM_COLUMNS;
	return size.ws_col;
}
