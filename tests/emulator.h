/*
 * tests/emulator.h - what an emulator adds to what a program says.
 */
#ifndef TESTS_EMULATOR_H
#define TESTS_EMULATOR_H

#include <string.h>

/* Its last word, on how the program died, is taken away. */
static inline void emulator_unsay(char *text)
{
	char *word = strstr(text, "qemu: uncaught target signal");

	if (word != NULL)
		*word = '\0';
}

#endif
