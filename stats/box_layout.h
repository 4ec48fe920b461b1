/*
 * stats/box_layout.h - the layout of the box, the file in which a process
 * publishes its books.  Written by stats/box.c, read by tools/.
 *
 * WHY        A reader needs no help from the process that it reads: it may be
 *            busy, stopped or dead.  This header is all that the two share.
 *
 * LAYOUT     A header at offset 0 that is written once and names the sections.
 *            A section is an array of parts.  But for frames and tags, which are
 *            written once and checked one by one (of tags the counters go on where
 *            they are), a part is two copies of one payload, each with a generation
 *            and a checksum:
 *
 *                part  = copy copy
 *                copy  = struct box_copy, then payload_bytes of payload
 *
 *            The writer overwrites the older copy, its generation last, so a
 *            writer that is killed between any two instructions leaves the
 *            newer one whole, or a part without any generation.  The reader
 *            takes the valid copy of the higher generation; a part of which none
 *            is valid was never written (both generations 0), or is damaged.
 *
 * INVARIANT  Every payload is a whole number of 64-bit words, in the byte
 *            order of the machine.  A change of any struct here changes
 *            BOX_LAYOUT_VERSION; a new section kind does not: readers skip
 *            kinds that they do not know, and payloads may grow at their end.
 *
 * TRUST      The writer never reads the file.  A reader believes nothing:
 *            offsets and counts are checked against the file's real size
 *            (box_section_is_sound), text may lack its terminator.
 */
#ifndef STATS_BOX_LAYOUT_H
#define STATS_BOX_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOX_MAGIC "mstatbox" /* 8 bytes, no terminator in the file */
#define BOX_DIR_PREFIX "mstat-" /* /dev/shm/mstat-UID/ */
#define BOX_FILE_SUFFIX ".box" /* PID.box; PID-NUMBER.box if there is one already */

enum {
	BOX_LAYOUT_VERSION = 8,
	BOX_SECTIONS_MAX = 20,
	BOX_CLASSES_MAX = 112,  /* row 0 is "large"; the last are those below 16 bytes */
	BOX_ALL_CLASSES_MAX = 2 * BOX_CLASSES_MAX, /* the hinted ones too */
	BOX_THREADS_MAX = 1024, /* slots; more threads at one time have no rows */
	BOX_EVENTS_MAX = 16,
	BOX_PEAKS_MAX = 16,
	BOX_SURVEYS_MAX = 8,    /* that several who ask at one time do not miss their answers */
	BOX_SITES_MAX = 16384,
	BOX_SITE_PEAKS_MAX = 4,  /* of the heap's peaks, the last ones */
	BOX_FRAMES_MAX = 131072, /* eight a site */
	BOX_MODULES_MAX = 1024,
	BOX_TAGS_MAX = 1024,
	BOX_TAG_NAME_BYTES = 48, /* with its NUL */
	BOX_BUILD_ID_BYTES = 32,
	BOX_EXE_BYTES = 1024,
	BOX_CMDLINE_BYTES = 1280, /* so that what is written at start is one page */
	BOX_PATH_BYTES = 512
};

enum box_section_kind {
	BOX_SECTION_NONE = 0,
	BOX_SECTION_IDENTITY = 1, /* 1 x struct box_identity */
	BOX_SECTION_TOTALS = 2,   /* 1 x struct box_totals */
	BOX_SECTION_SIGNAL = 3,   /* 1 x struct box_signal */
	BOX_SECTION_DUMP = 4,     /* 1 x struct box_dump */
	BOX_SECTION_CLASSES = 5,  /* class_count + hinted_count x struct box_class */
	BOX_SECTION_THREADS = 6,  /* slots x struct box_thread */
	BOX_SECTION_ROWS = 7,     /* slots * class_count x struct box_row */
	BOX_SECTION_EVENTS = 8,   /* ring of struct box_event, by their sequence */
	BOX_SECTION_PEAKS = 9,    /* ring of struct box_peak, by their sequence */
	BOX_SECTION_HINTED_ROWS = 10, /* slots * hinted_count x struct box_row */
	BOX_SECTION_SAMPLING = 11, /* 1 x struct box_sampling */
	BOX_SECTION_SITES = 12,   /* struct box_site, by their numbers */
	BOX_SECTION_FRAMES = 13,  /* struct box_frame, each written once, by their numbers */
	BOX_SECTION_MODULES = 14, /* struct box_module, by their numbers */
	BOX_SECTION_CONTROL = 15, /* 1 x struct box_control */
	BOX_SECTION_CGROUP = 16,  /* 1 x struct box_cgroup */
	BOX_SECTION_SURVEY = 17,  /* struct box_survey, by box_survey_place() of their requests */
	BOX_SECTION_LIMIT = 18,   /* 1 x struct box_limit */
	BOX_SECTION_NEAR = 19,    /* 1 x struct box_near */
	BOX_SECTION_TAGS = 20     /* struct box_tag, by their numbers; from 0, without a gap */
};

struct box_section {
	uint32_t kind;
	uint32_t part_count;
	uint64_t offset;        /* of part 0 in the file, a multiple of 64 */
	uint32_t part_bytes;    /* from one part to the next */
	uint32_t payload_bytes;
};

struct box_header {
	char magic[8];
	uint32_t layout_version;
	uint32_t section_count;
	uint64_t file_bytes;
	struct box_section sections[BOX_SECTIONS_MAX];
	uint64_t checksum;      /* box_checksum of all before it, generation 0, offset 0 */
};

struct box_copy {
	uint64_t generation;    /* 0: never written */
	uint64_t checksum;      /* box_checksum(payload, generation, offset of the part) */
};

/* In memory only: one size class of a thread's cache. */
struct box_magazine {
	uint16_t top;
	int16_t until;
	uint16_t bottom;
	uint16_t unused;
};

/*
 * Who wrote this, and how to read its memory.  Written once.  Nothing in it tells
 * the process from others of its pid, in another pid namespace or later on: a box
 * is the process's that has it mapped, and nobody's once nobody has it open.
 */
struct box_identity {
	int64_t pid;            /* in the process's own pid namespace */
	int64_t uid;
	uint64_t made_boottime_ns; /* when the box was made, by CLOCK_BOOTTIME */
	uint64_t start_realtime_ns; /* the same, by the wall clock */
	char boot_id[40];       /* /proc/sys/kernel/random/boot_id; "" on a tmpfs */
	char library_version[24];
	char exe[BOX_EXE_BYTES];
	char cmdline[BOX_CMDLINE_BYTES]; /* arguments, each ended by a NUL */
	uint64_t cmdline_bytes;
	/* Size classes, class 0 (which is none) included.  Behind them come hinted_count
	   more: classes of the same sizes, of objects that hold no pointers, the first
	   being that of class 1, then one of the blocks of 16 bytes into which smaller
	   objects are combined, and the fine ones of 2 to 14. */
	uint64_t class_count;
	uint64_t hinted_count;

	/* Where a thread's figures stand within its cache (box_thread.cache_address).
	   Offsets in bytes; of an array of struct box_magazine, and of the first of
	   class_count + hinted_count 64-bit words, class_stride bytes apart:
	     nmalloc      == armed[c] - magazines[c].until
	     in magazine  == magazines[c].top - magazines[c].bottom
	     live objects == net[c] - in magazine        (signed)
	   While `sequence` (32 bits) is odd, the class `busy_class` (32 bits) is
	   being changed: its figures are busy_nmalloc and busy_live (64 bits). */
	uint64_t cache_bytes;   /* read so much from cache_address */
	uint64_t magazines_offset;
	uint64_t class_stride;
	uint64_t armed_offset;
	uint64_t net_offset;
	uint64_t sequence_offset;
	uint64_t busy_class_offset;
	uint64_t busy_nmalloc_offset;
	uint64_t busy_live_offset;
	uint64_t tiny_nmalloc_offset; /* 64-bit words: as in struct box_thread */
	uint64_t tiny_nfree_offset;

	uint32_t class_bytes[BOX_CLASSES_MAX]; /* of an object; of each of class_count, then below 16 */
	uint64_t check_mode;    /* enum box_check_mode */
};

/* What is looked at: MSTAT_CONF's check, or efence. */
enum box_check_mode {
	BOX_CHECK_NONE = 0,
	BOX_CHECK_FULL = 1,
	BOX_CHECK_SAMPLE = 2,
	BOX_CHECK_EFENCE = 3    /* efence:1 */
};

/* The page heap, written under its lock whenever it changes. */
struct box_totals {
	uint64_t realtime_ns;      /* of the last change that was timed */
	uint64_t heap_sys;
	uint64_t heap_inuse;       /* small spans and large objects, whole pages */
	uint64_t large_bytes;      /* of heap_inuse: live large objects */
	uint64_t large_objects;
	uint64_t idle_kept_bytes;
	uint64_t heap_released;
	uint64_t never_used_bytes;
	uint64_t metadata_bytes;   /* address space of tables, caches and the box */
	uint64_t stacks_inuse;
	uint64_t stacks_sys;
	uint64_t peak_heap_inuse;
	uint64_t heap_address;     /* the heap's pages: [heap_address, + heap_span_bytes) */
	uint64_t heap_span_bytes;  /* holes included */
	uint64_t metadata_address; /* all tables: [metadata_address, + metadata_span_bytes) */
	uint64_t metadata_span_bytes;
	uint64_t out_of_memory_count; /* allocations refused since the start */
	uint64_t thread_count;     /* threads that have a cache now, with a slot or without */
	uint64_t retired_bytes;    /* of heap_inuse: of objects that were freed and wait, in a
	                              checked process; with memory behind them or none */
	uint64_t check_bytes;      /* address space of what is written down of its objects */
};

enum box_signal_state {
	BOX_SIGNAL_NONE = 0,    /* signal:none, or the program is confined by itself */
	BOX_SIGNAL_OURS = 1,
	BOX_SIGNAL_PROGRAM = 2, /* the program has a handler of its own */
	BOX_SIGNAL_IGNORED = 3,
	BOX_SIGNAL_DEFAULT = 4  /* somebody took our handler away */
};

struct box_signal {
	int64_t signal_number;
	int64_t state;          /* enum box_signal_state */
};

/*
 * What can be changed from outside, by the dump signal, queued with a payload of 64 bits:
 * the upper eight say what is asked for, enum box_request, the next 24 are a number that
 * tells this request from others, the lower 32 the value.
 */
struct box_control {
	uint64_t request;       /* the payload of the last one that was carried out; 0: none */
	uint64_t sample_bytes;  /* between two samples of call sites, on average; 0: none are taken */
};

enum box_request {
	BOX_REQUEST_DUMP = 0,   /* the number is the lower 32 bits */
	BOX_REQUEST_SAMPLE = 1, /* the value is sample_bytes */
	BOX_REQUEST_SURVEY = 2  /* the value is an enum survey_kind (stats/survey_layout.h) */
};

enum { BOX_REQUEST_SHIFT = 56, BOX_REQUEST_NUMBER_SHIFT = 32 };

struct box_dump {
	uint64_t dump_count;    /* dumps finished, whether written or not */
	uint64_t realtime_ns;
	int64_t error;          /* errno of the last one, 0 if written */
	uint64_t request;       /* the payload of the signal that asked for it */
	char path[BOX_PATH_BYTES];
};

/* What became of a request for a survey. */
struct box_survey {
	uint64_t request;       /* its payload; 0: nothing was asked for */
	int64_t error;          /* an errno: there is none */
	int64_t late_tid;       /* of ETIMEDOUT: a thread that did not stop; 0: not known */
	uint64_t pause_ns;      /* how long all threads stood still */
	char path[BOX_PATH_BYTES]; /* of the file, which a copy of the process writes */
};

/* One size class.  Written under the class's lock, from its first use on.
     span_objects - out_objects are free in spans, batches and bitmaps */
struct box_class {
	uint64_t object_bytes;
	uint64_t span_bytes;    /* of all spans; those of samples are smaller than others */
	uint64_t span_count;
	uint64_t span_objects;  /* objects that all spans have room for */
	uint64_t out_objects;   /* taken by threads: live or in magazines */
	uint64_t sampled_objects;  /* allocations whose asked size was looked at */
	uint64_t sampled_bytes;    /* what they asked for, together */
	uint64_t released_bytes;   /* of the free ones: pages given back to the OS */
};

enum box_thread_state {
	BOX_THREAD_NONE = 0,    /* this slot was never used */
	BOX_THREAD_LIVE = 1,
	BOX_THREAD_ENDED = 2    /* its figures stay part of the sums */
};

/*
 * One slot: the sum over all threads that ever used it.  A slot is used again
 * after its thread ended, so what the present thread did is the slot's figure
 * less its value when the thread came (the base_ fields).
 */
struct box_thread {
	int64_t state;          /* enum box_thread_state */
	int64_t tid;
	uint64_t cache_address; /* 0: this thread's memory cannot be read */
	uint64_t stack_address; /* a byte of its stack */
	uint64_t large_nmalloc;
	uint64_t large_nfree;
	uint64_t large_alloc_bytes; /* handed out, whole pages */
	uint64_t large_free_bytes;  /* freed: live large bytes are the difference */
	uint64_t base_nmalloc;
	uint64_t base_nfree;
	uint64_t base_total_alloc;
	int64_t base_alloc;
	char name[16];          /* /proc/PID/task/TID/comm when it came */
	uint64_t nlookup;
	uint64_t tiny_nmalloc;  /* objects that were combined into blocks */
	uint64_t tiny_nfree;
};

/* One size class of one slot; class 0 is not used (box_thread.large_*).  The hinted
   ones stand in a section of their own: most processes never write there. */
struct box_row {
	uint64_t nmalloc;
	int64_t live_objects;   /* signed: others' objects may be freed here */
};

enum box_event_kind {
	BOX_EVENT_NONE = 0,
	BOX_EVENT_OUT_OF_MEMORY = 1,
	BOX_EVENT_FATAL = 2,
	BOX_EVENT_CHECK = 3,    /* what a checked process has to say of itself */
	BOX_EVENT_NEAR_LIMIT = 4
};

struct box_event {
	uint64_t sequence;      /* 1, 2, 3 ...: entry (sequence - 1) % BOX_EVENTS_MAX */
	uint64_t realtime_ns;
	int64_t kind;           /* enum box_event_kind */
	int64_t tid;
	char text[192];
	/* Of an object of a checked process: frames that it was allocated at, and freed; 0: not
	   known, or not freed. */
	uint64_t allocated_at;
	uint64_t freed_at;
};

/* The heap when it had grown to a new peak, a sixteenth above the last one, or neared its
   limit. */
struct box_peak {
	uint64_t sequence;      /* 1, 2, 3 ...: entry (sequence - 1) % BOX_PEAKS_MAX */
	uint64_t realtime_ns;
	uint64_t heap_inuse;
	uint64_t large_bytes;
	uint64_t idle_kept_bytes;
	uint64_t thread_count;
};

/*
 * Which allocations are looked at (heap/sample.h), and what became of them.  An allocation
 * that is a sample stands for `weight` of them, so that a sum of weights has no bias; the
 * variance of such a sum is that of weight * (weight - 1), its standard error the root.
 */
struct box_sampling {
	uint64_t sample_count;  /* taken so far */
	uint64_t lost_count;    /* of these, whose end is not followed: no memory, no room */
	uint64_t site_count;    /* numbers below are in use */
	uint64_t frame_count;
	uint64_t module_count;
};

/* In box_site: a fixed point, so that what came and went adds up to nothing. */
enum { BOX_OBJECT_ONE = 65536 };

/* Samples that are alive, or all that ever were. */
struct box_sum {
	uint64_t samples;
	uint64_t objects;       /* estimate, times BOX_OBJECT_ONE */
	uint64_t bytes;         /* estimate of what was asked for */
	double objects_variance; /* of the estimates */
	double bytes_variance;
};

/* Of a heap's peak (struct box_peak). */
struct box_site_peak {
	uint64_t samples;
	uint64_t objects;       /* as in struct box_sum */
	uint64_t bytes;
	double bytes_variance;
};

/*
 * A call site: allocations whose callers are the same all the way out.  What was alive at
 * the heap's peak of sequence S is peaks[S % BOX_SITE_PEAKS_MAX] if S is not above
 * peak_sequence, and what is alive now if it is.
 */
struct box_site {
	uint64_t frame;         /* the innermost; 0: not known */
	struct box_sum live;
	struct box_sum total;
	uint64_t peak_sequence; /* the last whose figures are kept here */
	struct box_site_peak peaks[BOX_SITE_PEAKS_MAX];
};

/*
 * Where a function goes on when what it called returns, and the frame of its own caller.
 * Number 0 is nobody; frame N stands N * sizeof(struct box_frame) into the section.  One
 * whose check is wrong was never written.
 */
struct box_frame {
	uint64_t place;         /* the address, 48 bits, and above them the module's number + 1;
	                           0: in no module, as what a program compiles for itself;
	                           BOX_MODULE_TAG: no frame, but a tag's scope around all of its
	                           callees, and the address is box_tag_address() */
	uint32_t caller;        /* a frame of a lower number; 0: there is none, or BOX_FRAME_CUT */
	uint32_t check;         /* box_frame_check() */
};

enum { BOX_FRAME_ADDRESS_BITS = 48, BOX_MODULE_TAG = 0xffff };

/* What a scope's frame says: which tag, and whether all of its objects are counted. */
static inline uint64_t box_tag_address(uint32_t tag, bool is_all)
{
	return (uint64_t)tag * 2 + is_all;
}

static inline bool box_place_is_tag(uint64_t place)
{
	return place >> BOX_FRAME_ADDRESS_BITS == BOX_MODULE_TAG;
}

static inline uint32_t box_place_tag(uint64_t place)
{
	return (uint32_t)(place & (((uint64_t)1 << BOX_FRAME_ADDRESS_BITS) - 1)) / 2;
}

/* As a caller: there was one, and it is not known which. */
#define BOX_FRAME_CUT UINT32_MAX

/*
 * What is alive of a tag's objects, where all of a scope are counted (mstat_tag_push_all()):
 * what was allocated less what was freed.  The counters are changed one by one while anybody
 * reads; at rest they are exact.
 */
struct box_tag {
	char name[BOX_TAG_NAME_BYTES];
	uint64_t check;         /* box_tag_check() */
	uint64_t scope_count;   /* pushes of scopes of which all is counted */
	uint64_t allocated_objects;
	uint64_t allocated_bytes; /* what they take: malloc_usable_size() */
	uint64_t freed_objects;
	uint64_t freed_bytes;
	uint64_t missed_objects; /* of these scopes, not counted: no memory for it */
	uint64_t unused;
};

/* An object that was loaded: the program, or a library.  Its number is never used again. */
struct box_module {
	uint64_t start;         /* of its mapping */
	uint64_t end;
	uint64_t bias;          /* what is added to the file's own addresses */
	uint64_t is_gone;       /* it was unloaded */
	uint64_t build_id_bytes; /* 0: it has none */
	unsigned char build_id[BOX_BUILD_ID_BYTES];
	char path[BOX_PATH_BYTES]; /* "" for the program: box_identity.exe; "[vdso]" */
};

enum box_cgroup_flag {
	BOX_CGROUP_V2 = 1,      /* of the unified hierarchy; else memory's of version 1 */
	BOX_CGROUP_COUNTS = 2   /* it tells oom_kill_count */
};

/*
 * The control group that the memory counts for, as it was at realtime_ns, soon after the
 * start: what the kernel killed for memory in it since then is its counter less this one.
 */
struct box_cgroup {
	uint64_t realtime_ns;
	uint64_t flags;         /* enum box_cgroup_flag */
	uint64_t inode;         /* of its folder, by which it is known again; 0: not known */
	uint64_t oom_kill_count;
	uint64_t limit_bytes;   /* its own, 0: none */
	char path[BOX_PATH_BYTES]; /* within its hierarchy, as the process sees it */
};

enum box_limit_source {
	BOX_LIMIT_NONE = 0,
	BOX_LIMIT_CONF = 1,     /* MSTAT_CONF's limit; used: the heap */
	BOX_LIMIT_CGROUP = 2,   /* used: all of the group, but for files that can be read again */
	BOX_LIMIT_ADDRESSES = 3, /* RLIMIT_AS; used: the process's address space */
	BOX_LIMIT_DATA = 4      /* RLIMIT_DATA; used: what counts for it */
};

/* Of the memory limits that the process lives under the one with the least room, as it was at
   realtime_ns: looked at every few seconds, and as the heap grows. */
struct box_limit {
	uint64_t realtime_ns;   /* 0: nobody has looked */
	uint64_t source;        /* enum box_limit_source */
	uint64_t limit_bytes;
	uint64_t used_bytes;
	uint64_t near_bytes;    /* from there on it is near; 0: near_limit:off */
	uint64_t soft_bytes;    /* of the heap, with MSTAT_CONF's limit; 0: none */
	char path[BOX_PATH_BYTES]; /* of the control group, as in box_cgroup */
};

/* One size class of all threads. */
struct box_near_class {
	uint64_t live_objects;
	uint64_t span_bytes;
};

/*
 * The books when the process had come near its limit, the last time.  What was alive of each
 * call site is in its figures of that peak (struct box_site).
 */
struct box_near {
	uint64_t sequence;      /* how many times it has come near */
	uint64_t returned_bytes; /* free memory that went back to the OS then */
	struct box_limit limit;
	struct box_peak peak;   /* that was noted then */
	struct box_near_class classes[BOX_CLASSES_MAX]; /* hinted ones among them; 0: large objects */
};

static inline uint32_t box_survey_place(uint64_t request)
{
	return (uint32_t)(request >> BOX_REQUEST_NUMBER_SHIFT) % BOX_SURVEYS_MAX;
}

static inline uint32_t box_frame_check(uint64_t place, uint32_t caller, uint32_t number)
{
	uint64_t mixed = (place ^ (uint64_t)caller << 32 ^ number) * 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93u;
	return (uint32_t)(mixed >> 32) | 1;
}

static inline uint64_t box_tag_check(const char name[BOX_TAG_NAME_BYTES], uint32_t number)
{
	uint64_t mixed = 0x9e3779b97f4a7c15u ^ number;

	for (size_t i = 0; i < BOX_TAG_NAME_BYTES; i++)
		mixed = (mixed ^ (unsigned char)name[i]) * 0x100000001b3u;
	return mixed | 1;
}

/* Mixes a part's words; not against forgery, only against torn writes. */
static inline uint64_t box_checksum_begin(uint64_t generation, uint64_t offset)
{
	return (generation ^ 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu ^ offset;
}

static inline uint64_t box_checksum_add(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * 0xc4ceb9fe1a85ec53u;
	return sum ^ sum >> 32;
}

static inline uint64_t box_checksum(const void *payload, size_t payload_bytes,
	uint64_t generation, uint64_t offset)
{
	const uint64_t *words = payload;
	uint64_t sum = box_checksum_begin(generation, offset);

	for (size_t i = 0; i < payload_bytes / 8; i++)
		sum = box_checksum_add(sum, words[i]);
	return sum;
}

static inline size_t box_copy_bytes(size_t payload_bytes)
{
	return sizeof(struct box_copy) + payload_bytes;
}

/* Whether a part is one payload that is written once, and not two copies. */
static inline bool box_section_is_once(uint32_t kind)
{
	return kind == BOX_SECTION_FRAMES || kind == BOX_SECTION_TAGS;
}

/* From one part to the next, at the least.  A tag has as much room as two copies take: a
   reader that does not know the kind asks for it. */
static inline size_t box_part_least_bytes(uint32_t kind, size_t payload_bytes)
{
	return kind == BOX_SECTION_FRAMES ? payload_bytes : 2 * box_copy_bytes(payload_bytes);
}

/* Whether a section lies within a file of file_bytes. */
static inline bool box_section_is_sound(const struct box_section *section, uint64_t file_bytes)
{
	uint64_t bytes;

	if (section->payload_bytes % 8 != 0 || section->offset % 8 != 0 ||
		section->part_bytes < box_part_least_bytes(section->kind, section->payload_bytes))
		return false;
	if (__builtin_mul_overflow((uint64_t)section->part_count, section->part_bytes, &bytes))
		return false;
	return section->offset <= file_bytes && bytes <= file_bytes - section->offset;
}

#endif
