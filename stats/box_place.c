#include "stats/box_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"

/* A folder that is ours and shut stays so: nobody else may rename it or what is
   in it, unless whoever owns the one above is his own enemy. */
static bool folder_is_safe(const char *folder, uint64_t uid)
{
	struct stat status;

	if (lstat(folder, &status) != 0)
		return false;
	if (!S_ISDIR(status.st_mode)) {
		errno = ENOTDIR;
		return false;
	}
	if (status.st_uid == uid && (status.st_mode & 077) == 0)
		return true;
	errno = EPERM; /* a stranger's, or open to strangers */
	return false;
}

/* Our folder below `dir`, made if need be.  False with errno. */
static bool folder_find(struct box_place *place, const char *dir, uint64_t uid)
{
	struct format text;

	format_init(&text, place->folder, sizeof(place->folder), -1);
	format_text(&text, dir);
	format_text(&text, "/" BOX_DIR_PREFIX);
	format_unsigned(&text, uid);
	format_terminate(&text);
	if (text.failed) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (folder_is_safe(place->folder, uid))
		return true;
	if (errno != ENOENT || (mkdir(place->folder, 0700) != 0 && errno != EEXIST))
		return false;
	return folder_is_safe(place->folder, uid);
}

static int file_open(struct box_place *place, const struct box_identity *identity)
{
	struct format text;

	format_init(&text, place->path, sizeof(place->path), -1);
	format_text(&text, place->folder);
	format_char(&text, '/');
	format_signed(&text, identity->pid);
	format_char(&text, '-');
	format_unsigned(&text, identity->pid_inode != 0 ? identity->pid_inode : identity->start_ticks);
	format_text(&text, BOX_FILE_SUFFIX);
	format_terminate(&text);

	int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(place->path, flags, 0600);
	if (fd < 0 && errno == EEXIST && unlink(place->path) == 0)
		fd = open(place->path, flags, 0600);
	return fd;
}

static int open_below(struct box_place *place, const char *dir,
	const struct box_identity *identity)
{
	if (!folder_find(place, dir, (uint64_t)identity->uid))
		return -1;
	return file_open(place, identity);
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
