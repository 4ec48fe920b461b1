/*
 * target.h - what a fuzz target is: one function that takes any bytes.
 *
 * WHY        libFuzzer calls it by this name (./dev fuzz); in make check replay.c gives it
 *            the files that were kept, with whatever compiler and sanitizers the tree was
 *            built with.
 *
 * RULE       What must be so is required(): a target that only does not crash says little.
 */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static inline void required(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

#endif
