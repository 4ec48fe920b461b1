/*
 * tools/boxes.h - all boxes that can be seen, each with what became of its
 * process.
 *
 * OWNERSHIP  boxes_free() frees everything.
 */
#ifndef TOOLS_BOXES_H
#define TOOLS_BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "tools/places.h"
#include "tools/target.h"

struct box_entry {
	char *path;
	dev_t device;
	ino_t inode;
	time_t touched;        /* the last sign of life: written, published */
	bool is_damaged;       /* then only path, life and failure are set */
	enum box_life life;    /* of a damaged box: whether it was left */
	struct failure failure;
	struct process process; /* if live */
	int64_t pid;           /* as the process sees itself */
	uint64_t start_realtime_ns;
	uint64_t realtime_ns;
	uint64_t live_bytes;
	uint64_t nmalloc;
	uint64_t inuse_bytes;
	uint64_t peak_bytes;
	char *command;
	char *exe;
};

struct boxes {
	struct box_entry *list;
	size_t count;
};

/* Looks into the folders, then at what living processes map elsewhere. */
void boxes_find(struct boxes *boxes, const struct places *places, const struct process *list,
	size_t list_count);

/* The same, of all places there are and `dir`, if it is not NULL. */
void boxes_find_all(struct boxes *boxes, const char *dir);

void boxes_free(struct boxes *boxes);

#endif
