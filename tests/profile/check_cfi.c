/*
 * check_cfi.c - profile/cfi.c, on what was written by hand, by compilers, and by nobody.
 *
 * Proves: each call frame instruction comes to its rule; nearly every instruction of
 * libc and of this program has one, and what lies between functions none; tables of
 * which bytes were changed at random are read to no place outside.
 */
#include "profile/cfi.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "base/compiler.h"
#include "base/os.h"
#include "tests/suite.h"

enum { MUTANTS = 3000, LOOKS = 20 };

/* ---- objects ----------------------------------------------------------------------------- */

struct search {
	uintptr_t pc;
	struct cfi_tables tables;
};

static int visit(struct dl_phdr_info *info, size_t info_bytes, void *arg)
{
	struct search *search = arg;
	struct cfi_tables tables = {.start = (unsigned char *)UINTPTR_MAX};

	(void)info_bytes;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		unsigned char *at = (unsigned char *)info->dlpi_addr + segment->p_vaddr;
		if (segment->p_type == PT_GNU_EH_FRAME)
			tables.header = at;
		if (segment->p_type != PT_LOAD)
			continue;
		tables.start = at < tables.start ? at : tables.start;
		tables.end = at + segment->p_memsz > tables.end ? at + segment->p_memsz : tables.end;
	}
	if (search->pc < (uintptr_t)tables.start || search->pc >= (uintptr_t)tables.end)
		return 0;
	search->tables = tables;
	return 1;
}

static struct cfi_tables tables_of(uintptr_t code)
{
	struct search search = {.pc = code};

	ck_assert_int_eq(dl_iterate_phdr(visit, &search), 1);
	ck_assert_ptr_nonnull(search.tables.header);
	return search.tables;
}

static uint32_t row_count(const struct cfi_tables *tables)
{
	uint32_t count;

	memcpy(&count, tables->header + 8, sizeof(count));
	return count;
}

/* Where the code begins that a row of the header is about. */
static uintptr_t row_start(const struct cfi_tables *tables, uint32_t row)
{
	int32_t offset;

	memcpy(&offset, tables->header + 12 + 8 * (size_t)row, sizeof(offset));
	return (uintptr_t)tables->header + (uintptr_t)(intptr_t)offset;
}

/* ---- rules by hand ----------------------------------------------------------------------- */

#if defined(__x86_64__)

/* A byte of code for each state; 6 is the frame pointer, 7 the stack's, 16 the return
   address, 3 none that is followed. */
__asm__(".text\n.globl cfi_states\n.hidden cfi_states\ncfi_states:\n"
	".cfi_startproc\n"
	"nop\n"                                                     /* 0: as called */
	".cfi_def_cfa_offset 16\n.cfi_offset 6, -16\nnop\n"         /* 1: push */
	".cfi_def_cfa_register 6\nnop\n"                            /* 2 */
	".cfi_remember_state\n.cfi_def_cfa 7, 40\nnop\n"            /* 3 */
	".cfi_restore_state\nnop\n"                                 /* 4: as 2 */
	".cfi_restore 6\nnop\n"                                     /* 5 */
	".cfi_def_cfa 3, 8\nnop\n"                                  /* 6: lost */
	".cfi_escape 0x0f,3,0x76,0x78,0x06\nnop\n"                  /* 7: *(fp - 8) */
	".cfi_escape 0x10,6,2,0x76,0\nnop\n"                        /* 8: fp at fp */
	/* 9: a PLT's: sp + 8 + ((rip & 15) >= 11) << 3; 10 the same, aligned to 16 */
	".cfi_escape 0x0f,11,0x77,8,0x80,0,0x3f,0x1a,0x3b,0x2a,0x33,0x24,0x22\nnop\n"
	".p2align 4\nnop\n"
	".cfi_def_cfa 7, 8\n.cfi_register 16, 3\nnop\n"             /* after it: lost */
	".cfi_same_value 6\n.cfi_offset 16, -8\nnop\n"
	".cfi_undefined 16\nnop\n"                                  /* the last frame */
	".cfi_offset 16, -8\n.cfi_undefined 6\nnop\n"               /* lost */
	".cfi_escape 0x12,7,0x7e\n.cfi_same_value 6\nnop\n"         /* def_cfa_sf: -2 * -8 */
	".cfi_escape 0x13,0x7c\nnop\n"                              /* def_cfa_offset_sf: 32 */
	".cfi_escape 0x11,6,3\nnop\n"                               /* offset_extended_sf: -24 */
	".cfi_escape 0x05,6,4\nnop\n"                               /* offset_extended: -32 */
	".cfi_escape 0x06,6\nnop\n"                                 /* restore_extended */
	".cfi_escape 0x2e,8\nnop\n"                                 /* args_size: nothing */
	".cfi_escape 0x16,6,1,0x30\nnop\n"                          /* val_expression: lost */
	".cfi_escape 0x06,6\n.cfi_escape 0x14,6,1\nnop\n"           /* val_offset: lost */
	".cfi_escape 0x06,6\n.cfi_escape 0x0f,2,0x77,0x97\nnop\n"   /* cut within the block: lost */
	".cfi_escape 0x0f,5,0x77,0,0x0a,0x00,0x01\n.cfi_escape 0x2e,0\nnop\n" /* two values: the last, no register: lost */
	".cfi_escape 0x0f,6,0x77,0,0x0a,0x00,0x01,0x22\nnop\n"      /* sp + 256 */
	".cfi_escape 0x0f,4,0x77,16,0x23,8\nnop\n"                  /* sp + 24 */
	".cfi_escape 0x0f,5,0x77,16,0x09,0xf8,0x1c\nnop\n"          /* sp + 16 - -8 */
	".cfi_escape 0x0f,1,0x22\nnop\n"                            /* nothing to add: lost */
	".cfi_def_cfa 7, 0x7fffff\nnop\n"
	".cfi_def_cfa 7, 0x800000\nnop\n"                           /* no frame is so long: lost */
	".cfi_def_cfa 7, 8\n.cfi_offset 6, -16384\nnop\n"
	".cfi_offset 6, -16392\nnop\n"                              /* too far off: lost */
	".cfi_endproc\n"
	".globl cfi_states_end\n.hidden cfi_states_end\ncfi_states_end:\nnop\n");

extern const unsigned char cfi_states[] __attribute__((visibility("hidden")));
extern const unsigned char cfi_states_end[] __attribute__((visibility("hidden")));

#define AT_CFA .ra_base = CFI_CFA, .ra_offset = -8
#define LOST {.cfa_base = CFI_NONE}

static const struct cfi_rule early[] = {
	{.cfa_base = CFI_SP, .cfa_offset = 8, AT_CFA},
	{.cfa_base = CFI_SP, .cfa_offset = 16, AT_CFA, .fp_base = CFI_CFA, .fp_offset = -16},
	{.cfa_base = CFI_FP, .cfa_offset = 16, AT_CFA, .fp_base = CFI_CFA, .fp_offset = -16},
	{.cfa_base = CFI_SP, .cfa_offset = 40, AT_CFA, .fp_base = CFI_CFA, .fp_offset = -16},
	{.cfa_base = CFI_FP, .cfa_offset = 16, AT_CFA, .fp_base = CFI_CFA, .fp_offset = -16},
	{.cfa_base = CFI_FP, .cfa_offset = 16, AT_CFA},
	LOST,
	{.cfa_base = CFI_FP, .cfa_is_loaded = true, .cfa_offset = -8, AT_CFA},
	{.cfa_base = CFI_FP, .cfa_is_loaded = true, .cfa_offset = -8, AT_CFA, .fp_base = CFI_FP},
};

static const struct cfi_rule late[] = {
	LOST,
	{.cfa_base = CFI_SP, .cfa_offset = 8, AT_CFA},
	{.cfa_base = CFI_SP, .cfa_offset = 8},
	LOST,
	{.cfa_base = CFI_SP, .cfa_offset = 16, AT_CFA},
	{.cfa_base = CFI_SP, .cfa_offset = 32, AT_CFA},
	{.cfa_base = CFI_SP, .cfa_offset = 32, AT_CFA, .fp_base = CFI_CFA, .fp_offset = -24},
	{.cfa_base = CFI_SP, .cfa_offset = 32, AT_CFA, .fp_base = CFI_CFA, .fp_offset = -32},
	{.cfa_base = CFI_SP, .cfa_offset = 32, AT_CFA},
	{.cfa_base = CFI_SP, .cfa_offset = 32, AT_CFA},
	LOST,
	LOST,
	LOST,
	LOST,
	{.cfa_base = CFI_SP, .cfa_offset = 256, AT_CFA},
	{.cfa_base = CFI_SP, .cfa_offset = 24, AT_CFA},
	{.cfa_base = CFI_SP, .cfa_offset = 24, AT_CFA},
	LOST,
	{.cfa_base = CFI_SP, .cfa_offset = 0x7fffff, AT_CFA},
	LOST,
	{.cfa_base = CFI_SP, .cfa_offset = 8, AT_CFA, .fp_base = CFI_CFA, .fp_offset = -16384},
	LOST,
};

enum { EARLY = sizeof(early) / sizeof(early[0]), LATE = sizeof(late) / sizeof(late[0]) };

static uint64_t word_of(struct cfi_rule rule)
{
	uint64_t word;

	memcpy(&word, &rule, sizeof(word));
	return word;
}

static void expect(uintptr_t code, const struct cfi_rule *wanted, const char *part, int number)
{
	struct cfi_tables tables = tables_of(code);
	struct cfi_rule rule;
	bool is_found = cfi_find(&tables, code, &rule);

	ck_assert_msg(is_found == (wanted->cfa_base != CFI_NONE), "%s %d is %sfound", part, number,
		is_found ? "" : "not ");
	if (!is_found)
		return;
	ck_assert_msg(word_of(rule) == word_of(*wanted),
		"%s %d: cfa %d%+d loaded %d, ra %d%+d, fp %d%+d", part, number, rule.cfa_base,
		rule.cfa_offset, rule.cfa_is_loaded, rule.ra_base, rule.ra_offset, rule.fp_base,
		rule.fp_offset);
}

START_TEST(test_each_instruction_comes_to_its_rule)
{
	for (int i = 0; i < EARLY; i++)
		expect((uintptr_t)cfi_states + (size_t)i, &early[i], "early", i);
	for (int i = 0; i < LATE; i++)
		expect((uintptr_t)cfi_states_end - LATE + (size_t)i, &late[i], "late", i);
}
END_TEST

/* Its expression asks for the address itself. */
START_TEST(test_the_rule_of_a_plt_depends_on_the_place)
{
	uintptr_t end = (uintptr_t)cfi_states_end - LATE;

	for (uintptr_t code = (uintptr_t)cfi_states + EARLY; code < end; code++) {
		struct cfi_rule wanted = {.cfa_base = CFI_SP, AT_CFA, .fp_base = CFI_FP,
			.cfa_offset = 8 + (code % 16 >= 11) * 8};
		expect(code, &wanted, "plt", (int)(code % 16));
	}
	ck_assert_uint_eq((end - 1) % 16, 0);
}
END_TEST

START_TEST(test_between_functions_is_none)
{
	struct cfi_rule none = LOST;

	expect((uintptr_t)cfi_states - 1, &none, "before", 0);
	expect((uintptr_t)cfi_states_end, &none, "after", 0);
}
END_TEST

#endif

/* ---- what compilers write ---------------------------------------------------------------- */

/* At some places of each function. */
static void expect_nearly_all(uintptr_t code)
{
	struct cfi_tables tables = tables_of(code);
	uint32_t rows = row_count(&tables), found = 0, looked = 0;
	struct cfi_rule rule;

	ck_assert_uint_gt(rows, 50);
	for (uint32_t row = 0; row + 1 < rows; row++) {
		uintptr_t start = row_start(&tables, row);
		size_t bytes = row_start(&tables, row + 1) - start;
		for (int i = 0; i < LOOKS; i++, looked++)
			found += cfi_find(&tables, start + random_below(bytes < 16 ? 1 : bytes - 15), &rule);
	}
	printf("# %u of %u\n", found, looked);
	ck_assert_uint_ge(found, looked - looked / 50);
}

START_TEST(test_nearly_every_instruction_has_a_rule)
{
	expect_nearly_all((uintptr_t)qsort);
	expect_nearly_all((uintptr_t)suite_begin);
}
END_TEST

/* ---- what nobody writes ------------------------------------------------------------------ */

/* Whole, with what AddressSanitizer keeps between two variables. */
static UNSANITIZED void copy_all(unsigned char *to, const unsigned char *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = *(const volatile unsigned char *)(from + i);
}

START_TEST(test_changed_tables_lead_nowhere_outside)
{
	struct cfi_tables real = tables_of((uintptr_t)suite_begin);
	size_t bytes = (size_t)(real.end - real.header), page = os_page_bytes();
	size_t room = (bytes + page - 1) / page * page;
	unsigned char *memory = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct cfi_rule rule;

	ck_assert_ptr_ne(memory, MAP_FAILED);
	unsigned char *start = memory + page;
	ck_assert_int_eq(mprotect(start, room, PROT_READ | PROT_WRITE), 0);
	unsigned char *copy = start + room - bytes; /* ends where nothing can be read */
	struct cfi_tables tables = {.header = copy, .start = copy, .end = copy + bytes};
	size_t table_bytes = 12 + 8 * (size_t)row_count(&real);

	for (int mutant = 0; mutant < MUTANTS; mutant++) {
		if (mutant % 50 == 0) /* changes add up */
			copy_all(copy, real.header, bytes);
		/* Half of them in what stands before the descriptions. */
		size_t reach = random_below(2) == 0 ? table_bytes : min_bytes(bytes, 8 * table_bytes);
		copy[random_below(reach)] = (unsigned char)random_number();
		for (int i = 0; i < LOOKS; i++) {
			uint32_t row = (uint32_t)random_below(row_count(&real));
			intptr_t code = (intptr_t)(row_start(&real, row) - (uintptr_t)real.header);
			cfi_find(&tables, (uintptr_t)copy + (uintptr_t)code + random_below(64), &rule);
		}
	}
	for (size_t cut = 0; cut < 64 && cut < bytes; cut++) {
		copy_all(copy, real.header, bytes);
		tables.end = copy + cut;
		cfi_find(&tables, (uintptr_t)copy, &rule);
	}
	munmap(memory, room + 2 * page);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("profile/cfi", NULL, NULL);

#if defined(__x86_64__)
	tcase_add_test(tests, test_each_instruction_comes_to_its_rule);
	tcase_add_test(tests, test_the_rule_of_a_plt_depends_on_the_place);
	tcase_add_test(tests, test_between_functions_is_none);
#endif
	tcase_add_test(tests, test_nearly_every_instruction_has_a_rule);
	tcase_add_test(tests, test_changed_tables_lead_nowhere_outside);
	return suite_end();
}
