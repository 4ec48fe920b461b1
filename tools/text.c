#include "tools/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* How many bytes the UTF-8 character at `at` has, 0 if there is none. */
static size_t character_bytes(const unsigned char *at, size_t left)
{
	/* Of each length: the lead byte's fixed bits, and the least value, below
	   which a shorter form exists. */
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t bytes = 1; bytes <= 4 && bytes <= left; bytes++) {
		if ((at[0] & forms[bytes - 1].mask) != forms[bytes - 1].lead)
			continue;
		uint32_t value = at[0] & (unsigned char)~forms[bytes - 1].mask;
		for (size_t i = 1; i < bytes; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (at[i] & 0x3f);
		}
		bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
		bool is_control = bytes == 2 && value < 0xa0;
		return value >= forms[bytes - 1].least && value <= 0x10ffff && !is_surrogate &&
				!is_control
			? bytes
			: 0;
	}
	return 0;
}

static void clean(char *bytes, size_t count, bool keep_lines)
{
	for (size_t i = 0; i < count;) {
		unsigned char c = (unsigned char)bytes[i];
		size_t length = character_bytes((const unsigned char *)bytes + i, count - i);
		bool is_line = keep_lines && (c == '\n' || c == '\t' || c == '\r');
		if (length == 0 || ((c < ' ' || c == 0x7f) && !is_line)) {
			bytes[i] = '?';
			length = 1;
		}
		i += length;
	}
}

void text_clean(char *text)
{
	clean(text, strlen(text), false);
}

void text_clean_bytes(char *bytes, size_t count)
{
	clean(bytes, count, true);
}

void text_copy(char *out, size_t out_bytes, const char *field, size_t field_bytes)
{
	size_t bytes = strnlen(field, field_bytes);

	if (bytes >= out_bytes)
		bytes = out_bytes - 1;
	memcpy(out, field, bytes);
	out[bytes] = '\0';
	text_clean(out);
}

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t text_columns(const char *text)
{
	size_t columns = 0;

	for (; *text != '\0'; text++)
		columns += begins_character(*text);
	return columns;
}

size_t text_cut(const char *text, size_t columns)
{
	size_t at = 0;

	for (; text[at] != '\0'; at++) {
		if (begins_character(text[at]) && columns-- == 0)
			break;
	}
	return at;
}
