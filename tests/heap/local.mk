# tests/heap/local.mk - the heap's unit suites, one a source.

unit_suites += %D%/check_page_heap %D%/check_heap %D%/check_size_class
