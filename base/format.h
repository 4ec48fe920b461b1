/*
 * base/format.h - text into a fixed buffer, and on to a file descriptor.
 *
 * WHY        Dumps and fatal messages are written inside malloc, in signal
 *            handlers and at exit: stdio allocates and locks.
 *
 * INVARIANT  used <= capacity.  With a descriptor, a full buffer is written
 *            out and nothing is lost unless write fails; without one (fd -1)
 *            text that does not fit is cut and `failed` is set.
 */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct format {
	char *buffer;
	size_t capacity_bytes;
	size_t used_bytes;
	int fd;
	int error;   /* errno of the first failed write */
	bool failed;
};

void format_init(struct format *out, char *buffer, size_t capacity_bytes, int fd);

void format_char(struct format *out, char c);
void format_bytes(struct format *out, const char *bytes, size_t count);
void format_text(struct format *out, const char *text);
void format_unsigned(struct format *out, uint64_t value);
void format_signed(struct format *out, int64_t value);
void format_hex(struct format *out, uint64_t value); /* with 0x */

/* Quoted, with JSON's escapes; bytes that are not UTF-8's ASCII part pass. */
void format_json_string(struct format *out, const char *text, size_t most_bytes);

/* Writes out what is left.  False if anything was lost. */
bool format_flush(struct format *out);

/* Ends the text with a NUL, cutting if need be. */
void format_terminate(struct format *out);

#endif
