#!/usr/bin/env bash
#
# limits.sh - what every entry point refuses, and grants to the last byte: limits.cc,
# refusals.c, alignments.c, usable.c, locked.c.
#
# Proves: there is none that neither of the first two knows.

. "${BASH_SOURCE[0]%/*}/preload.sh"

read -ra nm <<<"${NM:-nm}" # it may have options

adopt limits "$programs/limits"
adopt refusals "$programs/refusals"
adopt alignments "$programs/alignments"
adopt usable "$programs/usable"
"${nm[@]}" -D "$programs/usable" | grep -q ' U __memset_chk'
tap_result $? "it is fortified"
adopt locked "$programs/locked"
adopt "locked memory" "$programs/locked" limited

# Those that do not come back, and what pthread_atfork() calls, which kin.sh has.
others="_exit _Exit quick_exit __register_atfork"
diff <("${nm[@]}" -D --defined-only "$MSTAT_LIBRARY" | awk '{ print $3 }' | sort -u) \
	<({ "$programs/limits" names; "$programs/refusals" names; echo "$others"; } | tr -s ' ' '\n' | sort -u) |
	grep '^[<>]' | tap_none "every name that the library exports is in a table, and no other"

tap_done
