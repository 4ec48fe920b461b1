#!/usr/bin/env bash
#
# forks.sh - processes made of a process whose threads allocate: forks.c.

. "${BASH_SOURCE[0]%/*}/preload.sh"

export MSTAT_CONF=${MSTAT_CONF:+$MSTAT_CONF,}dir:$scratch
adopt forks "$programs/forks" "${MSTAT_SEED:-0}" "${MSTAT_FORKS:-1000}"
find "$scratch/mstat-$(id -u)" -name '*.box' | tap_none "no box is left"

tap_done
