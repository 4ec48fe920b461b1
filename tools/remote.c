#include "tools/remote.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum {
	CACHE_MOST_BYTES = 128 << 10, /* ten times what a cache has */
	READ_TRIES = 5
};

static bool array_fits(uint64_t offset, uint64_t bytes, uint64_t cache_bytes)
{
	return offset <= cache_bytes && bytes <= cache_bytes - offset;
}

static bool offsets_are_sound(const struct box_identity *identity, uint32_t class_count)
{
	const uint64_t arrays[] = {identity->magazines_offset, identity->armed_offset,
		identity->net_offset};
	const uint64_t strides[] = {8, identity->class_stride, identity->class_stride};
	const uint64_t words[] = {identity->busy_nmalloc_offset, identity->busy_live_offset,
		identity->tiny_nmalloc_offset, identity->tiny_nfree_offset};
	const uint64_t halves[] = {identity->sequence_offset, identity->busy_class_offset};
	uint64_t bytes = identity->cache_bytes;

	if (class_count == 0 || bytes == 0 || bytes > CACHE_MOST_BYTES || identity->class_stride < 8 ||
		identity->class_stride > bytes)
		return false;
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		if (!array_fits(arrays[i], (class_count - 1) * strides[i] + 8, bytes))
			return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!array_fits(words[i], 8, bytes))
			return false;
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
		if (!array_fits(halves[i], 4, bytes))
			return false;
	return true;
}

static uint64_t word_at(const char *cache, uint64_t offset)
{
	uint64_t word;

	memcpy(&word, cache + offset, sizeof(word));
	return word;
}

static struct box_magazine magazine_at(const char *cache, const struct box_identity *identity,
	uint32_t class)
{
	struct box_magazine magazine;

	memcpy(&magazine, cache + identity->magazines_offset + class * sizeof(magazine),
		sizeof(magazine));
	return magazine;
}

static uint32_t half_at(const char *cache, uint64_t offset)
{
	uint32_t half;

	memcpy(&half, cache + offset, sizeof(half));
	return half;
}

bool remote_take(struct slot *slot, const struct box_identity *identity, uint32_t class_count,
	const char *cache, size_t bytes)
{
	if (bytes < identity->cache_bytes || !offsets_are_sound(identity, class_count))
		return false;
	for (uint32_t class = 1; class < class_count; class++) {
		struct box_magazine magazine = magazine_at(cache, identity, class);
		uint64_t held = magazine.top > magazine.bottom ? magazine.top - magazine.bottom : 0;
		uint64_t row = class * identity->class_stride;
		slot->nmalloc[class] = word_at(cache, identity->armed_offset + row) -
			(uint64_t)(int64_t)magazine.until;
		slot->live_objects[class] =
			(int64_t)(word_at(cache, identity->net_offset + row) - held);
		slot->held_objects[class] = held;
	}
	uint32_t busy = half_at(cache, identity->busy_class_offset);
	bool is_busy = (half_at(cache, identity->sequence_offset) & 1) != 0;
	if (is_busy && busy > 0 && busy < class_count) {
		slot->nmalloc[busy] = word_at(cache, identity->busy_nmalloc_offset);
		slot->live_objects[busy] =
			(int64_t)word_at(cache, identity->busy_live_offset);
	}
	slot->thread.tiny_nmalloc = word_at(cache, identity->tiny_nmalloc_offset);
	slot->thread.tiny_nfree = word_at(cache, identity->tiny_nfree_offset);
	slot->is_exact = true;
	return true;
}

static bool memory_read(pid_t pid, uint64_t address, void *out, size_t bytes)
{
	struct iovec here = {out, bytes}, there = {(void *)(uintptr_t)address, bytes};

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

/* One cache, with the same sequence before and after. */
static bool cache_read(pid_t pid, uint64_t address, const struct box_identity *identity,
	char *cache)
{
	uint32_t before, after;
	uint64_t sequence_address = address + identity->sequence_offset;

	for (int tries = 0; tries < READ_TRIES; tries++) {
		if (!memory_read(pid, sequence_address, &before, sizeof(before)) ||
			!memory_read(pid, address, cache, identity->cache_bytes) ||
			!memory_read(pid, sequence_address, &after, sizeof(after)))
			return false;
		if (before == after && half_at(cache, identity->sequence_offset) == before)
			return true;
	}
	return false;
}

void remote_read(struct box_content *content, pid_t pid)
{
	const struct box_identity *identity = &content->identity;

	if (!offsets_are_sound(identity, content->all_count))
		return;
	char *cache = malloc(identity->cache_bytes);
	if (cache == NULL)
		return;
	for (size_t i = 0; i < content->slot_count; i++) {
		struct slot *slot = &content->slots[i];
		if (slot->thread.cache_address != 0 &&
			cache_read(pid, slot->thread.cache_address, identity, cache))
			remote_take(slot, identity, content->all_count, cache,
				identity->cache_bytes);
	}
	free(cache);
}
