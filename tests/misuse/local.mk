# tests/misuse/local.mk - one misuse a process, asserted by its signal and its
# exact message.

program_tests += %D%/misuse.sh

# A tail call would leave the caller's caller to be named.
tested_programs += %D%/misuse
%C%_misuse_CFLAGS = $(CALLS_KEPT_CFLAGS) -fno-optimize-sibling-calls
%C%_misuse_LDADD =

program_tests += %D%/matrix.sh

tested_programs += %D%/matrix
%C%_matrix_SOURCES = %D%/matrix.c
%C%_matrix_CFLAGS = $(CALLS_KEPT_CFLAGS) -Wno-alloc-size-larger-than -Wno-free-nonheap-object \
	-Wno-use-after-free -Wno-array-bounds
%C%_matrix_LDADD =

EXTRA_DIST += %D%/kinds.sh
program_tests += %D%/checked.sh %D%/corners.sh %D%/efence.sh %D%/sampled.sh

tested_programs += %D%/checked
%C%_checked_SOURCES = %D%/checked.c
# A tail call would leave who frees to be named.
%C%_checked_CFLAGS = $(CALLS_KEPT_CFLAGS) -fno-optimize-sibling-calls -Wno-use-after-free
%C%_checked_LDADD =

tested_programs += %D%/corners
%C%_corners_SOURCES = %D%/corners.c
%C%_corners_CFLAGS = $(CALLS_KEPT_CFLAGS) -fno-optimize-sibling-calls -Wno-use-after-free
%C%_corners_LDADD = -lpthread -ldl

tested_programs += %D%/enduring
%C%_enduring_SOURCES = %D%/enduring.c
%C%_enduring_LDADD =
