/*
 * profile/cfi_rows.h - call frame instructions, and the row that they come to.
 */
#ifndef PROFILE_CFI_ROWS_H
#define PROFILE_CFI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/dwarf_bytes.h"

/* Where something of the caller's is.  Lost: by what is not followed. */
struct cfi_place {
	uint8_t base; /* enum cfi_base */
	bool is_lost;
	int64_t offset;
};

/* A frame's rules from some instruction on. */
struct cfi_row {
	uint8_t cfa_base; /* CFI_NONE: lost */
	bool cfa_is_loaded;
	int64_t cfa_offset;
	struct cfi_place ra;
	struct cfi_place fp;
};

/* What a CIE says of all its FDEs. */
struct cfi_common {
	uint64_t code_factor;
	int64_t data_factor;
	unsigned encoding; /* of pointers */
	bool has_data;     /* an FDE has augmentation data */
	bool is_signal;
	struct bytes program;
};

/* The row at pc, of the code that begins at `first`. */
bool cfi_row_find(const struct cfi_common *common, const struct bytes *program, uintptr_t first,
	uintptr_t pc, struct cfi_row *row);

#endif
