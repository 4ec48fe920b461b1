#!/usr/bin/env bash
#
# kin.sh - processes made of a process: kin.c.

. "${BASH_SOURCE[0]%/*}/preload.sh"

export MSTAT_CONF=dir:$scratch
adopt kin "$programs/kin" "$scratch/mstat-$(id -u)"
find "$scratch/mstat-$(id -u)" -name '*.box' | tap_none "no box is left"

tap_done
