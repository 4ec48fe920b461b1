#include "base/pagemap.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/os.h"

/* As the kernel documents /proc/PID/pagemap. */
static const uint64_t PAGE_IS_PRESENT = UINT64_C(1) << 63, PAGE_IS_SWAPPED = UINT64_C(1) << 62;
/* Made by MADV_GUARD_INSTALL; such a page is "swapped" too. */
static const uint64_t PAGE_IS_GUARD = UINT64_C(1) << 58;

void pagemap_open(struct pagemap *pagemap, uint64_t *entries, size_t entry_count)
{
	*pagemap = (struct pagemap){.fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
		.entries = entries, .entry_count = entry_count};
}

void pagemap_close(struct pagemap *pagemap)
{
	if (pagemap->fd >= 0)
		close(pagemap->fd);
	pagemap->fd = -1;
}

/* How many entries, from that of a page on. */
static size_t entries_read(const struct pagemap *pagemap, uintptr_t at, uintptr_t end)
{
	size_t page_bytes = os_page_bytes();
	size_t count = min_bytes((end - at) / page_bytes, pagemap->entry_count);
	size_t bytes = count * sizeof(uint64_t);

	if (pagemap->fd < 0 || pread(pagemap->fd, pagemap->entries, bytes,
				       (off_t)(at / page_bytes * sizeof(uint64_t))) != (ssize_t)bytes)
		for (size_t i = 0; i < count; i++)
			pagemap->entries[i] = PAGE_IS_PRESENT;
	return count;
}

bool pagemap_next(const struct pagemap *pagemap, uintptr_t *at, uintptr_t end, uintptr_t *from)
{
	*from = end;
	while (*at < end) {
		size_t count = entries_read(pagemap, *at, end);
		for (size_t i = 0; i < count; i++, *at += os_page_bytes()) {
			uint64_t entry = pagemap->entries[i];
			bool is_there = (entry & (PAGE_IS_PRESENT | PAGE_IS_SWAPPED)) != 0 &&
				(entry & PAGE_IS_GUARD) == 0;
			if (is_there && *from == end)
				*from = *at;
			if (!is_there && *from != end)
				return true;
		}
	}
	return *from != end;
}
