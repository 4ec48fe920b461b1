#include "base/exponential.h"

#include <string.h>

enum { FRACTION_BITS = 52, EXPONENT_BIAS = 1023, SHARE_MOST = 40 };

static const double LN2 = 0.69314718055994530942;

static double scaled(uint64_t fraction, uint64_t exponent)
{
	uint64_t bits = exponent << FRACTION_BITS | fraction;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* ln(m) for 1 <= m < 2, by 2 artanh((m - 1) / (m + 1)); up to the square root of 2, or by
   half of m, the argument is at most 0.172. */
static double ln_of_fraction(double m)
{
	double base = 0;

	if (m > 1.41421356237309504880) {
		m /= 2;
		base = LN2;
	}
	double s = (m - 1) / (m + 1), q = s * s;
	return base + 2 * s * (1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q / 9))));
}

double exponential_draw(uint64_t random)
{
	random |= 1; /* not 0 */
	unsigned zeros = (unsigned)__builtin_clzll(random);
	uint64_t fraction = random << zeros << 1 >> (64 - FRACTION_BITS);

	/* u = m / 2^(zeros + 1) */
	return (zeros + 1) * LN2 - ln_of_fraction(scaled(fraction, EXPONENT_BIAS));
}

double exponential_share(double x)
{
	if (x > SHARE_MOST)
		return 1;
	/* exp(-x) = 2^-k exp(-r), r below a half's logarithm: by its series, to r^9. */
	unsigned k = (unsigned)(x / LN2);
	double r = x - k * LN2, sum = 1;

	for (int i = 9; i > 0; i--) /* (1 - exp(-r)) / r, the innermost first */
		sum = 1 - sum * r / (i + 1);
	double half = scaled(0, EXPONENT_BIAS - k);
	return (1 - half) + half * sum * r;
}
