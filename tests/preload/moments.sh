#!/usr/bin/env bash
#
# moments.sh - malloc at odd moments: moments.c, goodbye.cc.

. "${BASH_SOURCE[0]%/*}/preload.sh"

adopt moments "$programs/moments"
adopt goodbye "$programs/goodbye"

tap_done
