# tinyalloc/local.mk - libtinyalloc.la: combining of small objects without pointers;
# what is tied to an object.

noinst_LTLIBRARIES += libtinyalloc.la
libtinyalloc_la_SOURCES = %D%/object.h %D%/object.c %D%/record.h %D%/sized.h %D%/sized.c %D%/special.h \
	%D%/special.c %D%/special_pool.h %D%/special_pool.c \
	%D%/tagged.h %D%/tagged.c %D%/tiny.h %D%/tiny.c
