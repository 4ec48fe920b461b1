#!/usr/bin/env bash
#
# kin.sh - processes made of a process: kin.c.

. "${BASH_SOURCE[0]%/*}/preload.sh"

export MSTAT_CONF=${MSTAT_CONF:+$MSTAT_CONF,}dir:$scratch
adopt kin "$programs/kin" "$scratch/mstat-$(id -u)"
adopt "kin without a word that is wiped" "$programs/kin" "$scratch/mstat-$(id -u)" old
find "$scratch/mstat-$(id -u)" -name '*.box' | tap_none "no box is left"

# What allocates so late would be given a box, and nobody would be left to remove it.
tap_is "a child that first allocates in at_quick_exit() handlers ends well" 3 "$(
	LD_PRELOAD=$MSTAT_LIBRARY "$programs/idle" quick_exit >/dev/null
	echo $?
)"
find "$scratch/mstat-$(id -u)" -name '*.box' | tap_none "and leaves no box"
tap_is "one that does so in a destructor behind the library's ends well" 3 "$(
	LD_PRELOAD=$MSTAT_LIBRARY:$programs/.libs/elder.so "$programs/idle" exit >/dev/null
	echo $?
)"
find "$scratch/mstat-$(id -u)" -name '*.box' | tap_none "and leaves none either"

# Of two preloaded libraries the second one's constructor runs first.
tap_is "fork handlers that allocate, of a library that is older than ours" $'elder\n3' "$(
	timeout 60 env LD_PRELOAD="$MSTAT_LIBRARY:$programs/.libs/elder.so" \
		bash -c '(exit 3); echo $?' 2>&1
)"

tap_done
