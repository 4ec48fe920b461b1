#include "preload/cgroup_room.h"

#include <string.h>

#include "base/bits.h"
#include "base/format.h"
#include "base/os.h"
#include "preload/cgroup.h"

enum {
	TEXT_BYTES = 8192, /* memory.stat has some tens of lines */
	FILE_BYTES = BOX_PATH_BYTES + 128
};

/* Not on the stack: the slow path of malloc() may run on a small one. */
static struct {
	char text[TEXT_BYTES];
	char file[FILE_BYTES];
	struct cgroup_name name;
} state;

/* By version. */
static const struct file_names {
	const char *limit, *used, *files[2];
} names[] = {
	{"/memory.limit_in_bytes", "/memory.usage_in_bytes",
		{"total_active_file ", "total_inactive_file "}},
	{"/memory.max", "/memory.current", {"active_file ", "inactive_file "}},
};

static bool file_read(const char *name)
{
	struct format out;

	format_init(&out, state.file, sizeof(state.file), -1);
	format_text(&out, cgroup_mount(&state.name));
	format_text(&out, state.name.path);
	format_text(&out, name);
	format_terminate(&out);
	ssize_t count = os_read_file(state.file, state.text, sizeof(state.text) - 1);
	state.text[count > 0 ? count : 0] = '\0';
	return count > 0;
}

/* The number behind a word that begins a line of the text. */
static uint64_t line_number(const char *word)
{
	size_t bytes = strlen(word);

	for (const char *line = state.text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, bytes) == 0)
			return cgroup_number(line + bytes);
	}
	return 0;
}

static uint64_t used_read(const struct file_names *of)
{
	uint64_t used = file_read(of->used) ? cgroup_number(state.text) : 0;
	uint64_t files = file_read("/memory.stat") ? line_number(of->files[0]) +
		line_number(of->files[1]) : 0;

	return used > files ? used - files : 0;
}

static void group_look(struct cgroup_room *tightest)
{
	const struct file_names *of = &names[state.name.is_v2];

	if (!file_read(of->limit))
		return;
	uint64_t limit = cgroup_number(state.text), used; /* of "max" 0 */
	if (limit == 0 || limit >= CGROUP_NO_LIMIT_BYTES)
		return;
	used = used_read(of);
	if (tightest->limit_bytes != 0 && (int64_t)(limit - used) >=
			(int64_t)(tightest->limit_bytes - tightest->used_bytes))
		return;
	tightest->limit_bytes = limit;
	tightest->used_bytes = used;
	memcpy(tightest->path, state.name.path, sizeof(tightest->path));
}

/* From the group up to what is mounted: a container may see the top alone, by the name that
   it has outside. */
bool cgroup_room_read(struct cgroup_room *out)
{
	*out = (struct cgroup_room){0};
	if (!cgroup_find(&state.name, state.text, sizeof(state.text)))
		return false;
	for (;;) {
		group_look(out);
		char *slash = strrchr(state.name.path, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
	}
	return out->limit_bytes != 0;
}
