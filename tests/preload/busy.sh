#!/usr/bin/env bash
#
# busy.sh - threads that are at it at the same time: two dumps (busy.c), forks amid
# allocations (forked.cc).

. "${BASH_SOURCE[0]%/*}/preload.sh"

mkdir "$scratch/dumps"
export MSTAT_CONF="${MSTAT_CONF:+$MSTAT_CONF,}dir:$scratch,dump:$scratch/dumps/%n"
adopt "two dumps" "$programs/busy" "$scratch/dumps"
adopt "fork" "$programs/forked"

tap_done
