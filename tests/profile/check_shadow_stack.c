/*
 * check_shadow_stack.c - profile/shadow_stack.c on memory laid out as the kernel does.
 *
 * Proves: return addresses come in their order, tokens of signals and of stacks that were
 * switched to are passed, an odd return address is none; the stack's end, where the next
 * page is not to be read, and a word of 0 end it; more than there is room for is told.
 * A CPU that has such stacks is tried by check_backtrace.c.
 */
#include "profile/shadow_stack.h"

#include <sys/mman.h>

#include "base/os.h"
#include "tests/suite.h"

enum { MOST = 8 };

static uint64_t *end; /* of a page, behind which nothing is to be read */
static uintptr_t pcs[MOST];
static bool is_cut;

static void begin(void)
{
	char *pages = mmap(NULL, 2 * os_page_bytes(), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(pages, MAP_FAILED);
	ck_assert_int_eq(mprotect(pages + os_page_bytes(), os_page_bytes(), PROT_NONE), 0);
	end = (uint64_t *)(void *)(pages + os_page_bytes());
}

static uint32_t read_from(uint64_t *at)
{
	return shadow_stack_read((uintptr_t)at, pcs, MOST, &is_cut);
}

START_TEST(test_addresses_up_to_the_end)
{
	end[-3] = 0x401000;
	end[-2] = 0x402001; /* odd, and no token */
	end[-1] = 0x403000;
	ck_assert_uint_eq(read_from(end - 3), 3);
	ck_assert_uint_eq(pcs[0], 0x401000);
	ck_assert_uint_eq(pcs[1], 0x402001);
	ck_assert_uint_eq(pcs[2], 0x403000);
	ck_assert(!is_cut);
}
END_TEST

START_TEST(test_tokens_are_passed)
{
	end[-5] = 0x401000;
	end[-4] = (uint64_t)1 << 63 | (uintptr_t)(end - 2); /* a signal came there */
	end[-3] = (uintptr_t)(end - 2) | 1;                 /* and was handled on this one */
	end[-2] = 0x402000;
	end[-1] = (uintptr_t)end | 1;
	ck_assert_uint_eq(read_from(end - 5), 2);
	ck_assert_uint_eq(pcs[1], 0x402000);
	ck_assert(!is_cut);
}
END_TEST

START_TEST(test_nothing_ends_it)
{
	end[-3] = 0x401000;
	end[-2] = 0;
	end[-1] = 0x402000;
	ck_assert_uint_eq(read_from(end - 3), 1);
	ck_assert_uint_eq(read_from(end), 0);
}
END_TEST

START_TEST(test_more_than_there_is_room_for)
{
	for (int i = 1; i <= MOST + 1; i++)
		end[-i] = 0x401000;
	ck_assert_uint_eq(read_from(end - MOST), MOST);
	ck_assert(!is_cut);
	ck_assert_uint_eq(read_from(end - MOST - 1), MOST);
	ck_assert(is_cut);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("profile/shadow_stack", begin, NULL);

	tcase_add_test(tests, test_addresses_up_to_the_end);
	tcase_add_test(tests, test_tokens_are_passed);
	tcase_add_test(tests, test_nothing_ends_it);
	tcase_add_test(tests, test_more_than_there_is_room_for);
	return suite_end();
}
