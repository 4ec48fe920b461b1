# include/local.mk - the public headers.

include_HEADERS += %D%/mstat_coro.h %D%/mstat_coro_inline.h
if ALLOCATOR
include_HEADERS += %D%/mstat.h
endif
