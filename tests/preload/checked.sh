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

tap_is "check:half is complained about, and the program runs" \
	'libmstat: MSTAT_CONF: bad value in "check:half", the default holds
runs' "$(said check:half)"
tap_is "zero without check:full is complained about, and the program runs" \
	'libmstat: MSTAT_CONF: needs check:full in "zero:1", the default holds
runs' "$(said zero:1)"

tap_done
