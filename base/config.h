/*
 * base/config.h - what configure chose, as constants that the compiler folds,
 * so that no function needs an #ifdef.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>

/* --enable-debug: assert what is cheap, audit what is not. */
static const bool CONFIG_DEBUG = MSTAT_DEBUG;

/* --enable-torture: small constants, and memory that the OS refuses at random. */
static const bool CONFIG_TORTURE = MSTAT_TORTURE;

#endif
