/*
 * preload/info.c - glibc's questions about the heap, answered from the books.
 *
 * WHY        Programs and monitors ask by mallinfo2() and malloc_info(); the
 *            fields mean what they do in glibc: `arena` is what is not in
 *            large objects, hblkhd is, and uordblks + hblkhd is what lives.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/format.h"
#include "heap/heap.h"
#include "heap/size_class.h"
#include "heap/snapshot.h"
#include "stats/box.h"
#include "stats/report.h"

EXPORT struct mallinfo2 mallinfo2(void)
{
	struct mstat_snapshot now;

	heap_snapshot(&now);
	uint64_t arena = now.heap_sys - now.large_alloc;
	uint64_t used = now.alloc - now.large_alloc;
	return (struct mallinfo2){
		.arena = arena,
		.hblks = now.large_nmalloc - now.large_nfree,
		.hblkhd = now.large_alloc,
		.uordblks = used,
		.fordblks = arena - used,
		.keepcost = now.idle_kept_bytes,
	};
}

static int clamp(size_t value)
{
	return value < INT_MAX ? (int)value : INT_MAX;
}

/* The old form has ints; glibc lets them wrap, we stop at the largest. */
EXPORT struct mallinfo mallinfo(void)
{
	struct mallinfo2 now = mallinfo2();

	return (struct mallinfo){
		.arena = clamp(now.arena),
		.hblks = clamp(now.hblks),
		.hblkhd = clamp(now.hblkhd),
		.uordblks = clamp(now.uordblks),
		.fordblks = clamp(now.fordblks),
		.keepcost = clamp(now.keepcost),
	};
}

static void bin_print(FILE *stream, uint32_t number, const struct mstat_size_class *row)
{
	if (row->nmalloc != 0)
		fprintf(stream,
			"<bin nr=\"%u\" size=\"%lu\"><nmalloc>%lu</nmalloc>"
			"<ndalloc>%lu</ndalloc></bin>\n",
			number, row->size_bytes, row->nmalloc, row->nfree);
}

/* XML in the form that other allocators print, a <bin> a size class. */
EXPORT int malloc_info(int options, FILE *stream)
{
	struct mstat_snapshot now;

	if (options != 0)
		return EINVAL;
	heap_snapshot(&now);
	fprintf(stream, "<malloc version=\"1\">\n<heap nr=\"0\">\n");
	for (uint32_t class = 1; class < now.size_class_count; class++)
		bin_print(stream, class, &now.by_size[class]);
	for (uint32_t row = 1; row <= FINE_CLASS_COUNT; row++)
		bin_print(stream, now.size_class_count - 1 + row, &now.by_fine_size[row]);
	fprintf(stream, "<bin nr=\"0\" size=\"large\"><nmalloc>%lu</nmalloc><ndalloc>%lu</ndalloc>"
			"</bin>\n",
		now.large_nmalloc, now.large_nfree);
	fprintf(stream,
		"</heap>\n"
		"<total type=\"live\" count=\"%lu\" size=\"%lu\"/>\n"
		"<total type=\"mmap\" count=\"%lu\" size=\"%lu\"/>\n"
		"<system type=\"current\" size=\"%lu\"/>\n"
		"<system type=\"released\" size=\"%lu\"/>\n"
		"</malloc>\n",
		now.nmalloc - now.nfree, now.alloc, now.large_nmalloc - now.large_nfree,
		now.large_alloc, now.heap_sys, now.heap_released);
	return ferror(stream) ? EIO : 0;
}

EXPORT void malloc_stats(void)
{
	char buffer[1024];
	struct format out;
	struct report_subject subject = {.pid = getpid(), .exe = box_identity()->exe};

	format_init(&out, buffer, sizeof(buffer), STDERR_FILENO);
	report_summary(&out, &heap_source, &subject);
	format_flush(&out);
}

EXPORT int malloc_trim(size_t pad)
{
	return heap_trim(pad);
}

/* Every tunable of glibc's is about a structure that is not here: accepted. */
EXPORT int mallopt(int parameter, int value)
{
	(void)parameter;
	(void)value;
	return 1;
}
