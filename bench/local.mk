# bench/local.mk - benchmarks against the peers.  ./dev bench builds and runs them;
# a plain make does not, since nothing else needs them.

bench_c = aligned batch buffers bursts day factor giveback grow handoff heap json large \
	measure nbody near pair phases preempt queue replace server spawn thread traffic zeroed \
	coro/ucontext
bench_cxx = containers newdelete words coro/throw
bench_tiny = document dom hint syntax
bench_coro = ours lexical boost runtime
bench_programs = $(bench_c:%=%D%/%) $(bench_cxx:%=%D%/%) %D%/tiny $(bench_coro:%=%D%/coro/%)

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

# As a user links it, but that it finds the library where it was built.
%D%/coro/ours: %D%/coro/ours.c %D%/common.c %D%/common.h include/mstat_coro.h libmstat_coro.la
	@$(MKDIR_P) $(@D)
	$(AM_V_CCLD)$(CC) $(AM_CPPFLAGS) -I. $(CPPFLAGS) $(CALLS_KEPT_CFLAGS) $(CFLAGS) \
		-o $@ $< $(srcdir)/%D%/common.c -L.libs -Wl,-rpath,$(abs_builddir)/.libs -lmstat_coro

%D%/coro/lexical: %D%/coro/lexical.c %D%/common.c %D%/common.h include/mstat_coro.h libmstat_coro.la
	@$(MKDIR_P) $(@D)
	$(AM_V_CCLD)$(CC) $(AM_CPPFLAGS) -I. $(CPPFLAGS) $(CALLS_KEPT_CFLAGS) -fexceptions $(CFLAGS) \
		-o $@ $< $(srcdir)/%D%/common.c -L.libs -Wl,-rpath,$(abs_builddir)/.libs -lmstat_coro

# What a machine may lack is left out, and the others are measured all the same.
%D%/coro/boost: %D%/coro/boost.cc %D%/coro/throw %D%/common.h
	$(AM_V_CXXLD)if ! echo '#include <boost/context/fiber.hpp>' | $(CXX) -E -x c++ - >/dev/null 2>&1; then \
		echo "$@ is left out: there is no Boost.Context (libboost-context-dev)"; exit 0; fi; \
	$(CXX) $(AM_CPPFLAGS) -I. $(CPPFLAGS) $(CALLS_KEPT_CXXFLAGS) $(CXXFLAGS) \
		-o $@ $< %D%/coro/throw.common.o -lboost_context

# Go's own packages alone: nothing is fetched, and its cache stays in the build.
%D%/coro/runtime: %D%/coro/runtime.go
	@$(MKDIR_P) $(@D) %D%/work
	$(AM_V_GEN)if ! command -v go >/dev/null; then \
		echo "$@ is left out: there is no go (golang-go)"; exit 0; fi; \
	GOENV=off GOFLAGS= GO111MODULE=off GOPROXY=off CGO_ENABLED=1 CC="$(CC)" \
		GOPATH=$(abs_builddir)/%D%/work/go GOCACHE=$(abs_builddir)/%D%/work/go-cache \
		go build -trimpath -o $@ $<

EXTRA_DIST += $(bench_c:%=%D%/%.c) $(bench_cxx:%=%D%/%.cc) %D%/common.c %D%/common.h \
	%D%/tiny.c $(bench_tiny:%=%D%/%.c) $(bench_tiny:%=%D%/%.h) %D%/combining \
	%D%/coro/ours.c %D%/coro/lexical.c %D%/coro/boost.cc %D%/coro/runtime.go %D%/coroutines %D%/leaks %D%/limit %D%/sites \
	%D%/run %D%/runner.py %D%/books %D%/graph %D%/suite.py %D%/rows.py %D%/redis_load.py \
	%D%/packages.txt %D%/instructions.sh %D%/results/again.csv %D%/results/books.csv \
	%D%/results/checked.csv %D%/results/checked-sample.csv %D%/results/coro.csv %D%/results/detection.csv \
	%D%/results/detection-instructions.csv %D%/results/instructions.csv %D%/results/leaks.csv %D%/results/limit.csv %D%/results/limit-addresses.csv %D%/results/peers.csv \
	%D%/results/sampling.csv %D%/results/starts.csv %D%/results/tiny.csv %D%/results/tiny-instructions.csv %D%/results/tiny-json.csv
CLEANFILES += $(bench_programs) $(bench_cxx:%=%D%/%.common.o)
