/*
 * base/maps.h - what is mapped in this process, line by line.
 *
 * WHY        /proc/self/maps is read where nothing may be allocated and no stream of
 *            libc's be used: by small reads into a buffer that carries the rest.
 */
#ifndef BASE_MAPS_H
#define BASE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAPS_LINE_BYTES = 640 };

struct maps_line {
	uintptr_t start;
	uintptr_t end;
	bool is_readable;
	bool is_writable;
	bool is_shared;
	const char *path; /* "" if none; cut if it is very long */
};

struct maps_reader {
	int fd;            /* -1: it cannot be read */
	bool has_failed;   /* some lines were not read */
	bool is_cut;       /* the line handed out last did not fit: its rest follows */
	size_t used_bytes;
	size_t line_bytes; /* of the line handed out last, its newline included */
	char buffer[2 * MAPS_LINE_BYTES];
};

void maps_open(struct maps_reader *reader);

/* The next line, good until the call after; false at the end. */
bool maps_next(struct maps_reader *reader, struct maps_line *line);

void maps_close(struct maps_reader *reader);

#endif
