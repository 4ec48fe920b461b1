/*
 * tools/top_terminal.h - whether the terminal is one for a screen.
 *
 * WHY        Curses that fails to begin leaves memory behind, and what describes terminals
 *            defines a macro for each of their hundreds of properties: this stands apart.
 */
#ifndef TOOLS_TOP_TERMINAL_H
#define TOOLS_TOP_TERMINAL_H

#include <stdbool.h>

/* Standard input and output are a terminal, and it can place its cursor. */
bool terminal_has_screen(void);

#endif
