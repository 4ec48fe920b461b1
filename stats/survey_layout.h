/*
 * stats/survey_layout.h - the layout of a survey: what a copy of a process found in its heap.
 *
 * WHY        Who asks (enum box_request) does not wait in the process.  The copy writes what it
 *            found into a file beside the box, which struct box_survey names, and has it locked
 *            (flock(2)) for as long as it works.
 *
 * LAYOUT     A header, written last: where its magic is missing the copy was ended before it had
 *            done.  Behind it rows, each of row_bytes.
 *
 * INVARIANT  All numbers are in the byte order of the machine that wrote them.
 */
#ifndef STATS_SURVEY_LAYOUT_H
#define STATS_SURVEY_LAYOUT_H

#include <stdint.h>

#define SURVEY_MAGIC "mstatsv1" /* 8 bytes, no terminator in the file */

enum survey_kind {
	SURVEY_NONE = 0,     /* what was begun is over: its copy is waited for */
	SURVEY_LEAKS = 1,
	SURVEY_FRAGMENTS = 2
};

/* As valgrind names them (profile/reach.h). */
enum survey_grade {
	SURVEY_DEFINITE = 0,
	SURVEY_INDIRECT = 1,
	SURVEY_POSSIBLE = 2,
	SURVEY_GRADES
};

struct survey_sum {
	uint64_t objects;
	uint64_t bytes;
};

/* An estimate from samples, as struct box_sum. */
struct survey_estimate {
	uint64_t samples;
	double objects;
	double bytes;
	double objects_variance;
	double bytes_variance;
};

/* In spans of small objects, of which more than one fit in one. */
struct survey_spans {
	uint64_t span_bytes;     /* address space */
	uint64_t live_bytes;     /* of memory, in living objects */
	uint64_t pinned_bytes;   /* of memory, free, in spans where an object lives */
	uint64_t cached_bytes;   /* of memory, in spans where none does: what threads and pools hold */
	uint64_t returned_bytes; /* with no memory behind them */
	uint64_t sampled_bytes;  /* of the others: of memory, free, in the spans of samples */
};

struct survey_header {
	char magic[8];
	uint32_t kind;         /* enum survey_kind */
	uint32_t error;        /* an errno: nothing was found out */
	uint64_t request;      /* the payload that asked for it */
	uint64_t realtime_ns;  /* when the process stood still */
	uint64_t looked_bytes; /* of memory, for pointers */
	uint64_t took_ns;      /* in the copy */
	struct survey_sum live;
	struct survey_sum lost[SURVEY_GRADES];
	uint64_t is_asked;     /* bytes are what was asked for; else what objects may use */
	struct survey_spans spans; /* of SURVEY_FRAGMENTS */
	uint64_t row_count;
	uint64_t row_bytes;
};

/* Objects of one grade: by the frame that allocated them, where that is known of each object, or by
   the site of those that are samples; all the others of one size. */
struct survey_leak {
	uint32_t grade;        /* enum survey_grade */
	uint32_t frame;        /* of the box; 0: not known */
	uint64_t size_bytes;   /* frame 0: of an object; 0: of each another, larger than any class */
	struct survey_sum own; /* exact; of a site: its samples alone */
	struct survey_sum behind; /* of definite ones: lost by these, samples or not */
	struct survey_estimate estimate; /* of samples, what these stand for; 0 samples: none are */
	uint64_t example;      /* the address of one */
};

enum { SURVEY_TENTHS = 10 };

/*
 * What of SURVEY_FRAGMENTS is free and cannot be given back: of one size class, or what objects of one
 * frame pin.  The sum of the classes' pinned_bytes is the header's, and so is that of all
 * others.
 */
struct survey_fragment {
	uint32_t is_class;
	uint32_t frame;        /* of the box; 0 of a class, and if none of its living objects is a sample */
	uint64_t object_bytes; /* of frame 0: of the class */
	uint64_t samples;      /* that it was estimated from; 0: exact */
	double objects;        /* that live */
	double bytes;          /* of these: of frames as asked for, of classes of memory */
	double pinned_bytes;
	uint64_t capacity_objects; /* the next of classes: how many its spans have room for */
	uint64_t spans[SURVEY_TENTHS]; /* how many are filled by so many tenths of that, or less */
};

#endif
