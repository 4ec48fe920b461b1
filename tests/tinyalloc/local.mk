# tests/tinyalloc/local.mk - combined objects, a suite a source.

unit_suites += %D%/check_record %D%/check_tiny %D%/check_object %D%/check_sized %D%/check_special \
	%D%/check_fine
