# include/local.mk - the public headers.

include_HEADERS += %D%/mstat.h %D%/mstat_coro.h
