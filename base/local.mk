# base/local.mk - libbase.la: what every other floor stands on.

noinst_LTLIBRARIES += libbase.la
libbase_la_SOURCES = %D%/bits.h %D%/clock.h %D%/clock.c %D%/compiler.h %D%/config.h \
	%D%/elf_symbols.h %D%/elf_symbols.c %D%/exponential.h %D%/exponential.c \
	%D%/fatal.h %D%/fatal.c %D%/format.h %D%/format.c \
	%D%/lock.h %D%/lock.c %D%/maps.h %D%/maps.c \
	%D%/modules.h %D%/modules.c %D%/os.h %D%/os.c \
	%D%/pagemap.h %D%/pagemap.c %D%/syscall.h %D%/syscall.c %D%/table.h %D%/table.c
