/*
 * base/exponential.h - numbers of the exponential distribution, and its shares.
 *
 * WHY        libm is not ours to need.  What is drawn here decides how far it is to the
 *            next sample, and by the share each sample is weighed: both within a
 *            millionth of the truth, which no estimate can tell from it.
 */
#ifndef BASE_EXPONENTIAL_H
#define BASE_EXPONENTIAL_H

#include <stdint.h>

/* -ln(u) of the fraction u that 64 random bits make: of mean 1, and at most 45. */
double exponential_draw(uint64_t random);

/* 1 - exp(-x), for x >= 0: the chance that a draw is at most x. */
double exponential_share(double x);

#endif
