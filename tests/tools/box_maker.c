/*
 * box_maker.c - a program for reporter.sh: writes sample boxes and dumps, sound
 * and damaged, and plays a process that has one.
 *
 *     box_maker box KIND PATH     KIND: dead, version, header, truncated, events, hostile,
 *                                 or sites, grown: with call sites in this program
 *     box_maker dump KIND PATH    the call sites of such a box as a dump in JSON
 *     box_maker hold DIR [STATE]  is a living process with a box below DIR, whose path
 *                                 it prints, until stdin ends; STATE is of enum
 *                                 box_signal_state, or 5: claims a handler, has none;
 *                                 with libmstat's, the signal makes a small dump
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/format.h"
#include "stats/report_sites.h"
#include "tests/tools/box_sample.h"

enum {
	PATH_BYTES = 256,
	STATE_CLAIMED = 5 /* says that the handler is libmstat's, and has none */
};

/* What the reporter reads in our memory: another magazine than is published. */
struct sample_cache {
	struct box_magazine magazines[SAMPLE_CLASSES];
	uint64_t armed[SAMPLE_CLASSES];
	int64_t net[SAMPLE_CLASSES];
	uint32_t sequence;
	uint32_t busy_class;
	uint64_t busy_nmalloc;
	int64_t busy_live;
};

static struct sample_cache caches[SAMPLE_SLOTS];
static struct sample sample;
static char *image; /* our box, mapped */
static char dump_path[PATH_BYTES];

static void die(const char *what)
{
	fprintf(stderr, "box_maker: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_file(const char *path, const char *bytes, size_t count)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, count) != (ssize_t)count || close(fd) != 0)
		die(path);
}

static void make_hostile(void)
{
	strcpy(sample.identity.exe, "/tmp/\033[31mred");
	memset(sample.identity.cmdline, 0x9b, sizeof(sample.identity.cmdline));
	sample.identity.cmdline_bytes = UINT64_MAX;
	memset(sample.threads[1].name, 'x', sizeof(sample.threads[1].name));
	memset(sample.threads[2].name, 0x1b, sizeof(sample.threads[2].name));
	memset(&sample.totals, 0xff, sizeof(sample.totals));
	memset(&sample.classes[2], 0xff, sizeof(sample.classes[2]));
	memset(sample.rows[1], 0x7f, sizeof(sample.rows[1]));
}

static void make_events(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct box_event *event = &sample.events[1 - i];
		event->sequence = i + 1;
		event->realtime_ns = sample.totals.realtime_ns + i * UINT64_C(1000000000);
		event->kind = i == 0 ? BOX_EVENT_OUT_OF_MEMORY : BOX_EVENT_FATAL;
		event->tid = 4711;
		strcpy(event->text, i == 0 ? "no memory for 4096 bytes" : "free(): 0x10 twice");
	}
}

/* Where the linker put the program. */
extern const char __executable_start[], end[];

static size_t round_up_4(size_t bytes)
{
	return (bytes + 3) / 4 * 4;
}

static void find_build_id(struct box_module *module, const char *notes, size_t bytes)
{
	for (size_t at = 0; at < bytes;) {
		const ElfW(Nhdr) *note = (const void *)(notes + at);
		const char *payload = (const char *)(note + 1) + round_up_4(note->n_namesz);
		if (note->n_type == NT_GNU_BUILD_ID && note->n_descsz <= BOX_BUILD_ID_BYTES) {
			module->build_id_bytes = note->n_descsz;
			memcpy(module->build_id, payload, note->n_descsz);
		}
		at = (size_t)(payload - notes) + round_up_4(note->n_descsz);
	}
}

/* The program's build id, among the notes that it has mapped. */
static void fill_build_id(struct box_module *module)
{
	const ElfW(Ehdr) *head = (const void *)__executable_start;
	const ElfW(Phdr) *parts = (const void *)(__executable_start + head->e_phoff);

	for (int i = 0; i < head->e_phnum; i++)
		if (parts[i].p_type == PT_NOTE)
			find_build_id(module, (const char *)(module->bias + parts[i].p_vaddr),
				parts[i].p_memsz);
}

/* The program as a module, from where its first byte stands. */

static void fill_module(struct box_module *module)
{
	bool is_fixed = (uintptr_t)__executable_start == 0x400000; /* not position-independent */

	module->start = (uintptr_t)__executable_start;
	module->end = (uintptr_t)end;
	module->bias = is_fixed ? 0 : module->start;
	if (readlink("/proc/self/exe", module->path, sizeof(module->path) - 1) <= 0)
		die("/proc/self/exe");
	fill_build_id(module);
}

static void fill_frame(uint32_t number, uintptr_t address, uint32_t caller)
{
	sample.frames[number].place = (uint64_t)1 << BOX_FRAME_ADDRESS_BITS | address;
	sample.frames[number].caller = caller;
}

static void fill_sum(struct box_sum *sum, uint64_t bytes)
{
	sum->samples = bytes >> 10;
	sum->objects = (bytes >> 6) * BOX_OBJECT_ONE;
	sum->bytes = bytes;
	sum->objects_variance = (double)bytes;
	sum->bytes_variance = (double)bytes * 1024;
}

static void fill_site(uint32_t number, uint32_t frame, uint64_t live_bytes)
{
	struct box_site *site = &sample.sites[number];

	site->frame = frame;
	fill_sum(&site->live, live_bytes);
	fill_sum(&site->total, 10 * live_bytes);
}

static int make_box(const char *kind, const char *path);
static void fill_identity(void);

/* make_box() called fill_identity(), and somebody who is not known did so as well. */
static void fill_sites(uint64_t growth)
{
	sample.control.sample_bytes = 512 << 10;
	sample.sampling = (struct box_sampling){.sample_count = 5000,
		.site_count = 3, .frame_count = 4, .module_count = 1};
	fill_module(&sample.modules[0]);
	fill_frame(1, (uintptr_t)make_box + 8, 0);
	fill_frame(2, (uintptr_t)fill_identity + 8, 1);
	fill_frame(3, (uintptr_t)fill_identity + 8, BOX_FRAME_CUT);
	fill_site(0, 2, (uint64_t)3 << 20);
	fill_site(1, 3, (1 << 20) + growth);
	fill_site(2, 0, 64 << 10);
	sample.peaks[0] = (struct box_peak){.sequence = 1, .heap_inuse = 8 << 20,
		.realtime_ns = UINT64_C(1767225660000000000)};
}

static void make_sample(const char *kind)
{
	sample_init(&sample);
	if (strcmp(kind, "hostile") == 0)
		make_hostile();
	if (strcmp(kind, "events") == 0)
		make_events();
	if (strcmp(kind, "sites") == 0)
		fill_sites(0);
	if (strcmp(kind, "grown") == 0)
		fill_sites(1 << 20);
}

static int make_box(const char *kind, const char *path)
{
	size_t bytes;

	make_sample(kind);
	image = sample_image(&sample, &bytes);
	struct box_header *header = (struct box_header *)image;
	if (strcmp(kind, "version") == 0)
		header->layout_version = BOX_LAYOUT_VERSION + 1;
	if (strcmp(kind, "header") == 0)
		header->section_count++;
	if (strcmp(kind, "identity") == 0)
		image[sample_section(image, BOX_SECTION_IDENTITY)->offset +
			box_copy_bytes(sizeof(struct box_identity)) + 40] ^= 1;
	write_file(path, image, strcmp(kind, "truncated") == 0 ? bytes / 2 : bytes);
	free(image);
	return 0;
}

static uint64_t sample_bytes(void)
{
	return sample.control.sample_bytes;
}

static uint64_t peak_sequence(void)
{
	return sample.peaks[0].sequence;
}

static const struct box_sampling *sampling(void)
{
	return &sample.sampling;
}

static const struct box_module *module_of(uint32_t number)
{
	return &sample.modules[number];
}

static const struct box_frame *frame_of(uint32_t number)
{
	return &sample.frames[number];
}

static const struct box_site *site_of(uint32_t number)
{
	return &sample.sites[number];
}

static uint32_t no_tags(void)
{
	return 0;
}

static int make_dump(const char *kind, const char *path)
{
	static const struct source_sites sites = {sample_bytes, peak_sequence, sampling, module_of,
		frame_of, site_of, no_tags, NULL};
	char buffer[4096];
	struct format out;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	make_sample(kind);
	format_init(&out, buffer, sizeof(buffer), fd);
	format_text(&out, "{\"mstat_dump\":1,\"pid\":4711,\"exe\":\"/usr/bin/sample\",\"totals\":{},"
			  "\"classes\":[],\"threads\":[]");
	report_json_sites(&out, &sites);
	format_text(&out, "}\n");
	return format_flush(&out) && close(fd) == 0 ? 0 : 1;
}

static void fill_identity(void)
{
	struct box_identity *identity = &sample.identity;
	struct timespec now;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	clock_gettime(CLOCK_REALTIME, &now);
	identity->pid = getpid();
	identity->uid = getuid();
	identity->start_realtime_ns = (uint64_t)now.tv_sec * 1000000000u;
	memset(identity->boot_id, 0, sizeof(identity->boot_id));
	if (read(fd, identity->boot_id, 36) != 36)
		die("boot_id");
	close(fd);
	clock_gettime(CLOCK_BOOTTIME, &now);
	identity->made_boottime_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	identity->cache_bytes = sizeof(struct sample_cache);
	identity->magazines_offset = offsetof(struct sample_cache, magazines);
	identity->class_stride = sizeof(uint64_t);
	identity->armed_offset = offsetof(struct sample_cache, armed);
	identity->net_offset = offsetof(struct sample_cache, net);
	identity->sequence_offset = offsetof(struct sample_cache, sequence);
	identity->busy_class_offset = offsetof(struct sample_cache, busy_class);
	identity->busy_nmalloc_offset = offsetof(struct sample_cache, busy_nmalloc);
	identity->busy_live_offset = offsetof(struct sample_cache, busy_live);
}

/* In memory one object of each class more lives than is published. */
static void fill_caches(void)
{
	static const uint64_t held[SAMPLE_CLASSES] = {0, SAMPLE_HELD_16 - 1, SAMPLE_HELD_64 - 1,
		SAMPLE_HELD_1024 - 1};

	for (int slot = 0; slot < SAMPLE_SLOTS; slot++) {
		struct sample_cache *cache = &caches[slot];
		for (int class = 1; class < SAMPLE_CLASSES; class++) {
			const struct box_row *row = &sample.rows[slot][class];
			uint64_t holds = slot == 1 ? held[class] : 0;
			cache->magazines[class] = (struct box_magazine){
				.top = (uint16_t)(512 + holds), .until = 5, .bottom = 512};
			cache->armed[class] = row->nmalloc + (slot == 1) + 5;
			cache->net[class] = row->live_objects + (slot == 1) + (int64_t)holds;
		}
		sample.threads[slot].cache_address = (uintptr_t)cache;
		sample.threads[slot].stack_address = slot == 1 ? (uintptr_t)&held : 0;
	}
}

/* Memory as a heap's: what is in use or kept is touched, the rest is not. */
static void fill_heap(void)
{
	size_t bytes = SAMPLE_HEAP_BYTES + SAMPLE_METADATA_BYTES;
	char *memory = mmap(NULL, bytes + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Guards at both ends keep the neighbours' mappings apart. */
	if (memory == MAP_FAILED || mprotect(memory + 4096, bytes, PROT_READ | PROT_WRITE) != 0)
		die("mmap");
	memory += 4096;
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	memset(memory, 1, SAMPLE_INUSE_BYTES + SAMPLE_KEPT_BYTES);
	memset(memory + SAMPLE_HEAP_BYTES, 1, SAMPLE_METADATA_BYTES / 2);
	sample.totals.heap_address = (uintptr_t)memory;
	sample.totals.heap_span_bytes = SAMPLE_HEAP_BYTES;
	sample.totals.metadata_address = (uintptr_t)memory + SAMPLE_HEAP_BYTES;
	sample.totals.metadata_span_bytes = SAMPLE_METADATA_BYTES;
}

static void answer(int number, siginfo_t *info, void *context)
{
	static const char text[] = "mstat dump 1\npid 1\nalloc 42\nend\n";

	(void)number;
	(void)context;
	int fd = open(dump_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t wrote = write(fd, text, sizeof(text) - 1);
	close(fd);
	sample.dump.dump_count++;
	sample.dump.error = wrote > 0 ? 0 : EIO;
	sample.dump.request = (uint64_t)info->si_value.sival_int;
	strcpy(sample.dump.path, dump_path);
	sample_write_copy(image, BOX_SECTION_DUMP, 0, (int)(sample.dump.dump_count & 1),
		sample.dump.dump_count + 1, &sample.dump);
}

static void map_box(const char *dir)
{
	char path[PATH_BYTES];
	size_t bytes;
	char *made = sample_image(&sample, &bytes);

	snprintf(path, sizeof(path), "%s/" BOX_DIR_PREFIX "%u", dir, (unsigned)getuid());
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		die(path);
	snprintf(dump_path, sizeof(dump_path), "%.200s/%d-1.dump", path, (int)getpid());
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%d" BOX_FILE_SUFFIX,
		(int)getpid());
	write_file(path, made, bytes);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	image = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		die(path);
	printf("%s\n", path);
	fflush(stdout);
}

static int hold(const char *dir, int state)
{
	struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_RESTART};
	char byte;

	/* Where only a parent may read its child's memory, mstat may all the same. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	sample_init(&sample);
	fill_sites(0);
	fill_identity();
	fill_caches();
	fill_heap();
	sample.signal.state = state == STATE_CLAIMED ? BOX_SIGNAL_OURS : state;
	if (state == BOX_SIGNAL_OURS)
		sigaction(SIGUSR2, &action, NULL);
	map_box(dir);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "box") == 0)
		return make_box(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "dump") == 0)
		return make_dump(argv[2], argv[3]);
	if (argc >= 3 && strcmp(argv[1], "hold") == 0)
		return hold(argv[2], argc > 3 ? atoi(argv[3]) : BOX_SIGNAL_OURS);
	fprintf(stderr, "usage: box_maker box|dump KIND PATH | box_maker hold DIR [STATE]\n");
	return 2;
}
