# tests/heap/local.mk - the heap's unit suites, one a source.

unit_suites += %D%/check_size_class %D%/check_arena %D%/check_span %D%/check_page_heap \
	%D%/check_central %D%/check_cooling %D%/check_long_pages %D%/check_draining %D%/check_magazine %D%/check_cache %D%/check_cache_read \
	%D%/check_held %D%/check_huge %D%/check_limit %D%/check_release %D%/check_sample %D%/check_large %D%/check_slowpath %D%/check_snapshot %D%/check_heap

%C%_check_sample_LDADD = $(LDADD) -lm

# It pretends to be another kernel.
%C%_check_long_pages_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=sysconf -Wl,--wrap=syscall_of_kernel
