# bench/local.mk - benchmarks against the peers.  ./dev bench runs them.

noinst_PROGRAMS += bench/pair
bench_pair_SOURCES = %D%/pair.c
bench_pair_CFLAGS = $(CALLS_KEPT_CFLAGS)

EXTRA_DIST += %D%/instructions.sh
