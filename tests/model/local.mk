# tests/model/local.mk - random programs against the preloaded library, a torture build's
# too: ./dev model runs them for longer.

EXTRA_DIST += %D%/model.sh

if PRELOAD
check_PROGRAMS += %D%/model
TESTS += %D%/model.sh
endif

MODEL = %D%/books.h %D%/books.c %D%/catch.cc %D%/choice.h %D%/choice.c \
	%D%/entries.h %D%/entries.c %D%/kernel.h %D%/kernel.c %D%/life.h %D%/life.c \
	%D%/makers.h %D%/makers.c %D%/makers_hinted.c %D%/names.h %D%/object.h %D%/object.c \
	%D%/resize.c %D%/run.h %D%/run.c %D%/shadow.h %D%/shadow.c %D%/steps.c %D%/tied.c \
	%D%/worker.h
# Exceptions go through C.  -export-dynamic: the library finds the program's mmap() before
# libc's.
%C%_model_SOURCES = %D%/main.c $(MODEL)
%C%_model_CFLAGS = $(CALLS_KEPT_CFLAGS) -fexceptions -Wno-alloc-size-larger-than \
	-Wno-use-after-free -Wno-deprecated-declarations
%C%_model_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS)
%C%_model_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_model_LDADD =
