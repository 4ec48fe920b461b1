#!/usr/bin/env bash
#
# checked.sh - programs that do nothing wrong, as checked processes.
#
# Proves: under check:full they end as they do without it and nothing is said; what the library
# guarantees of calls, forks, threads and exhausted memory holds there too; a mode that
# makes no sense is complained about, and the program runs.

. "${BASH_SOURCE[0]%/*}/preload.sh"

here=${BASH_SOURCE[0]%/*}
export MSTAT_CONF=check:full

# suite NAME: one of these tests, once more.
suite()
{
	bash "$here/$1.sh" >"$scratch/$1" 2>&1
	[ $? -eq 0 ] && ! grep -q '^not ok' "$scratch/$1"
	tap_result $? "$1.sh: $(grep -c '^ok' "$scratch/$1") tests, checked"
	grep -A5 '^not ok' "$scratch/$1" | tap_note
}

for name in shell sqlite3 redis git compilers new forks limits; do
	suite "$name"
done

said()
{
	MSTAT_CONF=$1 LD_PRELOAD=$MSTAT_LIBRARY sh -c 'echo runs' 2>&1
}

tap_is "check:half is complained about, and the program runs" \
	'libmstat: MSTAT_CONF: bad value in "check:half", the default holds
runs' "$(said check:half)"
tap_is "zero without check:full is complained about, and the program runs" \
	'libmstat: MSTAT_CONF: needs check:full in "zero:1", the default holds
runs' "$(said zero:1)"

tap_done
