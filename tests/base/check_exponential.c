/*
 * check_exponential.c - base/exponential.c beside libm.
 *
 * Proves: both functions are within a millionth of libm's, from one end to the other; the
 * draws have the mean and the variance of their distribution.
 */
#include "base/exponential.h"

#include <math.h>
#include <stdbool.h>

#include "tests/suite.h"

enum { DRAWS = 300000, STEPS = 300000 };

static bool is_near(double got, double want)
{
	return fabs(got - want) <= 1e-6 * want;
}

START_TEST(test_a_draw_is_the_logarithm)
{
	for (int i = 0; i < DRAWS; i++) {
		uint64_t random = random_number() >> (i % 64);
		double u = ldexp((double)(random | 1), -64), want = -log(u);
		double got = exponential_draw(random);
		/* Near 1 the difference to 1 is all that counts, and u has lost it. */
		ck_assert_msg(is_near(got, want) || fabs(got - want) < 1e-15,
			"%#lx: %.17g, not %.17g", random, got, want);
	}
	ck_assert(exponential_draw(0) < 45);
	ck_assert(exponential_draw(UINT64_MAX) >= 0);
}
END_TEST

START_TEST(test_a_share_is_what_libm_says)
{
	ck_assert(exponential_share(0) == 0);
	for (int i = 0; i < STEPS; i++) {
		double x = 1e-12 * exp(35.0 * i / STEPS); /* to 1,586 */
		ck_assert_msg(is_near(exponential_share(x), -expm1(-x)), "%.17g: %.17g, not %.17g", x,
			exponential_share(x), -expm1(-x));
	}
}
END_TEST

START_TEST(test_the_draws_have_their_mean_and_variance)
{
	double sum = 0, squares = 0;

	for (int i = 0; i < DRAWS; i++) {
		double draw = exponential_draw(random_number());
		sum += draw;
		squares += draw * draw;
	}
	double mean = sum / DRAWS, variance = squares / DRAWS - mean * mean;
	/* Six standard errors: of the mean 1 / sqrt(n), of the variance sqrt(8 / n). */
	ck_assert_msg(fabs(mean - 1) < 6 / sqrt(DRAWS), "mean %g", mean);
	ck_assert_msg(fabs(variance - 1) < 6 * sqrt(8.0 / DRAWS), "variance %g", variance);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/exponential", NULL, NULL);

	tcase_add_test(tests, test_a_draw_is_the_logarithm);
	tcase_add_test(tests, test_a_share_is_what_libm_says);
	tcase_add_test(tests, test_the_draws_have_their_mean_and_variance);
	return suite_end();
}
