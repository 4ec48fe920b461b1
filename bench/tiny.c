/*
 * bench/tiny.c - objects of less than 16 bytes that hold no pointers, told to the
 * allocator or not.
 *
 *     json SHAPE ended|counted KEPT REPLACED
 *                             documents are parsed and kept (bench/document.h, bench/dom.h);
 *                             then a random one is written out as text and replaced,
 *                             REPLACED times
 *     tree KEPT REPLACED      the same with a compiler's syntax trees
 *     kept MIN MAX COUNT      objects of MIN to MAX bytes, all kept
 *     worst BYTES KEEP COUNT ROUNDS
 *                             in each round all are freed but every KEEPth in the order of
 *                             addresses, which lives on: where objects share a block, the
 *                             rest of it is of no use until that one is freed too
 *     pair BYTES COUNT        one object, freed at once, over and over
 *
 * ops are allocations; a line "tiny NUMBER" tells how many of them are texts below 16
 * bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/common.h"
#include "bench/document.h"
#include "bench/dom.h"
#include "bench/hint.h"
#include "bench/syntax.h"

enum { DOCUMENTS = 48, DOCUMENT_BYTES = 48 << 10 };

static const char usage[] = "json|tree|kept|worst|pair hinted|plain ...";

/* No part of the heap under test. */
static void *table_new(size_t count, size_t each_bytes)
{
	void *table = mmap(NULL, count * each_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return needed(table != MAP_FAILED ? table : NULL);
}

static uint64_t number(int argc, char **argv, int index)
{
	return argument_number(argc, argv, index, usage);
}

static void report(uint64_t ns)
{
	report_time(hint.allocations, ns);
	printf("tiny %llu\n", (unsigned long long)hint.tiny);
}

/* A document that is kept, and the text that it was parsed from. */
struct kept {
	struct dom_value root;
	const char *document;
};

static void kept_parse(struct kept *kept, const char *document)
{
	kept->root = dom_parse(document);
	kept->document = document;
}

static void kept_write(const struct kept *kept, char *text)
{
	*dom_write(&kept->root, text) = '\0';
	if (strcmp(text, kept->document) != 0) {
		fprintf(stderr, "a document was not kept\n");
		abort();
	}
}

static void json_run(int argc, char **argv)
{
	const struct document_shape *shape = document_shape_find(argument(argc, argv, 3, usage));
	size_t kept_count = number(argc, argv, 5), replaced_count = number(argc, argv, 6);
	struct kept *kept = table_new(kept_count, sizeof(*kept));
	struct rng rng = rng_stream(21);
	char *documents[DOCUMENTS], *text;
	size_t longest_bytes = 0;

	dom_count_texts(strcmp(argument(argc, argv, 4, usage), "counted") == 0);
	if (shape == NULL)
		argument(0, argv, 3, usage);
	for (int i = 0; i < DOCUMENTS; i++) {
		documents[i] = document_new(shape, &rng, DOCUMENT_BYTES);
		if (strlen(documents[i]) > longest_bytes)
			longest_bytes = strlen(documents[i]);
	}
	text = table_new(longest_bytes + 1, 1);

	uint64_t begin_ns = clock_cpu_ns();
	for (size_t i = 0; i < kept_count; i++)
		kept_parse(&kept[i], documents[i % DOCUMENTS]);
	for (size_t i = 0; i < replaced_count; i++) {
		struct kept *one = &kept[rng_below(&rng, (uint32_t)kept_count)];
		kept_write(one, text);
		dom_free(&one->root);
		kept_parse(one, documents[i % DOCUMENTS]);
	}
	uint64_t ns = clock_cpu_ns() - begin_ns;
	hint_report_books();
	begin_ns = clock_cpu_ns();
	for (size_t i = 0; i < kept_count; i++)
		dom_free(&kept[i].root);
	report(ns + clock_cpu_ns() - begin_ns);
}

static void tree_run(int argc, char **argv)
{
	size_t kept_count = number(argc, argv, 3), replaced_count = number(argc, argv, 4);
	struct syntax_node **kept = table_new(kept_count, sizeof(void *));
	struct rng rng = rng_stream(22);

	uint64_t begin_ns = clock_cpu_ns();
	for (size_t i = 0; i < kept_count; i++)
		kept[i] = syntax_function_new(&rng);
	for (size_t i = 0; i < replaced_count; i++) {
		struct syntax_node **root = &kept[rng_below(&rng, (uint32_t)kept_count)];
		syntax_free(*root);
		*root = syntax_function_new(&rng);
	}
	uint64_t ns = clock_cpu_ns() - begin_ns;
	hint_report_books();
	begin_ns = clock_cpu_ns();
	for (size_t i = 0; i < kept_count; i++)
		syntax_free(kept[i]);
	report(ns + clock_cpu_ns() - begin_ns);
}

static void texts_new(char **texts, size_t count, struct rng *rng, size_t min_bytes, size_t max_bytes)
{
	for (size_t i = 0; i < count; i++) {
		size_t bytes = rng_between(rng, min_bytes, max_bytes);
		texts[i] = memset(text_new(bytes), 1, bytes);
	}
}

static void kept_run(int argc, char **argv)
{
	size_t min_bytes = number(argc, argv, 3), max_bytes = number(argc, argv, 4);
	size_t count = number(argc, argv, 5);
	char **texts = table_new(count, sizeof(*texts));
	struct rng rng = rng_stream(23);
	size_t before_bytes = rss_bytes();
	uint64_t begin_ns = clock_cpu_ns();

	texts_new(texts, count, &rng, min_bytes, max_bytes);
	uint64_t ns = clock_cpu_ns() - begin_ns;
	report_rss("grown", rss_bytes() - before_bytes);
	hint_report_books();
	report(ns);
}

/* Shell's sort: in place, as qsort() may allocate; fast, as they nearly are in order. */
static void addresses_sort(char **texts, size_t count)
{
	for (size_t gap = count / 2; gap > 0; gap /= 2)
		for (size_t i = gap; i < count; i++) {
			char *text = texts[i];
			size_t to = i;
			for (; to >= gap && texts[to - gap] > text; to -= gap)
				texts[to] = texts[to - gap];
			texts[to] = text;
		}
}

static void texts_thin(char **texts, size_t count, size_t keep)
{
	for (size_t i = 0; i < count; i++)
		if (i % keep != 0)
			free(texts[i]);
}

static void worst_run(int argc, char **argv)
{
	size_t bytes = number(argc, argv, 3), keep = number(argc, argv, 4);
	size_t count = number(argc, argv, 5);
	uint64_t rounds = number(argc, argv, 6), ns = 0;
	char **texts = table_new(count, sizeof(*texts));
	struct rng rng = rng_stream(24);
	size_t before_bytes = rss_bytes();

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t begin_ns = clock_cpu_ns();
		texts_new(texts, count, &rng, bytes, bytes);
		ns += clock_cpu_ns() - begin_ns;
		if (i == 0)
			report_rss("filled", rss_bytes() - before_bytes);
		addresses_sort(texts, count);
		begin_ns = clock_cpu_ns();
		texts_thin(texts, count, keep);
		ns += clock_cpu_ns() - begin_ns;
	}
	report_rss("survivors", rss_bytes() - before_bytes);
	hint_report_books();
	report(ns);
}

static void pair_run(int argc, char **argv)
{
	size_t bytes = number(argc, argv, 3);
	uint64_t count = number(argc, argv, 4);
	uint64_t begin_ns = clock_cpu_ns();

	for (uint64_t left = count; left > 0; left--)
		free(text_new(bytes));
	report(clock_cpu_ns() - begin_ns);
}

static const struct {
	const char *name;
	void (*run)(int argc, char **argv);
} workloads[] = {{"json", json_run}, {"tree", tree_run}, {"kept", kept_run}, {"worst", worst_run},
	{"pair", pair_run}};

int main(int argc, char **argv)
{
	const char *name = argument(argc, argv, 1, usage);

	hint_choose(argument(argc, argv, 2, usage));
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (strcmp(workloads[i].name, name) == 0) {
			workloads[i].run(argc, argv);
			return 0;
		}
	argument(0, argv, 1, usage);
}
