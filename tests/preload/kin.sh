#!/usr/bin/env bash
#
# kin.sh - processes made of a process: kin.c.

. "${BASH_SOURCE[0]%/*}/preload.sh"

export MSTAT_CONF=dir:$scratch
adopt kin "$programs/kin" "$scratch/mstat-$(id -u)"
adopt "kin without a word that is wiped" "$programs/kin" "$scratch/mstat-$(id -u)" old
find "$scratch/mstat-$(id -u)" -name '*.box' | tap_none "no box is left"

# Of two preloaded libraries the second one's constructor runs first.
tap_is "fork handlers that allocate, of a library that is older than ours" $'elder\n3' "$(
	timeout 60 env LD_PRELOAD="$MSTAT_LIBRARY:$programs/.libs/elder.so" \
		bash -c '(exit 3); echo $?' 2>&1
)"

tap_done
