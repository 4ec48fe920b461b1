#include "base/modules.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/maps.h"
#include "base/os.h"

void modules_describe(struct format *out, uintptr_t address)
{
	int saved = errno;
	struct maps_reader reader;
	char path[MAPS_LINE_BYTES] = "";
	uintptr_t base = 0;
	struct maps_line line;
	bool found = false;

	if (os_is_confined) {
		format_hex(out, address);
		return;
	}
	maps_open(&reader);
	while (!found && maps_next(&reader, &line)) {
		if (strcmp(line.path, path) != 0) {
			/* One longer than any line that we print is none. */
			size_t bytes = strlen(line.path);
			if (bytes >= sizeof(path))
				bytes = 0;
			memcpy(path, line.path, bytes);
			path[bytes] = '\0';
			base = line.start;
		}
		found = address >= line.start && address < line.end;
	}
	maps_close(&reader);
	if (found && path[0] == '/') {
		format_text(out, path);
		format_char(out, '+');
		format_hex(out, address - base);
	} else {
		format_hex(out, address);
	}
	errno = saved;
}
