/*
 * tools/elf_file.h - an open file, and whether it is the one that is looked for.
 *
 * WHY        Paths come from boxes, and from files that boxes name: of whoever wrote them.
 *            What is opened is a regular file that begins as ELF does, of some length, so
 *            nothing waits or is taken out of a device or of /proc, and nothing that is
 *            compressed is unpacked.
 *
 * OWNERSHIP  Descriptors are the caller's.
 */
#ifndef TOOLS_ELF_FILE_H
#define TOOLS_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a file is told from others by. */
struct build_id {
	const unsigned char *bytes;
	size_t count; /* 0: there is none */
};

/* -1 with errno: ENOEXEC of a file that is no such one. */
int elf_file_open(const char *path);

/* Whether this is the file's build id; if it is none, whether the file has none. */
bool elf_file_has_id(int fd, const struct build_id *id);

/* Whether the checksum of a .gnu_debuglink is the file's. */
bool elf_file_has_crc(int fd, uint32_t crc);

#endif
