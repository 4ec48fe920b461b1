# tests/preload/local.mk - real programs under the built libmstat.so.  A shell test
# is one line in program_tests.  A program of our own that such a test runs is three:
#
#     tested_programs += %D%/churn
#     %C%_churn_CFLAGS = $(CALLS_KEPT_CFLAGS)
#     %C%_churn_LDADD =

EXTRA_DIST += %D%/preload.sh
noinst_HEADERS += %D%/tap.h

program_tests += %D%/family.sh

# These do on purpose what the compiler warns of.
tested_programs += %D%/family
%C%_family_CFLAGS = $(CALLS_KEPT_CFLAGS) -Wno-alloc-size-larger-than \
	-Wno-deprecated-declarations -Wno-use-after-free
%C%_family_LDADD =
