#include "profile/cfi.h"

#include <string.h>

#include "profile/cfi_expression.h"
#include "profile/cfi_rows.h"
#include "profile/table_pages.h"

/* Two signed words of four bytes, from the header on: the one form that linkers write. */
enum { HEADER_TABLE_ENCODING = 0x3b };

static struct bytes bytes_within(const struct cfi_tables *tables, uintptr_t from)
{
	struct bytes in = {.at = (const unsigned char *)from, .end = tables->end};

	if (from < (uintptr_t)tables->start || from > (uintptr_t)tables->end) {
		in.at = in.end;
		in.is_short = true;
	}
	if (in.at != in.end)
		table_page_touch(in.at);
	return in;
}

/* A record of .eh_frame: what stands behind its length. */
static struct bytes record_at(const struct cfi_tables *tables, uintptr_t address)
{
	struct bytes in = bytes_within(tables, address);
	uint64_t length = read_bytes(&in, 4);

	if (length == 0 || length > (uint64_t)(in.end - in.at)) /* all ones: of 64 bits */
		in.is_short = true;
	in.end = in.is_short ? in.at : in.at + length;
	return in;
}

static void augment(struct cfi_common *common, struct bytes *in, const char *letters)
{
	for (; *letters != '\0' && !in->is_short; letters++) {
		if (*letters == 'R')
			common->encoding = (unsigned)read_bytes(in, 1);
		else if (*letters == 'P')
			read_format(in, (unsigned)read_bytes(in, 1));
		else if (*letters == 'L')
			read_bytes(in, 1);
		else if (*letters == 'S')
			common->is_signal = true;
		else if (*letters != 'B' && *letters != 'G') /* aarch64's: which key, tags */
			return;
	}
}

static bool common_read(const struct cfi_tables *tables, uintptr_t address, struct cfi_common *common)
{
	struct bytes in = record_at(tables, address);
	uint64_t id = read_bytes(&in, 4), version = read_bytes(&in, 1);
	const char *letters = (const char *)in.at;

	*common = (struct cfi_common){.encoding = POINTER_ABSOLUTE};
	while (read_bytes(&in, 1) != 0)
		;
	common->code_factor = read_unsigned_leb(&in);
	common->data_factor = read_signed_leb(&in);
	uint64_t return_register = version == 1 ? read_bytes(&in, 1) : read_unsigned_leb(&in);
	if (in.is_short || id != 0 || (version != 1 && version != 3) ||
		return_register != REGISTER_RA || (letters[0] != 'z' && letters[0] != '\0'))
		return false;
	if (letters[0] == 'z') {
		uint64_t count = read_unsigned_leb(&in);
		struct bytes data = in;
		common->has_data = true;
		augment(common, &data, letters + 1);
		skip(&in, count);
	}
	common->program = in;
	return !in.is_short;
}

static bool fits(int64_t offset, unsigned bits)
{
	return offset >= -((int64_t)1 << (bits - 1)) && offset < (int64_t)1 << (bits - 1);
}

static bool rule_of(const struct cfi_row *row, bool is_signal, struct cfi_rule *rule)
{
	if (row->cfa_base == CFI_NONE || row->ra.is_lost || row->fp.is_lost ||
		!fits(row->cfa_offset, 24) || !fits(row->ra.offset, 15) || !fits(row->fp.offset, 15))
		return false;
	*rule = (struct cfi_rule){.cfa_offset = row->cfa_offset, .cfa_base = row->cfa_base & 3u,
		.cfa_is_loaded = row->cfa_is_loaded, .is_signal = is_signal,
		.ra_offset = row->ra.offset, .ra_base = row->ra.base & 3u,
		.fp_offset = row->fp.offset, .fp_base = row->fp.base & 3u};
	return true;
}

static bool description_read(const struct cfi_tables *tables, uintptr_t address, uintptr_t pc,
	struct cfi_rule *rule)
{
	struct bytes in = record_at(tables, address);
	struct cfi_common common;
	struct cfi_row row;
	uintptr_t here = (uintptr_t)in.at;

	if (!common_read(tables, here - read_bytes(&in, 4), &common))
		return false;
	uintptr_t first = read_pointer(&in, common.encoding);
	uint64_t count = read_format(&in, common.encoding);
	if (in.is_short || pc < first || pc - first >= count)
		return false;
	if (common.has_data)
		skip(&in, read_unsigned_leb(&in));
	return cfi_row_find(&common, &in, first, pc, &row) && rule_of(&row, common.is_signal, rule);
}

/* Of the header's table, one of whose rows is where a description's code begins and where
   the description is, the last that begins at or before the pc. */
static const unsigned char *row_find(const unsigned char *rows, size_t count, int64_t pc_offset)
{
	size_t low = 0, high = count;
	int32_t start;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		table_page_touch(rows + middle * 8);
		memcpy(&start, rows + middle * 8, sizeof(start));
		if (start <= pc_offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low != 0 ? rows + (low - 1) * 8 : NULL;
}

bool cfi_find(const struct cfi_tables *tables, uintptr_t pc, struct cfi_rule *rule)
{
	struct bytes in = bytes_within(tables, (uintptr_t)tables->header);
	uint64_t version = read_bytes(&in, 1), frame_encoding = read_bytes(&in, 1);
	uint64_t count_encoding = read_bytes(&in, 1), table_encoding = read_bytes(&in, 1);

	if (version != 1 || count_encoding != POINTER_UDATA4 || table_encoding != HEADER_TABLE_ENCODING)
		return false;
	read_format(&in, (unsigned)frame_encoding);
	uint64_t count = read_bytes(&in, 4);
	if (in.is_short || count > (uint64_t)(in.end - in.at) / 8)
		return false;
	const unsigned char *row = row_find(in.at, count, (int64_t)(pc - (uintptr_t)tables->header));
	int32_t description;
	if (row == NULL)
		return false;
	memcpy(&description, row + 4, sizeof(description));
	return description_read(tables, (uintptr_t)tables->header + (uintptr_t)(intptr_t)description, pc,
		rule);
}
