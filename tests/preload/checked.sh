#!/usr/bin/env bash
#
# checked.sh - programs that do nothing wrong, as checked processes.
#
# Proves: in each mode they end as they do without it and nothing is said; what the library
# guarantees of calls, forks, threads and exhausted memory holds there too; modes that
# make no sense are complained about, and the program runs.

. "${BASH_SOURCE[0]%/*}/preload.sh"

here=${BASH_SOURCE[0]%/*}

# suites CONF NAME...: these tests, once more.
suites()
{
	local conf=$1 name

	shift
	for name in "$@"; do
		MSTAT_CONF=$conf bash "$here/$name.sh" >"$scratch/$name" 2>&1
		[ $? -eq 0 ] && ! grep -q '^not ok' "$scratch/$name"
		tap_result $? "$name.sh: $(grep -c '^ok' "$scratch/$name") tests, with $conf"
		grep -A5 '^not ok' "$scratch/$name" | tap_note
	done
}

others="new forks limits kin coro_collect"
suites check:full shell sqlite3 redis git compilers python3 $others
suites efence:1 shell sqlite3 git new limits kin coro_collect
suites check:sample,check_every:1,sample:4k shell sqlite3 redis git compilers $others family

export MSTAT_CONF=check:full

# What mstat shows of one: the mode and what it takes, and all of its memory explained.
coproc HOLDER { preload /usr/bin/python3 -c '
import sys
kept = [bytearray(n) for n in range(0, 300000, 500)]
del kept[::2]
print("ready", flush=True)
sys.stdin.read()'; }
read -r _ <&"${HOLDER[0]}"
"$MSTAT_TOOL" show --json "$HOLDER_PID" >"$scratch/show.json"
tap_run "mstat show says the mode and what it takes, and explains all memory" /usr/bin/python3 -c '
import json, sys
shown = json.load(open(sys.argv[1]))
totals, ledger = shown["totals"], shown["ledger"]
assert totals["check"] == "full" and totals["check_bytes"] > 0 and totals["retired_bytes"] > 0
assert totals["heap_inuse"] == totals["heap_alloc"] + totals["span_free_bytes"], totals
assert abs(ledger["remainder_bytes"]) < ledger["rss_bytes"] / 100, ledger' "$scratch/show.json"
exec {HOLDER[1]}>&-
wait "$HOLDER_PID" 2>/dev/null

said()
{
	MSTAT_CONF=$1 LD_PRELOAD=$MSTAT_LIBRARY sh -c 'echo runs' 2>&1
}

complaint()
{
	printf 'libmstat: MSTAT_CONF: %s, the default holds\nruns' "$1"
}

# CONF | what is said
while IFS='|' read -r conf what; do
	tap_is "$conf is complained about, and the program runs" "$(complaint "$what")" "$(said "$conf")"
done <<'CONFS'
check:half|bad value in "check:half"
zero:1|needs check:full in "zero:1"
efence:1,zero:1|needs check:full in "zero:1"
efence:1,check:full|not with efence:1 in "check:full"
check:sample,efence:1|not with efence:1 in "check:sample"
check:sample,sample:0|no samples with sample:0 in "check:sample"
check:sample,check_every:0|bad value in "check_every:0"
check:sample,check_every:-1|bad value in "check_every:-1"
check:sample,check_slots:15|bad value in "check_slots:15"
check:sample,check_slots:65|bad value in "check_slots:65"
check_every:7|needs check:sample in "check_every"
check:full,check_slots:16|needs check:sample in "check_slots"
CONFS

tap_done
