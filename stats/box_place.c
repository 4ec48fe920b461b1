#include "stats/box_place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"
#include "base/os.h"
#include "stats/box.h"

enum {
	NAMES_TRIED = 16,
	/* A process's start is told in ticks of 10 ms, a file's time as of the last one. */
	TIMES_GRAIN_NS = 10 * 1000 * 1000
};

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

/* PID.box, or with a number PID-NUMBER.box. */
static void path_set(struct box_place *place, uint64_t number)
{
	struct format text;

	format_init(&text, place->path, sizeof(place->path), -1);
	format_text(&text, place->folder);
	format_char(&text, '/');
	format_signed(&text, box_identity()->pid);
	if (number != 0) {
		format_char(&text, '-');
		format_unsigned(&text, number);
	}
	format_text(&text, BOX_FILE_SUFFIX);
	format_terminate(&text);
}

static int file_make(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* When this process began, by the wall clock, of which files' times are. */
static uint64_t begin_realtime_ns(uint64_t start_ticks)
{
	uint64_t begin_ns = start_ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));

	if (start_ticks == 0)
		return UINT64_MAX / 2; /* unknown: nothing was made since */
	return os_realtime_ns() - (os_boottime_ns() - begin_ns);
}

static uint64_t modified_ns(const struct stat *status)
{
	return (uint64_t)status->st_mtim.tv_sec * 1000000000u + (uint64_t)status->st_mtim.tv_nsec;
}

/*
 * Whether a file that has our pid in its name is our own from before an exec: made
 * since this process began, and nobody's now.  A file from before is what a dead
 * process of the same pid left; one that is mapped - a lease is refused as long as
 * somebody may write the file - is a living one's, in another pid namespace.
 */
static bool is_predecessors(const char *path, uint64_t begin_ns)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		modified_ns(&status) + TIMES_GRAIN_NS >= begin_ns &&
		fcntl(fd, F_SETSIG, SIGURG) == 0 && /* not SIGIO, if the lease is broken */
		fcntl(fd, F_SETLEASE, F_RDLCK) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

/* There is a file of our pid.  The names that are tried are the same after an exec. */
static int file_open_slow(struct box_place *place)
{
	uint64_t number = box_start_ticks();
	uint64_t begin_ns = begin_realtime_ns(number);

	for (int i = 0; i < NAMES_TRIED; i++) {
		/* Its name is free then; or the next one is tried. */
		if (!is_predecessors(place->path, begin_ns) || unlink(place->path) != 0)
			path_set(place, number++);
		int fd = file_make(place->path);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

static int file_open(struct box_place *place)
{
	path_set(place, 0);
	int fd = file_make(place->path);
	return fd < 0 && errno == EEXIST ? file_open_slow(place) : fd;
}

static int open_below(struct box_place *place, const char *dir)
{
	if (!folder_find(place, dir, (uint64_t)box_identity()->uid))
		return -1;
	return file_open(place);
}

static int open_usual(struct box_place *place)
{
	int fd = open_below(place, "/dev/shm");
	const char *runtime_dir = secure_getenv("XDG_RUNTIME_DIR");

	if (fd < 0 && runtime_dir != NULL && runtime_dir[0] == '/')
		fd = open_below(place, runtime_dir);
	return fd;
}

int box_place_open(struct box_place *place, const char *dir)
{
	int fd = dir[0] != '\0' ? open_below(place, dir) : open_usual(place);
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0) {
		place->device = status.st_dev;
		place->inode = status.st_ino;
	}
	return fd;
}

void box_place_remove(const struct box_place *place)
{
	struct stat status;

	if (lstat(place->path, &status) == 0 && status.st_dev == place->device &&
		status.st_ino == place->inode)
		unlink(place->path);
}
