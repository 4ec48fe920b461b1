#include "tools/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open(const char *path, struct failure *failure)
{
	struct stat status;
	/* O_NONBLOCK: to open a FIFO without it is to wait for a writer. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0) {
		failure_set_errno(failure, "read", path, errno);
		return -1;
	}
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	failure_set(failure, FAILURE_DAMAGED, "%s is no regular file, so neither a box nor a dump",
		path);
	close(fd);
	return -1;
}

/* A lease for readers is refused as long as there is a writer, wherever it may be.
   Whoever comes to write meanwhile waits for our close, and tells us so by a signal
   that is ignored. */
static enum file_use file_use(int fd)
{
	if (fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		return FILE_LEFT;
	}
	return errno == EAGAIN ? FILE_WRITTEN : FILE_UNKNOWN;
}

/* Reads [at, end) into the same place of `bytes`.  False with errno; to read less is no
   error: the file was cut meanwhile. */
static bool part_read(int fd, char *bytes, off_t at, off_t end)
{
	while (at < end) {
		ssize_t got = pread(fd, bytes + at, (size_t)(end - at), at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		at += got;
	}
	return true;
}

/* A box is a large file of mostly holes: into `bytes`, which are zero, goes what is none.
   Where nobody tells holes all is read. */
static bool parts_read(int fd, char *bytes, off_t end)
{
	off_t hole;

	for (off_t at = 0; at < end; at = hole) {
		off_t data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return true; /* none from here on */
		data = data < 0 ? at : data;
		hole = lseek(fd, data, SEEK_HOLE);
		hole = hole <= data || hole > end ? end : hole;
		if (!part_read(fd, bytes, data, hole))
			return false;
	}
	return true;
}

bool file_read_fd(int fd, const char *path, struct file *file, struct failure *failure)
{
	struct stat status;

	*file = (struct file){0};
	if (fstat(fd, &status) != 0)
		return failure_set_errno(failure, "read", path, errno);
	if (status.st_size > FILE_MOST_BYTES)
		return failure_set(failure, FAILURE_DAMAGED,
			"%s has %lld bytes, more than any box or dump", path,
			(long long)status.st_size);
	off_t end = status.st_size;
	file->bytes = calloc(1, (size_t)end + 1);
	if (file->bytes == NULL)
		return failure_set_errno(failure, "read", path, ENOMEM);
	if (!parts_read(fd, file->bytes, end) || fstat(fd, &status) != 0) {
		failure_set_errno(failure, "read", path, errno);
		file_free(file);
		return false;
	}
	file->count = (size_t)(status.st_size < end ? status.st_size : end); /* it may be cut */
	file->bytes[file->count] = '\0';
	file->device = status.st_dev;
	file->inode = status.st_ino;
	file->modified = status.st_mtime;
	file->use = file_use(fd);
	return true;
}

bool file_read(const char *path, struct file *file, struct failure *failure)
{
	int fd = file_open(path, failure);

	*file = (struct file){0};
	if (fd < 0)
		return false;
	bool done = file_read_fd(fd, path, file, failure);
	close(fd);
	return done;
}

ssize_t file_read_small(const char *path, char *text, size_t text_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t count = 0;

	if (fd < 0)
		return -1;
	while (count < text_bytes - 1) {
		ssize_t got = read(fd, text + count, text_bytes - 1 - count);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int error = errno;
			close(fd);
			errno = error;
			return -1;
		}
		if (got == 0)
			break;
		count += (size_t)got;
	}
	close(fd);
	text[count] = '\0';
	return (ssize_t)count;
}

void file_free(struct file *file)
{
	free(file->bytes);
	*file = (struct file){0};
}
