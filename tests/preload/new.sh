#!/usr/bin/env bash
#
# new.sh - C++'s operator new and delete: new.cc, and a plugin of a C program.

. "${BASH_SOURCE[0]%/*}/preload.sh"

adopt "C++" "$programs/new"
adopt "a C program's plugin" "$programs/host" "$programs/.libs/plugin.so"

tap_done
