# tests/preload/local.mk - real programs under the built libmstat.so.  A shell test
# is one line in program_tests.  A program of our own that such a test runs is three:
#
#     tested_programs += %D%/churn
#     %C%_churn_CFLAGS = $(CALLS_KEPT_CFLAGS)
#     %C%_churn_LDADD =
