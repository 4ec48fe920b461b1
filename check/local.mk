# check/local.mk - libcheck.la: what a checked process does with its objects.

noinst_LTLIBRARIES += libchecked.la
libchecked_la_SOURCES = %D%/check.h %D%/check.c %D%/fault.h %D%/fault.c %D%/fence.h %D%/fence.c %D%/fill.h %D%/fill.c %D%/large.h %D%/large.c \
	%D%/quarantine.h %D%/quarantine.c %D%/record.h %D%/record.c %D%/report.h %D%/report.c %D%/sampled.h %D%/sampled.c %D%/small.h %D%/small.c \
	%D%/stack.h %D%/stack.c
