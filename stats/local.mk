# stats/local.mk - libstats.la: the books, and the layout that tools/ reads.

noinst_HEADERS += %D%/box_layout.h %D%/conf.h
