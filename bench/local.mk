# bench/local.mk - benchmarks against the peers.
