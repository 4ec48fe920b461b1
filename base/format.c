#include "base/format.h"

#include <errno.h>
#include <string.h>

#include "base/os.h"

void format_init(struct format *out, char *buffer, size_t capacity_bytes, int fd)
{
	*out = (struct format){
		.buffer = buffer, .capacity_bytes = capacity_bytes, .fd = fd};
}

bool format_flush(struct format *out)
{
	if (out->fd >= 0 && out->used_bytes > 0 && !out->failed &&
		!os_write(out->fd, out->buffer, out->used_bytes)) {
		out->error = errno;
		out->failed = true;
	}
	if (out->fd >= 0)
		out->used_bytes = 0;
	return !out->failed;
}

void format_char(struct format *out, char c)
{
	if (out->used_bytes == out->capacity_bytes)
		format_flush(out);
	if (out->used_bytes == out->capacity_bytes) {
		out->failed = true;
		return;
	}
	out->buffer[out->used_bytes++] = c;
}

void format_bytes(struct format *out, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		format_char(out, bytes[i]);
}

void format_text(struct format *out, const char *text)
{
	format_bytes(out, text, strlen(text));
}

static void format_digits(struct format *out, uint64_t value, unsigned base)
{
	char digits[20]; /* 2^64 has 20 decimal digits */
	size_t count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	while (count > 0)
		format_char(out, digits[--count]);
}

void format_unsigned(struct format *out, uint64_t value)
{
	format_digits(out, value, 10);
}

void format_signed(struct format *out, int64_t value)
{
	if (value < 0)
		format_char(out, '-');
	format_unsigned(out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void format_hex(struct format *out, uint64_t value)
{
	format_text(out, "0x");
	format_digits(out, value, 16);
}

/*
 * The length of the UTF-8 sequence that starts here, 0 if it is not one: file
 * names and thread names may hold any bytes, JSON may not.
 */
static size_t utf8_sequence_bytes(const unsigned char *at, size_t left)
{
	size_t bytes = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
		: at[0] >= 0xe0 && at[0] < 0xf0			 ? 3
		: at[0] >= 0xf0 && at[0] < 0xf5			 ? 4
								 : 0;

	if (bytes == 0 || bytes > left)
		return 0;
	for (size_t i = 1; i < bytes; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0) ||
		(at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] >= 0x90))
		return 0; /* overlong, a surrogate, or beyond Unicode */
	return bytes;
}

static void format_json_escape(struct format *out, unsigned char c)
{
	format_text(out, "\\u00");
	format_char(out, "0123456789abcdef"[c >> 4]);
	format_char(out, "0123456789abcdef"[c & 15]);
}

void format_json_string(struct format *out, const char *text, size_t most_bytes)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t left = strnlen(text, most_bytes);

	format_char(out, '"');
	while (left > 0) {
		size_t bytes = utf8_sequence_bytes(at, left);
		if (bytes == 1 && (*at < 0x20 || *at == '"' || *at == '\\'))
			format_json_escape(out, *at);
		else if (bytes != 0)
			format_bytes(out, (const char *)at, bytes);
		else
			format_text(out, "\\ufffd");
		bytes = bytes != 0 ? bytes : 1;
		at += bytes;
		left -= bytes;
	}
	format_char(out, '"');
}

void format_terminate(struct format *out)
{
	if (out->used_bytes == out->capacity_bytes) {
		out->failed = true;
		out->used_bytes--;
	}
	out->buffer[out->used_bytes] = '\0';
}
