/*
 * profile/dwarf_bytes.h - numbers as DWARF writes them.
 *
 * TRUST      Bytes may end too soon, or be no number: then all that is read is 0, and
 *            whoever has read all that he wanted asks once.
 */
#ifndef PROFILE_DWARF_BYTES_H
#define PROFILE_DWARF_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Encodings of pointers: the Linux Standard Base, 10.5.1. */
enum {
	POINTER_FORMAT = 0x0f,
	POINTER_BASE = 0x70,
	POINTER_ABSOLUTE = 0x00,
	POINTER_UDATA2 = 0x02,
	POINTER_UDATA4 = 0x03,
	POINTER_UDATA8 = 0x04,
	POINTER_SDATA2 = 0x0a,
	POINTER_SDATA4 = 0x0b,
	POINTER_SDATA8 = 0x0c,
	POINTER_PC_RELATIVE = 0x10
};

struct bytes {
	const unsigned char *at;
	const unsigned char *end;
	bool is_short;
};

/* The next 1 to 8 bytes. */
uint64_t read_bytes(struct bytes *in, size_t count);
int64_t read_signed(struct bytes *in, size_t count);

/* DWARF 5, 7.6. */
uint64_t read_unsigned_leb(struct bytes *in);
int64_t read_signed_leb(struct bytes *in);

void skip(struct bytes *in, uint64_t count);

/* The bits of an encoded pointer, and with what it is relative to. */
uint64_t read_format(struct bytes *in, unsigned encoding);
uintptr_t read_pointer(struct bytes *in, unsigned encoding);

#endif
