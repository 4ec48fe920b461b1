#!/usr/bin/env bash
#
# new.sh - C++'s operator new and delete: new.cc, and a plugin of a C program; programs
# that replace some of them, or malloc.

. "${BASH_SOURCE[0]%/*}/preload.sh"

adopt "C++" "$programs/new"
adopt "a C program's plugin" "$programs/host" "$programs/.libs/plugin.so"
same "operators of the program's own" "$programs/operators" </dev/null
same "a malloc of the program's own" "$programs/ownmalloc" </dev/null
MSTAT_CONF=noscan_strings:1 same "and strings that are hinted" "$programs/ownmalloc" </dev/null
same "a malloc that takes libc's other names too" "$programs/ownlibc" </dev/null
MSTAT_CONF=noscan_strings:1 same "and strings that are hinted there" "$programs/ownlibc" </dev/null

tap_done
