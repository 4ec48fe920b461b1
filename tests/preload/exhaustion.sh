#!/usr/bin/env bash
#
# exhaustion.sh - when memory ends: exhaustion.c, and programs that start with
# little of it.

. "${BASH_SOURCE[0]%/*}/preload.sh"

adopt "no memory left" "$programs/exhaustion"

# A limit that the program itself needs most of.
for mib in 24 48 96 1000; do
	want=$(ls -l "$MSTAT_SOURCE" | sort -k 9)
	got=$( (ulimit -v $((mib * 1024)) && preload ls -l "$MSTAT_SOURCE") | sort -k 9)
	tap_is "ls runs in an address space of $mib MiB" "$want" "$got"
done

# Memory that may not be locked, and may not be given back, is no reason to fail.
want=$(sort -R --random-source=/dev/zero "$MSTAT_SOURCE/configure.ac" | cksum)
got=$( (ulimit -l 0 && preload sort -R --random-source=/dev/zero "$MSTAT_SOURCE/configure.ac") |
	cksum)
tap_is "sort runs where no memory may be locked" "$want" "$got"

tap_done
