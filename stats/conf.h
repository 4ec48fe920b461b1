/*
 * stats/conf.h - MSTAT_CONF: "key:value,key:value".
 *
 * WHY        One table names each key, its default and its meaning.  The
 *            library parses by it at start, `mstat conf` prints it and
 *            `mstat run -o` checks against it, so they cannot disagree.
 *
 * INVARIANT  A key or value that is not understood is reported by one line
 *            and changes nothing: the default holds.
 *
 * OWNERSHIP  Values are copied into struct conf.  Nothing is allocated, so
 *            this runs before libc is ready.
 */
#ifndef STATS_CONF_H
#define STATS_CONF_H

#include <stdbool.h>
#include <stddef.h>

enum {
	CONF_PATH_BYTES = 512,
	CONF_SAMPLE_BYTES = 512 << 10,
	CONF_SAMPLE_MOST_BYTES = 1 << 30,
	CONF_CHECK_EVERY = 50,
	CONF_CHECK_SLOTS = 32,
	CONF_CHECK_SLOTS_LEAST = 16,
	CONF_CHECK_SLOTS_MOST = 64,
	CONF_NEAR_LIMIT_PERCENT = 90,
	CONF_LIMIT_LEAST_BYTES = 1 << 20 /* below it there is no heap to speak of */
};

enum conf_check {
	CONF_CHECK_AUTO = 0, /* full with leak_check, else none */
	CONF_CHECK_NONE,
	CONF_CHECK_FULL,
	CONF_CHECK_SAMPLE
};

struct conf {
	bool box;                      /* publish a box */
	bool exit_report;              /* print the books on exit */
	bool dump_json;                /* dump_format: text or json */
	int stop_signal;               /* of mstat_collect() */
	enum conf_check check;
	size_t check_every;            /* samples to one that is checked, with check:sample */
	size_t check_slots;            /* for so many */
	bool efence;                   /* each object on pages of its own */
	bool zero;                     /* what is freed, with check:full */
	bool check_sizes;              /* what is said of an object that is freed */
	bool exit_check;               /* what was freed, at exit */
	bool leak_check;               /* look for leaks at exit */
	char leak_suppressions[CONF_PATH_BYTES]; /* "": none */
	bool tiny;                     /* combine small objects without pointers */
	bool noscan_strings;           /* what strdup() makes is such an object */
	size_t token_max;              /* 0: none, that is SIZE_MAX */
	int signal_number;             /* 0: none */
	size_t sample_bytes;           /* between two samples, on average; 0: none are taken */
	size_t near_limit_percent;     /* 0: nothing is done */
	size_t limit_bytes;            /* 0: none */
	bool limit_is_auto;
	bool tags_all;                 /* of each tag's scope all is counted */
	char dir[CONF_PATH_BYTES];     /* "": /dev/shm, then $XDG_RUNTIME_DIR */
	char dump[CONF_PATH_BYTES];    /* "": a file beside the box */
};

struct conf_key {
	const char *name;
	const char *default_text;
	const char *values;            /* what may stand behind the colon */
	const char *meaning;           /* one sentence */
	bool (*set)(struct conf *conf, const char *value, size_t value_bytes);
};

/* The table, ended by a row whose name is NULL. */
extern const struct conf_key conf_keys[];

/* Called for every part of the text that is not understood; `part` is not
   terminated, `why` is "unknown key", "bad value" or "no colon". */
typedef void conf_complain_fn(void *arg, const char *part, size_t part_bytes, const char *why);

/* Every key at its default. */
void conf_init(struct conf *conf);

/* Sets what `text` says on top of what *conf holds. */
void conf_parse(struct conf *conf, const char *text, conf_complain_fn *complain, void *arg);

/* "512k", "64K", "1m", "2G" or "4096": bytes.  False if it is none. */
bool conf_parse_bytes(size_t *out, const char *value, size_t value_bytes);

/* The number of a signal called "SIGUSR2", "USR2" or "12"; -1 if there is none.
   signal_name() is the inverse: "SIGUSR2", or NULL. */
int signal_number_of(const char *name, size_t name_bytes);
const char *signal_name(int number);

#endif
