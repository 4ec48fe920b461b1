#include "profile/dwarf_bytes.h"

#include <string.h>

uint64_t read_bytes(struct bytes *in, size_t count)
{
	uint64_t value = 0;

	if ((size_t)(in->end - in->at) < count) {
		in->is_short = true;
		in->at = in->end;
		return 0;
	}
	memcpy(&value, in->at, count); /* little-endian */
	in->at += count;
	return value;
}

int64_t read_signed(struct bytes *in, size_t count)
{
	unsigned unused_bits = 64 - 8 * (unsigned)count;

	return (int64_t)(read_bytes(in, count) << unused_bits) >> unused_bits;
}

static uint64_t read_leb(struct bytes *in, bool is_signed)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = read_bytes(in, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) != 0);
	if (is_signed && (byte & 0x40) != 0 && shift < 64)
		value |= UINT64_MAX << shift;
	return value;
}

uint64_t read_unsigned_leb(struct bytes *in)
{
	return read_leb(in, false);
}

int64_t read_signed_leb(struct bytes *in)
{
	return (int64_t)read_leb(in, true);
}

void skip(struct bytes *in, uint64_t count)
{
	if ((uint64_t)(in->end - in->at) < count)
		in->is_short = true;
	in->at = in->is_short ? in->end : in->at + count;
}

uint64_t read_format(struct bytes *in, unsigned encoding)
{
	switch (encoding & POINTER_FORMAT) {
	case POINTER_ABSOLUTE:
	case POINTER_UDATA8:
	case POINTER_SDATA8:
		return read_bytes(in, 8);
	case POINTER_UDATA4:
		return read_bytes(in, 4);
	case POINTER_SDATA4:
		return (uint64_t)read_signed(in, 4);
	case POINTER_UDATA2:
		return read_bytes(in, 2);
	case POINTER_SDATA2:
		return (uint64_t)read_signed(in, 2);
	default:
		in->is_short = true; /* nobody writes the others here */
		return 0;
	}
}

uintptr_t read_pointer(struct bytes *in, unsigned encoding)
{
	uintptr_t base = 0;

	if ((encoding & POINTER_BASE) == POINTER_PC_RELATIVE)
		base = (uintptr_t)in->at;
	else if ((encoding & POINTER_BASE) != POINTER_ABSOLUTE)
		in->is_short = true;
	return base + read_format(in, encoding);
}
