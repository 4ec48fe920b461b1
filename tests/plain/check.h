/*
 * tests/plain/check.h - as much of Check as the unit suites use, for where there is no
 * Check: in a cross build (configure --without-check).
 *
 * WHY        A cross compiler comes with libc and no more.  The suites include <check.h>
 *            and are compiled as they are; what they use of it and is not here does not
 *            compile, and is then added.
 *
 * TESTS      Each runs in a process of its own with its case's fixtures, and its result
 *            is a line of TAP.  It passes if that process exits with 0, or dies by the
 *            signal that it should die by.  A failed assertion prints where it stands and
 *            ends the process, of whatever thread or stack, as Check's does.
 *
 * NOT HERE   Check's environment, logs, messages of success and unchecked fixtures.
 */
#ifndef TESTS_PLAIN_CHECK_H
#define TESTS_PLAIN_CHECK_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct check_test {
	const char *name;
	void (*fn)(int);
};

typedef struct Suite Suite;
typedef struct TCase TCase;
typedef struct SRunner SRunner;

enum print_output { CK_SILENT, CK_NORMAL };

#define START_TEST(test) \
	static void test##_fn(int _i); \
	static const struct check_test test[] = {{#test, test##_fn}}; \
	static void test##_fn(int _i __attribute__((unused)))
#define END_TEST

Suite *suite_create(const char *name);
void suite_add_tcase(Suite *suite, TCase *tests);

TCase *tcase_create(const char *name);
void tcase_add_checked_fixture(TCase *tests, void (*setup)(void), void (*teardown)(void));

/* For _i from `first` to before `end`; `signal` is what it must die by, or 0. */
void check_add(TCase *tests, const struct check_test *test, int signal, int first, int end);

#define tcase_add_test(tests, test) check_add(tests, test, 0, 0, 1)
#define tcase_add_loop_test(tests, test, first, end) check_add(tests, test, 0, first, end)
#define tcase_add_test_raise_signal(tests, test, signal) check_add(tests, test, signal, 0, 1)

SRunner *srunner_create(Suite *suite);
void srunner_run_all(SRunner *runner, enum print_output how);
int srunner_ntests_failed(SRunner *runner);
void srunner_free(SRunner *runner);

_Noreturn void check_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define ck_abort() check_fail(__FILE__, __LINE__, "failed")
#define ck_abort_msg(...) check_fail(__FILE__, __LINE__, __VA_ARGS__)
#define ck_assert_msg(holds, ...) ((holds) ? (void)0 : check_fail(__FILE__, __LINE__, __VA_ARGS__))
#define ck_assert(holds) ck_assert_msg(holds, "%s", #holds)

/* `type` is as wide as any that is compared, and `format` prints it. */
#define CHECK_COMPARE(type, format, x, op, y) \
	do { \
		type check_x = (type)(x); \
		type check_y = (type)(y); \
		ck_assert_msg(check_x op check_y, "%s: " format " and " format, \
			#x " " #op " " #y, check_x, check_y); \
	} while (0)

#define CHECK_INT(x, op, y) CHECK_COMPARE(long long, "%lld", x, op, y)
#define ck_assert_int_eq(x, y) CHECK_INT(x, ==, y)
#define ck_assert_int_ne(x, y) CHECK_INT(x, !=, y)
#define ck_assert_int_lt(x, y) CHECK_INT(x, <, y)
#define ck_assert_int_le(x, y) CHECK_INT(x, <=, y)
#define ck_assert_int_gt(x, y) CHECK_INT(x, >, y)
#define ck_assert_int_ge(x, y) CHECK_INT(x, >=, y)

#define CHECK_UINT(x, op, y) CHECK_COMPARE(unsigned long long, "%llu", x, op, y)
#define ck_assert_uint_eq(x, y) CHECK_UINT(x, ==, y)
#define ck_assert_uint_ne(x, y) CHECK_UINT(x, !=, y)
#define ck_assert_uint_lt(x, y) CHECK_UINT(x, <, y)
#define ck_assert_uint_le(x, y) CHECK_UINT(x, <=, y)
#define ck_assert_uint_gt(x, y) CHECK_UINT(x, >, y)
#define ck_assert_uint_ge(x, y) CHECK_UINT(x, >=, y)

#define CHECK_PTR(x, op, y) CHECK_COMPARE(const void *, "%p", x, op, y)
#define ck_assert_ptr_eq(x, y) CHECK_PTR(x, ==, y)
#define ck_assert_ptr_ne(x, y) CHECK_PTR(x, !=, y)
#define ck_assert_ptr_null(x) CHECK_PTR(x, ==, NULL)
#define ck_assert_ptr_nonnull(x) CHECK_PTR(x, !=, NULL)

#define CHECK_STR(x, op, y) \
	do { \
		const char *check_x = (x), *check_y = (y); \
		ck_assert_msg(strcmp(check_x, check_y) op 0, "%s: \"%s\" and \"%s\"", \
			#x " " #op " " #y, check_x, check_y); \
	} while (0)
#define ck_assert_str_eq(x, y) CHECK_STR(x, ==, y)
#define ck_assert_str_ne(x, y) CHECK_STR(x, !=, y)

#define ck_assert_mem_eq(x, y, bytes) \
	ck_assert_msg(memcmp((x), (y), (bytes)) == 0, "%s and %s differ", #x, #y)

#endif
