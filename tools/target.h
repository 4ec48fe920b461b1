/*
 * tools/target.h - what a command was pointed at: PID, BOX or DUMP.
 *
 * WHY        Three things of which each gives the books; what more is known,
 *            as whether the process lives, comes with them.
 *
 * OWNERSHIP  target_close() frees what target_open() got.
 */
#ifndef TOOLS_TARGET_H
#define TOOLS_TARGET_H

#include <limits.h>

#include "tools/box_content.h"
#include "tools/failure.h"
#include "tools/file.h"
#include "tools/process.h"
#include "tools/sites.h"

enum target_kind { TARGET_BOX, TARGET_DUMP };

enum box_life {
	LIFE_LIVE,     /* its process runs and uses it */
	LIFE_ENDED,    /* its process is gone */
	LIFE_EXECUTED, /* the process lives, but does not map the file: it has
	                  since executed another program, or the file is a copy */
	LIFE_UNSEEN    /* made in a pid namespace that is not ours to see */
};

struct target {
	enum target_kind kind;
	enum box_life life;       /* of a box */
	struct process process;   /* if live */
	char path[PATH_MAX + 64]; /* of the file */
	char title[80];           /* "python3 (4711)" */
	struct books books;
	struct box_content content; /* of a box */
	bool wants_sites;
	struct sites sites;         /* if they are wanted */
};

/* Opens what an argument names.  A number is a process. */
bool target_open(struct target *target, const char *argument, struct failure *failure);

/* The same with the call sites; a dump in text has none. */
bool target_open_sites(struct target *target, const char *argument, struct failure *failure);

/* A process alone. */
bool target_open_process(struct target *target, pid_t pid, struct failure *failure);

/* Reads a live target's box and memory again. */
bool target_read_again(struct target *target, struct failure *failure);

/* Whether the process of a box lives; *process is set if it does. */
enum box_life target_life(const struct box_identity *identity, const struct file *file,
	const char *path, const struct process *list, size_t list_count, struct process *process);

/* One or two words for a life: "running", "ended". */
const char *target_life_word(enum box_life life);

void target_close(struct target *target);

#endif
