/*
 * box.c - a box, any bytes, through what reads and prints it (tools/box_read.c,
 * tools/box_content.c).
 *
 * A fuzzer finds no checksum.  So the first byte says what the others are: a box as it is;
 * changes to a sound box, whose header is then sealed again; or changes to what a sound box
 * says, each part of which is then sealed.  A change is two bytes of place and one of value.
 *
 * Proves: it is read or refused with a sentence, and what is printed of it is clean.
 */
#include "tools/box_read.h"

#include <string.h>

#include "tests/fuzz/printed.h"
#include "tests/fuzz/target.h"
#include "tests/tools/box_sample.h"

enum { AS_IT_IS, BOX_CHANGED, BOX_CHANGED_AND_CUT, CLAIMS_CHANGED, KINDS };

enum { CHANGE_BYTES = 3 };

static void read_box(const char *bytes, size_t count)
{
	static struct report report;
	struct target *target = &report.target;
	struct failure failure = {.status = FAILURE_NONE};
	struct box_image image;

	memset(&report, 0, sizeof(report));
	target->life = LIFE_ENDED;
	strcpy(target->title, "sample (4711)");
	if (!box_image_open(&image, bytes, count, "BOX", &failure) ||
		!box_content_read(&target->content, &image, "BOX", &failure)) {
		required(failure.text[0] != '\0', "a refusal is a sentence");
		return;
	}
	required(box_content_books(&target->content, &target->books), "there is memory for books");
	ledger_make(&report.ledger, &target->books, NULL);
	printed_check(&report);
}

static void changes_make(char *bytes, size_t count, const uint8_t *data, size_t data_bytes)
{
	for (; data_bytes >= CHANGE_BYTES; data += CHANGE_BYTES, data_bytes -= CHANGE_BYTES)
		bytes[((size_t)data[0] << 8 | data[1]) % count] = (char)data[2];
}

static char *exact(const char *bytes, size_t count)
{
	char *copy = malloc(count + (count == 0));

	required(copy != NULL, "there is memory");
	return memcpy(copy, bytes, count);
}

static void box_changed(const uint8_t *data, size_t bytes, bool is_cut)
{
	struct sample sample;
	size_t count, cut = bytes >= 2 ? (size_t)data[0] << 8 | data[1] : 0;

	sample_init(&sample);
	char *image = sample_image(&sample, &count);
	changes_make(image, count, data, bytes);
	if (is_cut && cut >= sizeof(struct box_header) && cut < count) {
		((struct box_header *)image)->file_bytes = cut;
		count = cut;
	}
	sample_seal(image);
	char *copy = exact(image, count);
	read_box(copy, count);
	free(copy);
	free(image);
}

static void claims_changed(const uint8_t *data, size_t bytes)
{
	struct sample sample;
	size_t count;

	sample_init(&sample);
	changes_make((char *)&sample, sizeof(sample), data, bytes);
	sample.identity.class_count %= BOX_CLASSES_MAX + 2;
	char *image = sample_image(&sample, &count);
	read_box(image, count);
	free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (bytes == 0)
		return 0;
	switch (data[0] % KINDS) {
	case AS_IT_IS: {
		char *copy = exact((const char *)data + 1, bytes - 1);
		read_box(copy, bytes - 1);
		free(copy);
		break;
	}
	case BOX_CHANGED:
		box_changed(data + 1, bytes - 1, false);
		break;
	case BOX_CHANGED_AND_CUT:
		box_changed(data + 1, bytes - 1, true);
		break;
	default:
		claims_changed(data + 1, bytes - 1);
	}
	return 0;
}
