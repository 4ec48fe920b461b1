#include "tools/elf_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <libelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tools/file.h"

/* A file that has to be read to the end to be known; the largest of real ones with
   debugging information have some GiB. */
#define CRC_MOST_BYTES ((off_t)4 << 30)

/* Files of /proc have no length. */
static bool is_elf(int fd)
{
	struct stat status;
	char magic[SELFMAG];

	return fstat(fd, &status) == 0 && status.st_size >= (off_t)sizeof(Elf32_Ehdr) &&
		pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
		memcmp(magic, ELFMAG, SELFMAG) == 0;
}

int elf_file_open(const char *path)
{
	struct failure failure;

	errno = ENOEXEC;
	int fd = file_open(path, &failure);
	if (fd < 0)
		return -1;
	if (is_elf(fd))
		return fd;
	close(fd);
	errno = ENOEXEC;
	return -1;
}

bool elf_file_has_id(int fd, const struct build_id *id)
{
	const void *bytes;

	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	ssize_t count = elf != NULL ? dwelf_elf_gnu_build_id(elf, &bytes) : 0;
	bool has_id = count <= 0 ? id->count == 0 && elf != NULL
				 : (size_t)count == id->count &&
			memcmp(bytes, id->bytes, id->count) == 0;
	elf_end(elf);
	return has_id;
}

/* zlib's is the one that binutils writes. */
bool elf_file_has_crc(int fd, uint32_t crc)
{
	unsigned char bytes[65536];
	uLong sum = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t got;

	while (at < CRC_MOST_BYTES && (got = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		sum = crc32(sum, bytes, (uInt)got);
		at += got;
	}
	return sum == crc;
}
