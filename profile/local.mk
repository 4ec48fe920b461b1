# profile/local.mk - libprofile.la: who holds memory, and what is lost.

noinst_LTLIBRARIES += libprofile.la
libprofile_la_SOURCES = %D%/backtrace.h %D%/backtrace.c %D%/cfi.h %D%/cfi.c \
	%D%/cfi_expression.h %D%/cfi_expression.c %D%/cfi_rows.h %D%/cfi_rows.c \
	%D%/collect.h %D%/collect.c %D%/dwarf_bytes.h %D%/dwarf_bytes.c \
	%D%/fragments.h %D%/fragments.c %D%/frames.h %D%/frames.c %D%/leaks.h %D%/leaks.c \
	%D%/loaded.h %D%/loaded.c %D%/mark.h %D%/mark.c %D%/probes.h \
	%D%/reach.h %D%/reach.c %D%/roots.h %D%/roots.c \
	%D%/shadow_stack.h %D%/shadow_stack.c %D%/sites.h %D%/sites.c \
	%D%/stack_roots.h %D%/stack_roots.c %D%/survey.h %D%/survey.c \
	%D%/table_pages.h %D%/table_pages.c %D%/tags.h %D%/tags.c %D%/unreadable.h %D%/unreadable.c %D%/world.h %D%/world.c

# With the header of static probes, or without.
if SDT
libprofile_la_SOURCES += %D%/probes.c
else
libprofile_la_SOURCES += %D%/probes_none.c
endif
