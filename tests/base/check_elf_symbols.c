/*
 * check_elf_symbols.c - base/elf_symbols.c and, by way of the kernel's own object, base/clock.c.
 *
 * Proves: of each function that libc defines what is found is where the dynamic linker says
 * it is, by either kind of hash table; what is not defined there is not found; the clocks
 * agree with libc's, and one that there is not reads 0.
 */
#include "base/elf_symbols.h"

#include <dlfcn.h>
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "tests/suite.h"

static const char *const names[] = {"malloc", "free", "calloc", "dlopen", "posix_memalign", "sigaction",
	"__libc_malloc", "getpid", "environ"};

static struct elf_symbols libc_symbols(struct link_map **map)
{
	*map = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	ck_assert_ptr_nonnull(*map);
	return elf_symbols_of((*map)->l_ld, (*map)->l_addr);
}

START_TEST(test_what_is_defined_is_found)
{
	struct link_map *map;
	struct elf_symbols symbols = libc_symbols(&map);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const ElfW(Sym) *symbol = elf_symbol_find(&symbols, names[i]);
		ck_assert_msg(symbol != NULL, "%s", names[i]);
		ck_assert_ptr_eq((void *)(map->l_addr + symbol->st_value), dlsym(map, names[i]));
	}
}
END_TEST

START_TEST(test_what_is_not_defined_is_not_found)
{
	struct link_map *map;
	struct elf_symbols symbols = libc_symbols(&map);

	ck_assert_ptr_null(elf_symbol_find(&symbols, "mallo"));
	ck_assert_ptr_null(elf_symbol_find(&symbols, ""));
	ck_assert_ptr_null(elf_symbol_find(&symbols, "__tls_get_addr")); /* the linker's */
	symbols.gnu_hash = NULL;
	ck_assert_ptr_null(elf_symbol_find(&symbols, "mallo"));
	symbols = (struct elf_symbols){0};
	ck_assert_ptr_null(elf_symbol_find(&symbols, "malloc"));
}
END_TEST

/* As the older table has it: an object of four symbols. */
START_TEST(test_an_older_table_is_read_too)
{
	static const char text[] = "\0one\0two\0three";
	static const uint32_t hash[] = {1, 4, 1, 0, 2, 3, 0};
	const ElfW(Sym) table[] = {{0}, {.st_name = 1, .st_shndx = 1, .st_value = 10},
		{.st_name = 5, .st_shndx = SHN_UNDEF, .st_value = 20},
		{.st_name = 9, .st_shndx = 1, .st_value = 30}};
	struct elf_symbols symbols = {.symbols = table, .names = text, .hash = hash};

	ck_assert_uint_eq(elf_symbol_find(&symbols, "one")->st_value, 10);
	ck_assert_uint_eq(elf_symbol_find(&symbols, "three")->st_value, 30);
	ck_assert_ptr_null(elf_symbol_find(&symbols, "two"));
	ck_assert_ptr_null(elf_symbol_find(&symbols, "four"));
}
END_TEST

START_TEST(test_clocks_are_those_of_libc)       /* _i: each in turn */
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_MONOTONIC_COARSE,
		CLOCK_REALTIME_COARSE};
	struct timespec before, after;

	clock_gettime(clocks[_i], &before);
	uint64_t now = clock_read_ns(clocks[_i]);
	clock_gettime(clocks[_i], &after);
	ck_assert_uint_le((uint64_t)before.tv_sec * 1000000000 + (uint64_t)before.tv_nsec, now);
	ck_assert_uint_ge((uint64_t)after.tv_sec * 1000000000 + (uint64_t)after.tv_nsec, now);
}
END_TEST

START_TEST(test_no_such_clock)
{
	errno = 5;
	ck_assert_uint_eq(clock_read_ns(12345), 0);
	ck_assert_int_eq(errno, 5);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("base/elf_symbols", NULL, NULL);

	tcase_add_test(tests, test_what_is_defined_is_found);
	tcase_add_test(tests, test_what_is_not_defined_is_not_found);
	tcase_add_test(tests, test_an_older_table_is_read_too);
	tcase_add_loop_test(tests, test_clocks_are_those_of_libc, 0, 4);
	tcase_add_test(tests, test_no_such_clock);
	return suite_end();
}
