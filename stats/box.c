#include "stats/box.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/lock.h"
#include "base/os.h"
#include "stats/box_place.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum {
	PART_ALIGN_BYTES = 64, /* no part shares a cache line with another writer's */
	SECTION_COUNT = 9
};

/* A slot is prepared once; whoever finds no room does not ask again. */
enum slot_state { SLOT_UNKNOWN = 0, SLOT_READY, SLOT_REFUSED };

static struct {
	char *memory; /* NULL: no file */
	int pid;
	bool is_all_allocated;
	uint8_t slots[BOX_THREADS_MAX]; /* enum slot_state */
	struct box_header header;
	struct box_place place;
} box;

static uint64_t event_count;
static struct lock event_lock = {.rank = LOCK_RANK_EVENT};

bool box_exists(void)
{
	return __atomic_load_n(&box.memory, __ATOMIC_RELAXED) != NULL;
}

const char *box_folder(void)
{
	return box_exists() ? box.place.folder : "";
}

const char *box_path(void)
{
	return box_exists() ? box.place.path : "";
}

static uint64_t section_add(uint64_t offset, enum box_section_kind kind, uint32_t part_count,
	uint32_t payload_bytes)
{
	struct box_section *section = &box.header.sections[kind - 1];

	section->kind = kind;
	section->part_count = part_count;
	section->offset = offset;
	section->payload_bytes = payload_bytes;
	section->part_bytes = (uint32_t)bits_round_up(2 * box_copy_bytes(payload_bytes),
		PART_ALIGN_BYTES);
	return offset + (uint64_t)part_count * section->part_bytes;
}

/* What each process writes comes first, on one or two pages; slots are allocated
   as threads come. */
static void header_lay_out(uint32_t class_count)
{
	struct box_header *header = &box.header;
	uint64_t at = bits_round_up(sizeof(*header), PART_ALIGN_BYTES);

	memcpy(header->magic, BOX_MAGIC, sizeof(header->magic));
	header->layout_version = BOX_LAYOUT_VERSION;
	header->section_count = SECTION_COUNT;
	at = section_add(at, BOX_SECTION_TOTALS, 1, sizeof(struct box_totals));
	at = section_add(at, BOX_SECTION_SIGNAL, 1, sizeof(struct box_signal));
	at = section_add(at, BOX_SECTION_IDENTITY, 1, sizeof(struct box_identity));
	at = section_add(at, BOX_SECTION_DUMP, 1, sizeof(struct box_dump));
	at = section_add(at, BOX_SECTION_CLASSES, class_count, sizeof(struct box_class));
	at = section_add(at, BOX_SECTION_EVENTS, BOX_EVENTS_MAX, sizeof(struct box_event));
	at = section_add(at, BOX_SECTION_PEAKS, BOX_PEAKS_MAX, sizeof(struct box_peak));
	at = section_add(at, BOX_SECTION_THREADS, BOX_THREADS_MAX, sizeof(struct box_thread));
	at = section_add(at, BOX_SECTION_ROWS, BOX_THREADS_MAX * class_count,
		sizeof(struct box_row));
	header->file_bytes = bits_round_up(at, os_page_bytes());
	header->checksum = box_checksum(header, offsetof(struct box_header, checksum), 0, 0);
}

static const struct box_section *section_of(enum box_section_kind kind)
{
	return &box.header.sections[kind - 1];
}

static char *part_address(char *memory, enum box_section_kind kind, uint32_t index)
{
	const struct box_section *section = section_of(kind);

	return memory + section->offset + (uint64_t)index * section->part_bytes;
}

/* Tells a file that may not grow from one that may, without the signal. */
static bool size_is_permitted(uint64_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes) {
		errno = EFBIG;
		return false;
	}
	return true;
}

/* Allocates [from, to) of the mapped file.  Kernels before 5.14 cannot. */
static bool range_populate(char *memory, const char *from, const char *to)
{
	size_t page = os_page_bytes();
	size_t first = bits_round_down((size_t)(from - memory), page);
	size_t end = bits_round_up((size_t)(to - memory), page);

	return madvise(memory + first, end - first, MADV_POPULATE_WRITE) == 0;
}

static bool file_allocate(int fd)
{
	uint64_t fixed = section_of(BOX_SECTION_THREADS)->offset +
		section_of(BOX_SECTION_THREADS)->part_bytes;

	if (!size_is_permitted(box.header.file_bytes) ||
		ftruncate(fd, (off_t)box.header.file_bytes) != 0)
		return false;
	/* Without MADV_POPULATE_WRITE a slot cannot be added later: take all now. */
	box.is_all_allocated = madvise(NULL, 0, MADV_POPULATE_WRITE) != 0;
	return fallocate(fd, 0, 0, (off_t)(box.is_all_allocated ? box.header.file_bytes : fixed)) == 0;
}

static char *file_map(int fd)
{
	if (!file_allocate(fd))
		return NULL;
	char *memory = mmap(NULL, box.header.file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return NULL;
	/* A child has no use for it: see box_leave(). */
	if (madvise(memory, box.header.file_bytes, MADV_DONTFORK) == 0)
		return memory;
	munmap(memory, box.header.file_bytes);
	return NULL;
}

bool box_create(const char *dir)
{
	const struct box_identity *identity = box_identity();
	uint64_t generation = 1; /* the first copy, which is nearer */

	header_lay_out((uint32_t)identity->class_count);
	if (dir[0] != '\0')
		box_identify_boot(); /* a disk's; the usual places end with the boot */
	int fd = box_place_open(&box.place, dir);
	if (fd < 0)
		return false;
	char *memory = file_map(fd);
	int error = errno;
	close(fd);
	if (memory == NULL) {
		unlink(box.place.path);
		errno = error;
		return false;
	}
	memset(box.slots, SLOT_UNKNOWN, sizeof(box.slots));
	box.pid = (int)identity->pid;
	memcpy(memory, &box.header, sizeof(box.header));
	__atomic_store_n(&box.memory, memory, __ATOMIC_RELEASE);
	box_write(BOX_SECTION_IDENTITY, 0, identity, &generation);
	return true;
}

void box_write(enum box_section_kind kind, uint32_t index, const void *payload,
	uint64_t *generation)
{
	char *memory = __atomic_load_n(&box.memory, __ATOMIC_ACQUIRE);

	if (memory == NULL)
		return;
	size_t payload_bytes = section_of(kind)->payload_bytes;
	char *part = part_address(memory, kind, index);
	uint64_t next = ++*generation;
	struct box_copy *copy =
		(struct box_copy *)(part + (next & 1) * box_copy_bytes(payload_bytes));

	/* Copied and summed up in one go: most payloads are a few words. */
	const uint64_t *from = payload;
	uint64_t *to = (uint64_t *)(copy + 1);
	uint64_t sum = box_checksum_begin(next, (uint64_t)(part - memory));

	copy->generation = next;
	for (size_t i = 0; i < payload_bytes / 8; i++) {
		to[i] = from[i];
		sum = box_checksum_add(sum, from[i]);
	}
	copy->checksum = sum;
}

bool box_slot_prepare(uint32_t slot)
{
	char *memory = __atomic_load_n(&box.memory, __ATOMIC_ACQUIRE);
	uint32_t class_count = section_of(BOX_SECTION_CLASSES)->part_count;

	if (memory == NULL || slot >= BOX_THREADS_MAX)
		return false;
	if (box.slots[slot] == SLOT_UNKNOWN) {
		char *thread = part_address(memory, BOX_SECTION_THREADS, slot);
		char *rows = part_address(memory, BOX_SECTION_ROWS, slot * class_count);
		int saved = errno;
		bool ready = box.is_all_allocated ||
			(range_populate(memory, thread,
				 thread + section_of(BOX_SECTION_THREADS)->part_bytes) &&
				range_populate(memory, rows,
					rows + (size_t)class_count *
							section_of(BOX_SECTION_ROWS)->part_bytes));
		errno = saved;
		box.slots[slot] = ready ? SLOT_READY : SLOT_REFUSED;
	}
	return box.slots[slot] == SLOT_READY;
}

void box_leave(void)
{
	/* Nothing is mapped there any more, or something of the program's. */
	__atomic_store_n(&box.memory, NULL, __ATOMIC_RELEASE);
	lock_reset(&event_lock);
}

void box_remove(void)
{
	if (box_exists() && os_process_id() == box.pid)
		unlink(box.place.path);
}

void box_log(enum box_event_kind kind, const char *text)
{
	static uint64_t generations[BOX_EVENTS_MAX];
	struct box_event event = {.realtime_ns = os_realtime_ns(), .kind = kind,
		.tid = os_thread_id()};

	strncpy(event.text, text, sizeof(event.text) - 1);
	if (!lock_try(&event_lock))
		return; /* the heap is going down on another thread at this moment */
	uint32_t index = (uint32_t)(event_count % BOX_EVENTS_MAX);
	event.sequence = ++event_count;
	box_write(BOX_SECTION_EVENTS, index, &event, &generations[index]);
	lock_release(&event_lock);
}
