/*
 * check_box_read.c - tools/box_read.c: parts of a box, each checked.
 *
 * Proves: the newer whole copy is read, whichever it is; a torn one leaves the
 * other; a part without any is damaged, one that is all zero never written; a
 * payload may be longer or shorter than ours; no header leads out of the file.
 */
#include "tools/box_read.h"

#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"
#include "tests/tools/box_sample.h"

static struct sample sample;
static struct failure failure;
static struct box_image image;
static char *bytes;
static size_t count;

static void setup(void)
{
	sample_init(&sample);
	bytes = sample_image(&sample, &count);
}

static void teardown(void)
{
	free(bytes);
}

static bool open_image(void)
{
	failure = (struct failure){0};
	return box_image_open(&image, bytes, count, "BOX", &failure);
}

static void refused(const char *sentence)
{
	ck_assert(!open_image());
	ck_assert_int_eq(failure.status, FAILURE_DAMAGED);
	ck_assert_str_eq(failure.text, sentence);
}

static enum part_state read_signal(struct box_signal *signal)
{
	ck_assert(open_image());
	return box_part_read(&image, BOX_SECTION_SIGNAL, 0, signal, sizeof(*signal));
}

static char *signal_copy(int copy)
{
	return bytes + sample_section(bytes, BOX_SECTION_SIGNAL)->offset +
		(size_t)copy * box_copy_bytes(sizeof(struct box_signal));
}

START_TEST(test_the_newer_copy_is_read_whichever_it_is)   /* _i: where it stands */
{
	struct box_signal old = {.signal_number = 1}, new = {.signal_number = 2}, got;

	sample_write_copy(bytes, BOX_SECTION_SIGNAL, 0, _i, 8, &new);
	sample_write_copy(bytes, BOX_SECTION_SIGNAL, 0, 1 - _i, 7, &old);
	ck_assert_int_eq(read_signal(&got), PART_FOUND);
	ck_assert_int_eq(got.signal_number, 2);
}
END_TEST

START_TEST(test_a_torn_copy_leaves_the_older)   /* _i: the byte of the newer that is wrong */
{
	struct box_signal old = {.signal_number = 1}, new = {.signal_number = 2}, got;

	sample_write_copy(bytes, BOX_SECTION_SIGNAL, 0, 0, 8, &new);
	sample_write_copy(bytes, BOX_SECTION_SIGNAL, 0, 1, 7, &old);
	signal_copy(0)[_i] ^= 0x10;
	ck_assert_int_eq(read_signal(&got), PART_FOUND);
	ck_assert_int_eq(got.signal_number, 1);
}
END_TEST

START_TEST(test_a_part_without_a_whole_copy_is_damaged)
{
	struct box_signal got;

	signal_copy(1)[20] ^= 1;
	ck_assert_int_eq(read_signal(&got), PART_DAMAGED);
	ck_assert_int_eq(got.signal_number, 0);
}
END_TEST

START_TEST(test_a_part_of_zeros_was_never_written)
{
	struct box_signal got;

	memset(signal_copy(0), 0, 2 * box_copy_bytes(sizeof(got)));
	ck_assert_int_eq(read_signal(&got), PART_NEVER);
	ck_assert_int_eq(box_part_read(&image, BOX_SECTION_SIGNAL, 1, &got, sizeof(got)), PART_NEVER);
	ck_assert_int_eq(box_part_read(&image, 99, 0, &got, sizeof(got)), PART_NEVER);
}
END_TEST

/* Its writer was killed before it set the generation. */
START_TEST(test_a_first_copy_that_was_not_finished_was_never_written)
{
	struct box_signal got;

	memset(signal_copy(0), 0, 2 * box_copy_bytes(sizeof(got)));
	memset(signal_copy(1) + sizeof(uint64_t), 0x5a, box_copy_bytes(sizeof(got)) - sizeof(uint64_t));
	ck_assert_int_eq(read_signal(&got), PART_NEVER);
	ck_assert_int_eq(got.signal_number, 0);
}
END_TEST

START_TEST(test_a_copy_moved_from_another_part_is_damaged)
{
	struct box_row got;
	const struct box_section *section = sample_section(bytes, BOX_SECTION_ROWS);
	char *first = bytes + section->offset + 5 * section->part_bytes;

	memcpy(first + section->part_bytes, first, section->part_bytes);
	ck_assert(open_image());
	ck_assert_int_eq(box_part_read(&image, BOX_SECTION_ROWS, 5, &got, sizeof(got)), PART_FOUND);
	ck_assert_int_eq(box_part_read(&image, BOX_SECTION_ROWS, 6, &got, sizeof(got)), PART_DAMAGED);
}
END_TEST

START_TEST(test_payloads_may_be_longer_or_shorter_than_ours)
{
	struct box_signal got;
	uint64_t longer[4];

	ck_assert(open_image());
	ck_assert_int_eq(box_part_read(&image, BOX_SECTION_SIGNAL, 0, longer, sizeof(longer)),
		PART_FOUND);
	ck_assert_uint_eq(longer[0], 12);
	ck_assert_uint_eq(longer[2], 0);
	ck_assert_int_eq(box_part_read(&image, BOX_SECTION_SIGNAL, 0, &got, 8), PART_FOUND);
	ck_assert_int_eq(got.signal_number, 12);
}
END_TEST

START_TEST(test_what_is_no_box_is_refused)
{
	bytes[0] = 'M';
	refused("BOX is no box");
}
END_TEST

START_TEST(test_another_layout_is_named)
{
	((struct box_header *)bytes)->layout_version = 9;
	refused("the box BOX has layout version 9, this mstat reads version 8");
}
END_TEST

START_TEST(test_a_changed_header_is_refused)
{
	sample_section(bytes, BOX_SECTION_ROWS)->offset += 64;
	refused("the box BOX is corrupt: its header");
}
END_TEST

START_TEST(test_every_cut_is_seen)
{
	size_t whole = count;

	for (count = 0; count < whole; count += 61) {
		ck_assert(!open_image());
		ck_assert_int_eq(failure.status, FAILURE_DAMAGED);
	}
	count = whole - 1;
	ck_assert(!open_image());
	ck_assert_ptr_nonnull(strstr(failure.text, "is truncated"));
	count = whole;
}
END_TEST

START_TEST(test_no_section_leads_out_of_the_file)   /* _i: which way */
{
	struct box_section *section = sample_section(bytes, BOX_SECTION_ROWS);

	switch (_i) {
	case 0:
		section->offset = count;
		break;
	case 1:
		section->offset = UINT64_MAX - 7;
		break;
	case 2:
		section->part_count = UINT32_MAX;
		break;
	case 3:
		section->payload_bytes = UINT32_MAX - 7;
		section->part_bytes = UINT32_MAX - 7;
		break;
	case 4:
		section->payload_bytes = 12;
		break;
	case 5:
		section->part_bytes -= 4;
		break;
	case 6:
		section->offset += 4;
		break;
	case 7: /* copies that overlap */
		section->part_bytes = 2 * sizeof(struct box_row);
		break;
	default:
		ck_abort();
	}
	sample_seal(bytes);
	refused("the box BOX is corrupt: section 6 leaves the file");
}
END_TEST

START_TEST(test_too_many_sections_are_refused)
{
	((struct box_header *)bytes)->section_count = BOX_SECTIONS_MAX + 1;
	sample_seal(bytes);
	refused("the box BOX is corrupt: its header");
}
END_TEST

START_TEST(test_an_unknown_section_is_skipped)
{
	struct box_header *header = (struct box_header *)bytes;
	struct box_signal got;

	header->sections[header->section_count - 1].kind = 77; /* there is no room for one more */
	sample_seal(bytes);
	ck_assert_int_eq(read_signal(&got), PART_FOUND);
}
END_TEST

static enum part_state read_tag(uint32_t number, struct box_tag *tag)
{
	ck_assert_msg(open_image(), "%s", failure.text);
	return box_tag_read(&image, number, tag);
}

START_TEST(test_a_tag_is_known_by_its_check)
{
	struct box_tag *first = sample_tag(bytes, 0), got;

	ck_assert_int_eq(read_tag(0, &got), PART_NEVER);
	ck_assert_int_eq(read_tag(SAMPLE_TAGS, &got), PART_NEVER);
	*first = (struct box_tag){.name = "parser", .allocated_bytes = 5};
	first->check = box_tag_check(first->name, 0);
	ck_assert_int_eq(read_tag(0, &got), PART_FOUND);
	ck_assert_str_eq(got.name, "parser");
	first->allocated_bytes = 9; /* the counters go on where they are */
	ck_assert_int_eq(read_tag(0, &got), PART_FOUND);
	ck_assert_uint_eq(got.allocated_bytes, 9);
	*sample_tag(bytes, 1) = *first; /* of another number */
	ck_assert_int_eq(read_tag(1, &got), PART_DAMAGED);
	ck_assert_str_eq(got.name, "");
	first->name[0] = 'b';
	ck_assert_int_eq(read_tag(0, &got), PART_DAMAGED);
	ck_assert_uint_eq(got.allocated_bytes, 0);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools/box_read", setup, teardown);

	tcase_add_loop_test(tests, test_the_newer_copy_is_read_whichever_it_is, 0, 2);
	tcase_add_loop_test(tests, test_a_torn_copy_leaves_the_older, 0,
		(int)box_copy_bytes(sizeof(struct box_signal)));
	tcase_add_test(tests, test_a_part_without_a_whole_copy_is_damaged);
	tcase_add_test(tests, test_a_part_of_zeros_was_never_written);
	tcase_add_test(tests, test_a_first_copy_that_was_not_finished_was_never_written);
	tcase_add_test(tests, test_a_copy_moved_from_another_part_is_damaged);
	tcase_add_test(tests, test_payloads_may_be_longer_or_shorter_than_ours);
	tcase_add_test(tests, test_what_is_no_box_is_refused);
	tcase_add_test(tests, test_another_layout_is_named);
	tcase_add_test(tests, test_a_changed_header_is_refused);
	tcase_add_test(tests, test_every_cut_is_seen);
	tcase_add_loop_test(tests, test_no_section_leads_out_of_the_file, 0, 8);
	tcase_add_test(tests, test_too_many_sections_are_refused);
	tcase_add_test(tests, test_an_unknown_section_is_skipped);
	tcase_add_test(tests, test_a_tag_is_known_by_its_check);
	return suite_end();
}
