# tests/stats/local.mk - the books' unit suites, one a source.

unit_suites += %D%/check_box
