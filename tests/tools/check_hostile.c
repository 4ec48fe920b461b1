/*
 * check_hostile.c - boxes and dumps of an enemy, through everything that reads
 * and prints them.
 *
 * Proves: whatever bits are turned, whatever is cut, whatever a well-formed box
 * claims, the reporter neither crashes nor hangs, and what it prints holds no
 * control character.  The seed is printed.  Best run with sanitizers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tests/tools/box_sample.h"
#include "tools/dump_read.h"
#include "tools/flame.h"
#include "tools/folded.h"
#include "tools/post.h"
#include "tools/pprof.h"
#include "tools/report.h"

enum { ROUNDS = 3000 };

static FILE *printed;

/* What is printed goes to a file that is looked through. */
static void setup(void)
{
	printed = tmpfile();
	ck_assert_ptr_nonnull(printed);
	fflush(stdout);
	ck_assert_int_ge(dup2(fileno(printed), STDOUT_FILENO), 0);
}

static void expect_clean(void)
{
	fflush(stdout);
	rewind(printed);
	for (int c; (c = getc(printed)) != EOF;)
		/* The script of a picture is indented by tabs. */
		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			ck_abort_msg("byte %#x was printed", (unsigned)c);
	rewind(printed);
	ck_assert_int_eq(ftruncate(fileno(printed), 0), 0);
}

static void print_everything(const struct report *report)
{
	const struct report_options options = {.all_classes = true, .threads = true};

	report_print_text(report, &options);
	report_print_json(report);
	expect_clean();
}

static void print_profile(struct prof *prof)
{
	const struct prof_options options = {.top_count = SIZE_MAX, .exact_bytes = true,
		.by = (enum stack_by)random_below(STACK_BY_CALL + 1),
		.print_stacks = random_below(2) == 0};
	unsigned char *bytes;
	struct stack_tree tree;
	size_t count;

	ck_assert(prof_print_text(prof, &options));
	ck_assert(prof_print_json(prof, &options));
	ck_assert(prof_tree_make(&tree, prof, options.by));
	folded_write(&tree, stdout);
	ck_assert(flame_write(prof, &tree, stdout));
	stack_tree_free(&tree);
	ck_assert(pprof_encode(prof, &bytes, &count));
	free(bytes);
}

/* Sites as they are, or as a change of them to themselves. */
static void print_sites(const struct sites *sites)
{
	const struct symbols_settings settings = {0};
	struct prof prof = {.value = (enum site_value)random_below(3),
		.is_diff = random_below(2) == 0};
	struct symbols *symbols = symbols_open(sites, &settings);

	ck_assert_ptr_nonnull(symbols);
	for (int side = 0; side < 2; side++) {
		prof.sides[side].title = "sample (4711)";
		ck_assert(stacks_open(&prof.sides[side].stacks, sites, symbols));
	}
	print_profile(&prof);
	for (int side = 0; side < 2; side++)
		stacks_close(&prof.sides[side].stacks);
	symbols_close(symbols);
	expect_clean();
}

/* A sample with call sites of chance. */
static void init_with_sites(struct sample *sample)
{
	sample_init(sample);
	sample->control.sample_bytes = 4096;
	sample->sampling = (struct box_sampling){.sample_count = 100,
		.site_count = SAMPLE_SITES, .frame_count = SAMPLE_FRAMES,
		.module_count = SAMPLE_MODULES};
	for (uint32_t i = 0; i < SAMPLE_SITES; i++) {
		sample->sites[i].frame = random_below(SAMPLE_FRAMES);
		sample->sites[i].live = (struct box_sum){.samples = 1 + random_below(100),
			.objects = random_size(1 << 30), .bytes = random_size(1 << 30),
			.bytes_variance = (double)random_size(1 << 30)};
		sample->sites[i].total = sample->sites[i].live;
	}
	for (uint32_t i = 0; i < SAMPLE_TAGS; i++) {
		memset(sample->tags[i].name, 0x1b + (int)random_below(200), 1 + random_below(BOX_TAG_NAME_BYTES));
		sample->tags[i].scope_count = random_below(2);
		sample->tags[i].allocated_objects = random_size(INT64_MAX);
		sample->tags[i].freed_bytes = random_size(INT64_MAX);
		sample->tags[i].missed_objects = random_size(INT64_MAX);
	}
	for (uint32_t i = 1; i < SAMPLE_FRAMES; i++) {
		uint64_t module = random_below(5);
		sample->frames[i].place = module == 4
			? (uint64_t)BOX_MODULE_TAG << BOX_FRAME_ADDRESS_BITS |
				box_tag_address((uint32_t)random_below(SAMPLE_TAGS + 1), true)
			: module << BOX_FRAME_ADDRESS_BITS | random_size(1 << 30);
		sample->frames[i].caller = (uint32_t)random_below(i);
	}
}

/* As of a process that ended; the kernel's log is empty. */
static void print_post(const struct target *whole, const struct box_image *image)
{
	static struct target target;
	static struct post post;
	struct failure failure;

	target = (struct target){.kind = TARGET_BOX,
		.life = (enum box_life)random_below(LIFE_UNSEEN + 1)};
	strcpy(target.title, whole->title);
	ck_assert(box_content_read(&target.content, image, "BOX", &failure));
	ck_assert(box_content_books(&target.content, &target.books));
	ck_assert(sites_read(&target.sites, image, &target.content));
	ck_assert(post_gather(&post, &target, "/dev/null", &failure));
	post.top_count = random_below(3);
	ck_assert(post_print_text(&post));
	ck_assert(post_print_json(&post));
	post_free(&post);
	expect_clean();
}

static void read_box(const char *bytes, size_t count)
{
	static struct report report;
	struct target *target = &report.target;
	struct box_image image;
	struct failure failure;

	memset(&report, 0, sizeof(report));
	target->life = LIFE_ENDED;
	strcpy(target->title, "sample (4711)");
	if (!box_image_open(&image, bytes, count, "BOX", &failure) ||
		!box_content_read(&target->content, &image, "BOX", &failure))
		return;
	ck_assert(box_content_books(&target->content, &target->books));
	ledger_make(&report.ledger, &target->books, NULL);
	ck_assert(sites_read(&target->sites, &image, &target->content));
	print_everything(&report);
	print_sites(&target->sites);
	if (random_below(4) == 0)
		print_post(target, &image);
	report_free(&report);
}

static void flip_bits(char *bytes, size_t count)
{
	for (size_t flips = random_size(64); flips > 0; flips--)
		bytes[random_below(count)] ^= (char)(1 << random_below(8));
}

START_TEST(test_boxes_with_turned_bits)
{
	struct sample sample;
	size_t count;

	init_with_sites(&sample);
	char *whole = sample_image(&sample, &count), *bytes = malloc(count);
	for (int round = 0; round < ROUNDS; round++) {
		memcpy(bytes, whole, count);
		flip_bits(bytes, random_below(2) == 0 ? count : sizeof(struct box_header));
		if (random_below(2) == 0)
			sample_seal(bytes);
		read_box(bytes, count);
	}
	free(whole);
	free(bytes);
}
END_TEST

START_TEST(test_boxes_that_were_cut)
{
	struct sample sample;
	size_t count;

	init_with_sites(&sample);
	char *whole = sample_image(&sample, &count);
	for (int round = 0; round < ROUNDS; round++) {
		/* To the byte, so that a sanitizer sees a read beyond. */
		size_t cut = random_below(count);
		char *bytes = malloc(cut + 1);
		memcpy(bytes, whole, cut);
		if (random_below(2) == 0 && cut >= sizeof(struct box_header)) {
			((struct box_header *)bytes)->file_bytes = cut;
			sample_seal(bytes);
		}
		read_box(bytes, cut);
		free(bytes);
	}
	free(whole);
}
END_TEST

/* Sound in every checksum, mad in every claim. */
START_TEST(test_boxes_that_lie)
{
	struct sample sample;
	size_t count;

	for (int round = 0; round < ROUNDS / 4; round++) {
		init_with_sites(&sample);
		char *at = (char *)&sample;
		for (size_t changes = random_size(4096); changes > 0; changes--)
			at[random_below(sizeof(sample))] = (char)random_number();
		sample.identity.class_count %= BOX_CLASSES_MAX + 2;
		char *bytes = sample_image(&sample, &count);
		read_box(bytes, count);
		free(bytes);
	}
}
END_TEST

static char *copy_of(const char *bytes, size_t count)
{
	char *copy = malloc(count + 1);

	memcpy(copy, bytes, count);
	copy[count] = '\0';
	return copy;
}

static void read_dump_sites(const char *bytes, size_t count)
{
	struct books books;
	struct sites sites = {0};
	struct failure failure;
	char *copy = copy_of(bytes, count);

	if (dump_read(&books, &sites, copy, count, "DUMP", &failure)) {
		print_sites(&sites);
		books_free(&books);
	}
	sites_free(&sites);
	free(copy);
}

static void read_dump(const char *bytes, size_t count)
{
	static struct report report;
	struct failure failure;
	char *copy = copy_of(bytes, count);

	memset(&report, 0, sizeof(report));
	report.target.kind = TARGET_DUMP;
	if (dump_is_one(copy, count) &&
		dump_read(&report.target.books, NULL, copy, count, "DUMP", &failure)) {
		ledger_make(&report.ledger, &report.target.books, NULL);
		print_everything(&report);
		report_free(&report);
	}
	free(copy);
}

static const char text_dump[] =
	"mstat dump 1\npid 4711\nexe /bin/x\nalloc 4096\n"
	"class size_bytes 16 nmalloc 5 nfree 2 live_objects 3 magazine_objects 7 span_count 1\n"
	"thread tid 4711 state live alloc 176 total_alloc 208 nmalloc 9 nfree 2 name main\nend\n";

static const char json_dump[] =
	"{\"mstat_dump\":1,\"exe\":\"/bin/x\",\"totals\":{\"alloc\":4096,\"nmalloc\":9},"
	"\"classes\":[{\"size_bytes\":16,\"live_objects\":3}],"
	"\"threads\":[{\"tid\":1,\"alloc\":-5,\"state\":\"live\",\"name\":\"n\"}],"
	"\"call_sites\":{\"sample_bytes\":4096,\"samples\":3,\"lost\":0,"
	"\"modules\":[{\"start\":4096,\"end\":8192,\"bias\":0,\"gone\":0,\"build_id\":\"0a\","
	"\"path\":\"/bin/y\"}],\"frames\":[[4100,0,0],[4200,0,1],[5,-1,-1],[0,-2,0]],"
	"\"tags\":[{\"name\":\"parser\",\"counts\":[1,2,3,4,5,6]}],"
	"\"sites\":[{\"frame\":2,\"live\":[1,2,3,4,5],\"total\":[6,7,8,9,1],\"peak\":[0,0,0,0,0]},"
	"{\"frame\":3,\"live\":[1,2,3,4,5],\"total\":[6,7,8,9,1],\"peak\":[0,0,0,0,0]}]}}";

START_TEST(test_dumps_with_turned_bits_and_cut)   /* _i: text, JSON */
{
	const char *whole = _i == 0 ? text_dump : json_dump;
	char bytes[sizeof(text_dump) + sizeof(json_dump)];

	for (int round = 0; round < ROUNDS; round++) {
		size_t count = strlen(whole);
		memcpy(bytes, whole, count);
		for (size_t flips = random_below(4); flips > 0; flips--)
			bytes[random_below(count)] ^= (char)(1 << random_below(8));
		if (random_below(4) == 0)
			count = random_below(count);
		read_dump(bytes, count);
		read_dump_sites(bytes, count);
	}
}
END_TEST

START_TEST(test_json_nested_without_end)
{
	size_t count = 1 << 20;
	char *bytes = malloc(count);

	memset(bytes, '[', count);
	bytes[0] = '{';
	read_dump(bytes, count);
	free(bytes);
}
END_TEST

int main(void)
{
	TCase *tests = suite_begin("tools, hostile input", setup, NULL);

	tcase_add_test(tests, test_boxes_with_turned_bits);
	tcase_add_test(tests, test_boxes_that_were_cut);
	tcase_add_test(tests, test_boxes_that_lie);
	tcase_add_loop_test(tests, test_dumps_with_turned_bits_and_cut, 0, 2);
	tcase_add_test(tests, test_json_nested_without_end);
	return suite_end();
}
