# tests/base/local.mk - the unit suites of what every floor stands on, one a source.

unit_suites += %D%/check_bits %D%/check_lock %D%/check_modules %D%/check_fatal \
	%D%/check_elf_symbols %D%/check_exponential %D%/check_table

%C%_check_exponential_LDADD = $(LDADD) -lm

# What the kernel does, and not what an emulator makes of it.
if !EMULATED
unit_suites += %D%/check_os %D%/check_pagemap
endif

# Jansson is only there with the allocator, whose reporter needs it.
if ALLOCATOR
unit_suites += %D%/check_format
endif
%C%_check_format_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%C%_check_format_LDADD = $(LDADD) $(JANSSON_LIBS)
