# bench/local.mk - benchmarks against the peers.  ./dev bench builds and runs them;
# a plain make does not, since nothing else needs them.

bench_c = aligned batch buffers bursts day factor giveback grow handoff json large \
	measure nbody pair phases preempt queue replace server spawn thread traffic zeroed
bench_cxx = containers newdelete words
bench_tiny = document dom hint syntax
bench_programs = $(bench_c:%=%D%/%) $(bench_cxx:%=%D%/%) %D%/tiny

benchmarks: $(bench_programs)
.PHONY: benchmarks

$(bench_c:%=%D%/%): %D%/%: %D%/%.c %D%/common.c %D%/common.h
	@$(MKDIR_P) $(@D)
	$(AM_V_CCLD)$(CC) $(AM_CPPFLAGS) -I. $(CPPFLAGS) $(CALLS_KEPT_CFLAGS) $(CFLAGS) \
		-o $@ $< $(srcdir)/%D%/common.c -Wl,--as-needed -lm

%D%/tiny: %D%/tiny.c $(bench_tiny:%=%D%/%.c) $(bench_tiny:%=%D%/%.h) %D%/common.c %D%/common.h
	@$(MKDIR_P) $(@D)
	$(AM_V_CCLD)$(CC) $(AM_CPPFLAGS) -I. $(CPPFLAGS) $(CALLS_KEPT_CFLAGS) $(CFLAGS) \
		-o $@ $< $(bench_tiny:%=$(srcdir)/%D%/%.c) $(srcdir)/%D%/common.c

$(bench_cxx:%=%D%/%): %D%/%: %D%/%.cc %D%/common.c %D%/common.h
	@$(MKDIR_P) $(@D)
	$(AM_V_CC)$(CC) $(AM_CPPFLAGS) -I. $(CPPFLAGS) $(CALLS_KEPT_CFLAGS) $(CFLAGS) \
		-c -o $@.common.o $(srcdir)/%D%/common.c
	$(AM_V_CXXLD)$(CXX) $(AM_CPPFLAGS) -I. $(CPPFLAGS) $(CALLS_KEPT_CXXFLAGS) $(CXXFLAGS) \
		-o $@ $< $@.common.o

EXTRA_DIST += $(bench_c:%=%D%/%.c) $(bench_cxx:%=%D%/%.cc) %D%/common.c %D%/common.h \
	%D%/tiny.c $(bench_tiny:%=%D%/%.c) $(bench_tiny:%=%D%/%.h) %D%/combining \
	%D%/run %D%/runner.py %D%/books %D%/graph %D%/suite.py %D%/rows.py %D%/redis_load.py \
	%D%/packages.txt %D%/instructions.sh %D%/results/again.csv %D%/results/books.csv \
	%D%/results/instructions.csv %D%/results/peers.csv %D%/results/starts.csv \
	%D%/results/tiny.csv %D%/results/tiny-instructions.csv
CLEANFILES += $(bench_programs) $(bench_cxx:%=%D%/%.common.o)
