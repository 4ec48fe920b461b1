#include "profile/shadow_stack.h"

#include "base/os.h"

static const uint64_t SIGNAL_TOKEN = (uint64_t)1 << 63;

static bool is_token(uintptr_t at, uint64_t word)
{
	return (word & SIGNAL_TOKEN) != 0 || word == ((at + sizeof(word)) | 1);
}

uint32_t shadow_stack_read(uintptr_t pointer, uintptr_t *pcs, uint32_t most, bool *is_cut)
{
	uint32_t count = 0;

	*is_cut = false;
	for (uintptr_t at = pointer;; at += sizeof(uint64_t)) {
		if (at % os_page_bytes() == 0 && !os_can_read((const void *)at))
			return count;
		uint64_t word = *(const volatile uint64_t *)at;
		if (word == 0)
			return count;
		if (is_token(at, word))
			continue;
		if (count == most) {
			*is_cut = true;
			return count;
		}
		pcs[count++] = word;
	}
}
