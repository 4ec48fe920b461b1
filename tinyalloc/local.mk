# tinyalloc/local.mk - libtinyalloc.la: combining of small objects without pointers.

noinst_LTLIBRARIES += libtinyalloc.la
libtinyalloc_la_SOURCES = %D%/object.h %D%/object.c %D%/record.h %D%/tiny.h %D%/tiny.c
