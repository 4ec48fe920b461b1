/*
 * tools/command.h - the commands, one entry point each.
 *
 * WHY        Each has its file; main.c knows their names and what --help says.
 *            argv[0] is the command's own name.  Each returns mstat's exit
 *            status (tools/failure.h).
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

int command_run(int argc, char **argv);
int command_fragments(int argc, char **argv);
int command_leaks(int argc, char **argv);
int command_ls(int argc, char **argv);
int command_show(int argc, char **argv);
int command_dump(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_set(int argc, char **argv);
int command_prof(int argc, char **argv);
int command_top(int argc, char **argv);
int command_post(int argc, char **argv);
int command_conf(int argc, char **argv);

/* Of --top: digits; 0 is all, SIZE_MAX. */
bool command_parse_top(const char *text, size_t *count);

/* Prints what --help says of a command on stdout.  0. */
int command_help(const char *name);

/* What getopt_long() complained about, as a usage error of the command. */
int command_bad_option(const char *name, int option, char *const *argv);

/* Status of a command that printed: a full disk is not success. */
int command_end(int status);

#endif
