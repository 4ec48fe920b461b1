# tests/base/local.mk - the unit suites of what every floor stands on, one a source.

unit_suites += %D%/check_bits %D%/check_os %D%/check_lock %D%/check_format %D%/check_modules \
	%D%/check_fatal

%C%_check_format_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%C%_check_format_LDADD = $(LDADD) $(JANSSON_LIBS)
