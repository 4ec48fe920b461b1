#include "stats/box_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"

/* Our folder below `dir`, made if need be.  A descriptor, or -1 with errno. */
static int folder_open(struct box_place *place, const char *dir, uint64_t uid)
{
	struct format text;
	struct stat status;

	format_init(&text, place->folder, sizeof(place->folder), -1);
	format_text(&text, dir);
	format_text(&text, "/" BOX_DIR_PREFIX);
	format_unsigned(&text, uid);
	format_terminate(&text);
	if (text.failed) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (mkdir(place->folder, 0700) != 0 && errno != EEXIST)
		return -1;
	int fd = open(place->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) != 0 || status.st_uid != uid || (status.st_mode & 077) != 0) {
		close(fd);
		errno = EPERM; /* a stranger's, or open to strangers */
		return -1;
	}
	return fd;
}

static int file_open(struct box_place *place, int folder, const struct box_identity *identity)
{
	struct format text;

	format_init(&text, place->path, sizeof(place->path), -1);
	format_text(&text, place->folder);
	format_char(&text, '/');
	size_t name_at = text.used_bytes;
	format_signed(&text, identity->pid);
	format_char(&text, '-');
	format_unsigned(&text, identity->pid_inode != 0 ? identity->pid_inode : identity->start_ticks);
	format_text(&text, BOX_FILE_SUFFIX);
	format_terminate(&text);

	const char *name = place->path + name_at;
	int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(folder, name, flags, 0600);
	if (fd < 0 && errno == EEXIST && unlinkat(folder, name, 0) == 0)
		fd = openat(folder, name, flags, 0600);
	return fd;
}

static int open_below(struct box_place *place, const char *dir,
	const struct box_identity *identity)
{
	int folder = folder_open(place, dir, (uint64_t)identity->uid);

	if (folder < 0)
		return -1;
	int fd = file_open(place, folder, identity);
	int error = errno;
	close(folder);
	errno = error;
	return fd;
}

int box_place_open(struct box_place *place, const char *dir,
	const struct box_identity *identity)
{
	if (dir[0] != '\0')
		return open_below(place, dir, identity);
	int fd = open_below(place, "/dev/shm", identity);
	const char *runtime_dir = secure_getenv("XDG_RUNTIME_DIR");
	if (fd < 0 && runtime_dir != NULL && runtime_dir[0] == '/')
		fd = open_below(place, runtime_dir, identity);
	return fd;
}
