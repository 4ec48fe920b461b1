# base/local.mk - libbase.la: what every other floor stands on.

noinst_LTLIBRARIES += libbase.la
libbase_la_SOURCES = %D%/bits.h %D%/compiler.h %D%/config.h \
	%D%/fatal.h %D%/fatal.c %D%/format.h %D%/format.c \
	%D%/lock.h %D%/lock.c %D%/maps.h %D%/maps.c \
	%D%/modules.h %D%/modules.c %D%/os.h %D%/os.c
