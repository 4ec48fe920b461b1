# tests/fuzz/local.mk - fuzz targets.  TARGET replays what was kept, in make check;
# TARGET-fuzzer is the same by libFuzzer, which clang has: ./dev fuzz makes it.

shell_tests += %D%/corpus.sh
EXTRA_DIST += %D%/corpus

REPLAY = %D%/target.h %D%/replay.c
PRINTED = %D%/printed.h %D%/printed.c
FUZZER_COMPILE = $(AM_CFLAGS) $(JANSSON_CFLAGS)
FUZZER_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
FUZZER_LIBS = libreporter.la libbase.la $(reporter_libs)

check_PROGRAMS += %D%/conf %D%/dump %D%/box
EXTRA_PROGRAMS += %D%/conf-fuzzer %D%/dump-fuzzer %D%/box-fuzzer

FUZZ_CONF = %D%/conf.c %D%/target.h
%C%_conf_SOURCES = $(FUZZ_CONF) $(REPLAY)
%C%_conf_LDADD = $(FUZZER_LIBS)
%C%_conf_fuzzer_SOURCES = $(FUZZ_CONF)
%C%_conf_fuzzer_LDFLAGS = $(FUZZER_LINK)
%C%_conf_fuzzer_LDADD = $(FUZZER_LIBS)

FUZZ_DUMP = %D%/dump.c %D%/target.h $(PRINTED)
%C%_dump_SOURCES = $(FUZZ_DUMP) $(REPLAY)
%C%_dump_CFLAGS = $(FUZZER_COMPILE)
%C%_dump_LDADD = $(FUZZER_LIBS)
%C%_dump_fuzzer_SOURCES = $(FUZZ_DUMP)
%C%_dump_fuzzer_CFLAGS = $(FUZZER_COMPILE)
%C%_dump_fuzzer_LDFLAGS = $(FUZZER_LINK)
%C%_dump_fuzzer_LDADD = $(FUZZER_LIBS)

FUZZ_BOX = %D%/box.c %D%/target.h $(PRINTED) tests/tools/box_sample.h tests/tools/box_sample.c
%C%_box_SOURCES = $(FUZZ_BOX) $(REPLAY)
%C%_box_CFLAGS = $(FUZZER_COMPILE)
%C%_box_LDADD = $(FUZZER_LIBS)
%C%_box_fuzzer_SOURCES = $(FUZZ_BOX)
%C%_box_fuzzer_CFLAGS = $(FUZZER_COMPILE)
%C%_box_fuzzer_LDFLAGS = $(FUZZER_LINK)
%C%_box_fuzzer_LDADD = $(FUZZER_LIBS)

# Under the real library, with which no sanitizer goes; -export-dynamic: see tests/model.
FUZZ_STEPS = %D%/steps.c %D%/target.h $(MODEL)
STEPS_COMPILE = -fno-builtin -fexceptions -Wno-alloc-size-larger-than -Wno-use-after-free \
	-Wno-deprecated-declarations
if PRELOAD
check_PROGRAMS += %D%/steps
endif
%C%_steps_SOURCES = $(FUZZ_STEPS) %D%/replay.c
%C%_steps_CFLAGS = $(AM_CFLAGS) $(STEPS_COMPILE)
%C%_steps_CXXFLAGS = $(CALLS_KEPT_CXXFLAGS)
%C%_steps_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_steps_LDADD =

EXTRA_PROGRAMS += %D%/steps-fuzzer
%C%_steps_fuzzer_SOURCES = $(FUZZ_STEPS)
%C%_steps_fuzzer_CFLAGS = -std=gnu17 -pthread $(STEPS_COMPILE) -fsanitize=fuzzer-no-link
%C%_steps_fuzzer_CXXFLAGS = -std=gnu++17 -pthread -fno-builtin
%C%_steps_fuzzer_LDFLAGS = -pthread -fsanitize=fuzzer -export-dynamic
%C%_steps_fuzzer_LDADD =
