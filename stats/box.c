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
#include "base/compiler.h"
#include "base/lock.h"
#include "base/maps.h"
#include "base/os.h"
#include "stats/box_place.h"

enum {
	PART_ALIGN_BYTES = 64, /* no part shares a cache line with another writer's */
	SECTION_COUNT = 20,
	PAGE_BITS = 12,
	PAGES_MAX = 8192 /* a quarter more than the largest layout has */
};

/* A page is allocated before it is written, once; whoever finds no room does not
   ask again. */
enum page_state { PAGE_UNKNOWN = 0, PAGE_READY, PAGE_REFUSED };

static char *box_memory_here;
char **box_memory = &box_memory_here;

static struct {
	int pid;
	char *memory;
	struct box_header header;
	struct box_place place;
	uint8_t pages[PAGES_MAX]; /* enum page_state */
} box;

static THREAD_LOCAL bool is_writing; /* the file is where it was, until then */

static uint64_t event_count;
static struct lock event_lock = {.rank = LOCK_RANK_EVENT};

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
	section->part_bytes = (uint32_t)box_part_least_bytes(kind, payload_bytes);
	if (!box_section_is_once(kind))
		section->part_bytes = (uint32_t)bits_round_up(section->part_bytes, PART_ALIGN_BYTES);
	return offset + (uint64_t)part_count * section->part_bytes;
}

/* What each process writes comes first, on one page (of the identity one copy is
   written).  The others are allocated as there is news for them. */
static void header_lay_out(uint32_t class_count, uint32_t hinted_count)
{
	struct box_header *header = &box.header;
	uint64_t at = bits_round_up(sizeof(*header), PART_ALIGN_BYTES);

	memcpy(header->magic, BOX_MAGIC, sizeof(header->magic));
	header->layout_version = BOX_LAYOUT_VERSION;
	header->section_count = SECTION_COUNT;
	at = section_add(at, BOX_SECTION_TOTALS, 1, sizeof(struct box_totals));
	at = section_add(at, BOX_SECTION_SIGNAL, 1, sizeof(struct box_signal));
	at = section_add(at, BOX_SECTION_CONTROL, 1, sizeof(struct box_control));
	at = section_add(at, BOX_SECTION_IDENTITY, 1, sizeof(struct box_identity));
	/* On the pages of those beside it: it is written once, and is not worth one. */
	at = section_add(at, BOX_SECTION_CGROUP, 1, sizeof(struct box_cgroup));
	at = section_add(at, BOX_SECTION_LIMIT, 1, sizeof(struct box_limit));
	at = section_add(at, BOX_SECTION_CLASSES, class_count + hinted_count,
		sizeof(struct box_class));
	at = section_add(at, BOX_SECTION_THREADS, BOX_THREADS_MAX, sizeof(struct box_thread));
	at = section_add(at, BOX_SECTION_ROWS, BOX_THREADS_MAX * class_count,
		sizeof(struct box_row));
	at = section_add(at, BOX_SECTION_DUMP, 1, sizeof(struct box_dump));
	at = section_add(at, BOX_SECTION_SURVEY, BOX_SURVEYS_MAX, sizeof(struct box_survey));
	at = section_add(at, BOX_SECTION_PEAKS, BOX_PEAKS_MAX, sizeof(struct box_peak));
	at = section_add(at, BOX_SECTION_EVENTS, BOX_EVENTS_MAX, sizeof(struct box_event));
	at = section_add(at, BOX_SECTION_NEAR, 1, sizeof(struct box_near));
	at = section_add(at, BOX_SECTION_HINTED_ROWS, BOX_THREADS_MAX * hinted_count,
		sizeof(struct box_row));
	at = section_add(at, BOX_SECTION_SAMPLING, 1, sizeof(struct box_sampling));
	at = section_add(at, BOX_SECTION_SITES, BOX_SITES_MAX, sizeof(struct box_site));
	at = section_add(at, BOX_SECTION_FRAMES, BOX_FRAMES_MAX, sizeof(struct box_frame));
	at = section_add(at, BOX_SECTION_MODULES, BOX_MODULES_MAX, sizeof(struct box_module));
	at = section_add(at, BOX_SECTION_TAGS, BOX_TAGS_MAX, sizeof(struct box_tag));
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

static bool page_is(size_t page, enum page_state state)
{
	return word_load(&box.pages[page]) == state;
}

/* What is known about a page stays so. */
static void pages_mark(size_t first, size_t last, enum page_state state)
{
	for (size_t page = first; page <= last; page++)
		if (page_is(page, PAGE_UNKNOWN))
			word_store(&box.pages[page], state);
}

/* Allocates pages of the mapped file; errno says why not. */
static bool pages_allocate(char *memory, size_t first, size_t last)
{
	size_t from = bits_round_down(first << PAGE_BITS, os_page_bytes());
	size_t to = bits_round_up((last + 1) << PAGE_BITS, os_page_bytes());
	int error = os_populate(memory + from, to - from);

	pages_mark(first, last, error == 0 ? PAGE_READY : PAGE_REFUSED);
	if (error != 0)
		errno = error == EFAULT ? ENOSPC : error; /* what would have been SIGBUS */
	return error == 0;
}

static NOINLINE bool range_prepare_slow(char *memory, size_t first, size_t last)
{
	int saved = errno;

	while (first <= last && page_is(first, PAGE_READY))
		first++;
	if (first > last)
		return true;
	for (size_t page = first; page <= last; page++)
		if (page_is(page, PAGE_REFUSED))
			return false;
	bool done = pages_allocate(memory, first, last);
	errno = saved;
	return done;
}

/* Makes sure that a range of the file can be written, which is less than a page or a
   whole slot.  Threads that share a page may both do so: to allocate it twice is to
   allocate it once. */
static ALWAYS_INLINE bool range_prepare(char *memory, const char *from, size_t bytes)
{
	size_t first = (size_t)(from - memory) >> PAGE_BITS;
	size_t last = ((size_t)(from - memory) + bytes - 1) >> PAGE_BITS;

	if (LIKELY(last - first <= 1 && page_is(first, PAGE_READY) && page_is(last, PAGE_READY)))
		return true;
	return range_prepare_slow(memory, first, last);
}

/* Allocates what every process writes. */
static bool start_allocate(int fd, char *memory)
{
	const struct box_section *identity = section_of(BOX_SECTION_IDENTITY);
	uint64_t end = identity->offset + box_copy_bytes(identity->payload_bytes);

	memset(box.pages, PAGE_UNKNOWN, sizeof(box.pages));
	if (pages_allocate(memory, 0, (end - 1) >> PAGE_BITS))
		return true;
	/* Kernels before 5.14 cannot; then all is allocated now. */
	if (errno != EINVAL || fallocate(fd, 0, 0, (off_t)box.header.file_bytes) != 0)
		return false;
	memset(box.pages, PAGE_READY, sizeof(box.pages));
	return true;
}

static char *file_map(int fd)
{
	size_t bytes = (size_t)box.header.file_bytes;

	if (bytes > (size_t)PAGES_MAX << PAGE_BITS) {
		errno = EFBIG;
		return NULL;
	}
	if (!size_is_permitted(bytes) || ftruncate(fd, (off_t)bytes) != 0)
		return NULL;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return NULL;
	/* A child has no use for it: see box_leave(). */
	if (madvise(memory, bytes, MADV_DONTFORK) == 0 && start_allocate(fd, memory))
		return memory;
	int error = errno;
	munmap(memory, bytes);
	errno = error;
	return NULL;
}

bool box_create(const char *dir)
{
	const struct box_identity *identity = box_identity();
	uint64_t generation = 1; /* the first copy, which is nearer */

	header_lay_out((uint32_t)identity->class_count, (uint32_t)identity->hinted_count);
	if (dir[0] != '\0')
		box_identify_boot(); /* a disk's; the usual places end with the boot */
	int fd = box_place_open(&box.place, dir);
	if (fd < 0)
		return false;
	char *memory = file_map(fd);
	int error = errno;
	close(fd);
	if (memory == NULL) {
		box_place_remove(&box.place);
		errno = error;
		return false;
	}
	box.pid = (int)identity->pid;
	box.memory = memory;
	memcpy(memory, &box.header, sizeof(box.header));
	__atomic_store_n(box_memory, memory, __ATOMIC_RELEASE);
	box_write(BOX_SECTION_IDENTITY, 0, identity, &generation);
	return true;
}

/* Copied and summed up in one go, and by as many words as the compiler is told: most
   payloads are a few, and some are written at every slow path. */
static ALWAYS_INLINE void part_write_at(char *memory, enum box_section_kind kind, uint32_t index,
	const void *payload, size_t payload_bytes, uint64_t *generation)
{
	char *part = part_address(memory, kind, index);
	uint64_t next = *generation + 1;
	struct box_copy *copy =
		(struct box_copy *)(part + (next & 1) * box_copy_bytes(payload_bytes));

	if (!range_prepare(memory, (char *)copy, box_copy_bytes(payload_bytes)))
		return;
	const uint64_t *from = payload;
	uint64_t *to = (uint64_t *)(copy + 1);
	uint64_t sum = box_checksum_begin(next, (uint64_t)(part - memory));

#pragma GCC unroll 8
	for (size_t i = 0; i < payload_bytes / 8; i++) {
		to[i] = from[i];
		sum = box_checksum_add(sum, from[i]);
	}
	copy->checksum = sum;
	/* Last: until then who is killed leaves a part's first copy as one that never was. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	copy->generation = next;
	*generation = next;
}

static ALWAYS_INLINE void part_write(enum box_section_kind kind, uint32_t index,
	const void *payload, size_t payload_bytes, uint64_t *generation)
{
	bool was_writing = is_writing; /* a handler of this thread may come in between */

	is_writing = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	char *memory = __atomic_load_n(box_memory, __ATOMIC_ACQUIRE);
	if (memory != NULL)
		part_write_at(memory, kind, index, payload, payload_bytes, generation);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	is_writing = was_writing;
}

void box_write(enum box_section_kind kind, uint32_t index, const void *payload,
	uint64_t *generation)
{
	part_write(kind, index, payload, section_of(kind)->payload_bytes, generation);
}

void box_write_class(uint32_t class, const struct box_class *payload, uint64_t *generation)
{
	part_write(BOX_SECTION_CLASSES, class, payload, sizeof(*payload), generation);
}

void box_write_row(uint32_t index, const struct box_row *payload, uint64_t *generation)
{
	part_write(BOX_SECTION_ROWS, index, payload, sizeof(*payload), generation);
}

void box_write_hinted_row(uint32_t index, const struct box_row *payload, uint64_t *generation)
{
	part_write(BOX_SECTION_HINTED_ROWS, index, payload, sizeof(*payload), generation);
}

void box_write_frame(uint32_t number, const struct box_frame *frame)
{
	bool was_writing = is_writing;

	is_writing = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	char *memory = __atomic_load_n(box_memory, __ATOMIC_ACQUIRE);
	char *part = memory != NULL ? part_address(memory, BOX_SECTION_FRAMES, number) : NULL;
	if (part != NULL && range_prepare(memory, part, sizeof(*frame))) {
		memcpy(part, frame, sizeof(*frame));
		__atomic_thread_fence(__ATOMIC_RELEASE); /* then a site may tell of it */
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	is_writing = was_writing;
}

void box_write_tag_word(uint32_t number, size_t offset, uint64_t value)
{
	bool was_writing = is_writing;

	is_writing = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	char *memory = __atomic_load_n(box_memory, __ATOMIC_ACQUIRE);
	char *part = memory != NULL ? part_address(memory, BOX_SECTION_TAGS, number) : NULL;
	if (part != NULL && range_prepare(memory, part, sizeof(struct box_tag)))
		word_store((uint64_t *)(void *)(part + offset), value);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	is_writing = was_writing;
}

bool box_slot_prepare(uint32_t slot)
{
	char *memory = __atomic_load_n(box_memory, __ATOMIC_ACQUIRE);
	uint32_t class_count = (uint32_t)box_identity()->class_count;

	return memory != NULL && slot < BOX_THREADS_MAX &&
		range_prepare(memory, part_address(memory, BOX_SECTION_THREADS, slot),
			section_of(BOX_SECTION_THREADS)->part_bytes) &&
		range_prepare(memory, part_address(memory, BOX_SECTION_ROWS, slot * class_count),
			(size_t)class_count * section_of(BOX_SECTION_ROWS)->part_bytes);
}

void box_leave(void)
{
	bool is_taken;

	if (is_writing)
		os_map_at(box.memory, (size_t)box.header.file_bytes, &is_taken);
	__atomic_store_n(box_memory, NULL, __ATOMIC_RELEASE);
	lock_reset(&event_lock);
}

void box_memory_move(char **word)
{
	*word = *box_memory;
	__atomic_store_n(&box_memory, word, __ATOMIC_RELEASE);
}

bool box_is_left_behind(void)
{
	uintptr_t place = (uintptr_t)*box_memory;
	size_t path_bytes = strlen(box.place.path);
	bool is_here = false;
	struct maps_reader reader;
	struct maps_line line;

	if (!box_exists())
		return false;
	maps_open(&reader);
	while (!is_here && maps_next(&reader, &line))
		is_here = line.start == place && line.is_shared &&
			strncmp(line.path, box.place.path, path_bytes) == 0;
	maps_close(&reader);
	return !is_here;
}

void box_remove(void)
{
	if (box_exists() && os_process_id() == box.pid)
		box_place_remove(&box.place);
}

void box_log(enum box_event_kind kind, const char *text)
{
	box_log_object(kind, text, 0, 0);
}

void box_log_object(enum box_event_kind kind, const char *text, uint32_t allocated_at,
	uint32_t freed_at)
{
	static uint64_t generations[BOX_EVENTS_MAX];
	struct box_event event = {.realtime_ns = os_realtime_ns(), .kind = kind,
		.tid = os_thread_mark(), .allocated_at = allocated_at, .freed_at = freed_at};

	strncpy(event.text, text, sizeof(event.text) - 1);
	if (!lock_try(&event_lock))
		return; /* the heap is going down on another thread at this moment */
	uint32_t index = (uint32_t)(event_count % BOX_EVENTS_MAX);
	event.sequence = ++event_count;
	box_write(BOX_SECTION_EVENTS, index, &event, &generations[index]);
	lock_release(&event_lock);
}
