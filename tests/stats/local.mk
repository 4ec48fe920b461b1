# tests/stats/local.mk - the books' unit suites, one a source.

unit_suites += %D%/check_conf %D%/check_box %D%/check_report %D%/check_dump

%C%_check_report_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%C%_check_report_LDADD = $(LDADD) $(JANSSON_LIBS)
