# tests/misuse/local.mk - one misuse a process, asserted by its signal and its
# exact message.

program_tests += %D%/misuse.sh

# A tail call would leave the caller's caller to be named.
tested_programs += %D%/misuse
%C%_misuse_CFLAGS = $(CALLS_KEPT_CFLAGS) -fno-optimize-sibling-calls
%C%_misuse_LDADD =
