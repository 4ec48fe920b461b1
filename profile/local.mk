# profile/local.mk - libprofile.la: who holds memory, and what is lost.

noinst_LTLIBRARIES += libprofile.la
libprofile_la_SOURCES = %D%/collect.h %D%/collect.c %D%/reach.h %D%/reach.c \
	%D%/stack_roots.h %D%/stack_roots.c %D%/world.h %D%/world.c
