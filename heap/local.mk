# heap/local.mk - libheap.la: who owns which memory.

noinst_LTLIBRARIES += libheap.la
libheap_la_SOURCES = %D%/apart.h %D%/apart.c %D%/arena.h %D%/arena.c %D%/cache.h %D%/cache.c \
	%D%/cache_read.c %D%/checks.h %D%/cooling.h %D%/cooling.c %D%/central.h %D%/central.c \
	%D%/collectable.h %D%/collectable.c \
	%D%/draining.h %D%/draining.c %D%/fastpath.h %D%/held.h %D%/held.c %D%/heap.h %D%/heap.c \
	%D%/hooks.h %D%/huge.h %D%/huge.c %D%/large.h %D%/large.c %D%/limit.h %D%/limit.c %D%/magazine.h %D%/magazine.c \
	%D%/misuse.h %D%/misuse.c %D%/page_heap.h %D%/page_heap.c %D%/publish.h \
	%D%/publish.c %D%/recover.h %D%/recover.c %D%/release.h %D%/release.c %D%/sample.h %D%/sample.c \
	%D%/size_class.h %D%/size_class_rows.h %D%/size_class.c \
	%D%/slowpath.h %D%/slowpath.c %D%/snapshot.h %D%/snapshot.c %D%/span.h \
	%D%/span.c %D%/stacks.h %D%/stacks.c %D%/walk.h %D%/walk.c
