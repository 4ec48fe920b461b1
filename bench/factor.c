/*
 * bench/factor.c - factors a number of two primes by Pollard's rho in big
 * integers, each intermediate result an object of its own.
 *
 * What it shows: a program in which nearly all time is between one small
 * allocation and the next, all of them short-lived.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/common.h"

static const char usage[] = "COUNT";

/* Little-endian, no leading zero limb; zero has no limbs. */
struct number {
	uint32_t limb_count;
	uint32_t limbs[];
};

static struct number *number_new(uint32_t limb_count)
{
	struct number *n = needed(malloc(sizeof(*n) + limb_count * sizeof(n->limbs[0])));

	n->limb_count = limb_count;
	memset(n->limbs, 0, limb_count * sizeof(n->limbs[0]));
	return n;
}

static struct number *number_trim(struct number *n)
{
	while (n->limb_count > 0 && n->limbs[n->limb_count - 1] == 0)
		n->limb_count--;
	return n;
}

static struct number *number_of(uint64_t value)
{
	struct number *n = number_new(2);

	n->limbs[0] = (uint32_t)value;
	n->limbs[1] = (uint32_t)(value >> 32);
	return number_trim(n);
}

static int number_compare(const struct number *a, const struct number *b)
{
	if (a->limb_count != b->limb_count)
		return a->limb_count < b->limb_count ? -1 : 1;
	for (uint32_t i = a->limb_count; i-- > 0;)
		if (a->limbs[i] != b->limbs[i])
			return a->limbs[i] < b->limbs[i] ? -1 : 1;
	return 0;
}

static struct number *number_multiply(const struct number *a, const struct number *b)
{
	struct number *product = number_new(a->limb_count + b->limb_count);

	for (uint32_t i = 0; i < a->limb_count; i++) {
		uint64_t carry = 0;
		for (uint32_t j = 0; j < b->limb_count; j++) {
			carry += (uint64_t)a->limbs[i] * b->limbs[j] + product->limbs[i + j];
			product->limbs[i + j] = (uint32_t)carry;
			carry >>= 32;
		}
		product->limbs[i + b->limb_count] = (uint32_t)carry;
	}
	return number_trim(product);
}

static struct number *number_add(const struct number *a, const struct number *b)
{
	uint32_t limb_count = 1 + (a->limb_count > b->limb_count ? a->limb_count : b->limb_count);
	struct number *sum = number_new(limb_count);
	uint64_t carry = 0;

	for (uint32_t i = 0; i < limb_count; i++) {
		carry += i < a->limb_count ? a->limbs[i] : 0;
		carry += i < b->limb_count ? b->limbs[i] : 0;
		sum->limbs[i] = (uint32_t)carry;
		carry >>= 32;
	}
	return number_trim(sum);
}

/* a - b of a that is not less. */
static struct number *number_subtract(const struct number *a, const struct number *b)
{
	struct number *rest = number_new(a->limb_count);
	int64_t borrow = 0;

	for (uint32_t i = 0; i < a->limb_count; i++) {
		borrow += (int64_t)a->limbs[i] - (i < b->limb_count ? b->limbs[i] : 0);
		rest->limbs[i] = (uint32_t)borrow;
		borrow >>= 32;
	}
	return number_trim(rest);
}

/* b << (32 limbs + bits). */
static struct number *number_shifted(const struct number *b, uint32_t limbs, uint32_t bits)
{
	struct number *shifted = number_new(b->limb_count + limbs + 1);
	uint64_t carry = 0;

	for (uint32_t i = 0; i < b->limb_count; i++) {
		carry |= (uint64_t)b->limbs[i] << bits;
		shifted->limbs[i + limbs] = (uint32_t)carry;
		carry >>= 32;
	}
	shifted->limbs[b->limb_count + limbs] = (uint32_t)carry;
	return number_trim(shifted);
}

/* a mod b, of which it takes a over, by shifting and subtracting: a new number
   each step, which is the point. */
static struct number *number_modulo(struct number *a, const struct number *b)
{
	while (number_compare(a, b) >= 0) {
		int32_t bits = 32 * (int32_t)(a->limb_count - b->limb_count) +
			__builtin_clz(b->limbs[b->limb_count - 1]) -
			__builtin_clz(a->limbs[a->limb_count - 1]);
		struct number *part = number_shifted(b, (uint32_t)bits / 32, (uint32_t)bits % 32);
		if (number_compare(a, part) < 0) {
			free(part);
			bits--;
			part = number_shifted(b, (uint32_t)bits / 32, (uint32_t)bits % 32);
		}
		struct number *rest = number_subtract(a, part);
		free(part);
		free(a);
		a = rest;
	}
	return a;
}

/* x * x + one mod n. */
static struct number *rho_step(struct number *x, const struct number *one, const struct number *n)
{
	struct number *square = number_multiply(x, x);
	struct number *next = number_add(square, one);

	free(square);
	free(x);
	return number_modulo(next, n);
}

static struct number *number_gcd(struct number *a, struct number *b)
{
	while (b->limb_count > 0) {
		struct number *rest = number_modulo(a, b);
		a = b;
		b = rest;
	}
	free(b);
	return a;
}

static struct number *number_distance(const struct number *a, const struct number *b)
{
	return number_compare(a, b) >= 0 ? number_subtract(a, b) : number_subtract(b, a);
}

static struct number *number_copy(const struct number *n)
{
	struct number *copy = number_new(n->limb_count);

	memcpy(copy->limbs, n->limbs, n->limb_count * sizeof(n->limbs[0]));
	return copy;
}

/* A factor of n between 1 and n, if so many steps find one. */
static uint64_t rho(const struct number *n, uint64_t steps_max)
{
	struct number *one = number_of(1);
	struct number *slow = number_of(2), *fast = number_of(2);
	uint64_t found = 0;

	for (uint64_t step = 0; step < steps_max && found == 0; step++) {
		slow = rho_step(slow, one, n);
		fast = rho_step(rho_step(fast, one, n), one, n);
		struct number *divisor = number_gcd(number_distance(slow, fast), number_copy(n));
		if (number_compare(divisor, one) > 0 && divisor->limb_count <= 2)
			found = divisor->limbs[0] |
				(divisor->limb_count > 1 ? (uint64_t)divisor->limbs[1] << 32 : 0);
		free(divisor);
	}
	free(slow);
	free(fast);
	free(one);
	return found;
}

int main(int argc, char **argv)
{
	uint64_t count = argument_number(argc, argv, 1, usage);
	struct number *p = number_of(1000003), *q = number_of(UINT64_C(1000000000039));
	struct number *n = number_multiply(p, q);
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t left = count; left > 0; left--)
		if (rho(n, 100000) != 1000003)
			return 1;
	report_time(count, clock_cpu_ns() - begin_ns);
	return 0;
}
