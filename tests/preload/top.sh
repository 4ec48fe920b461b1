#!/usr/bin/env bash
#
# top.sh - `mstat top` of real programs at work.
#
# Proves: rates are there and above zero, its functions have names, and a program that is
# executed in the place of the one that is watched is not taken for it.

. "${BASH_SOURCE[0]%/*}/preload.sh"

terminal=${BASH_SOURCE[0]%/*}/../tools/terminal.py
worker='
import sys, time
kept = []
print("ready", flush=True)
while True:
    kept.append(bytearray(4096))
    time.sleep(0.0001)'

# start CMD...: under the library, its output in $scratch/out; sets pid.
start()
{
	rm -f "$scratch/out"
	mkfifo "$scratch/out"
	(
		export MSTAT_CONF=sample:16k PYTHONMALLOC=malloc
		preload "$@"
	) >"$scratch/out" 2>/dev/null <&8 &
	pid=$!
	disown
	exec 9<"$scratch/out"
	read -r -t 60 _ <&9
}

mkfifo "$scratch/in"
exec 8<>"$scratch/in"

start /usr/bin/python3 -c "$worker"
tap_is "the list has what it allocates and by how much it grows" yes \
	"$("$MSTAT_TOOL" top --once --interval 500ms |
		grep -qE "^ *$pid .* \+[0-9.]+[KM] +[1-9][0-9,]* +1 +python3 -c" && echo yes)"
"$MSTAT_TOOL" top --once --interval 200ms "$pid" >"$scratch/text"
tap_is "a function has its name" yes "$(grep -qE ' PyByteArray_\w+  ' "$scratch/text" && echo yes)"
tap_run "symbols are kept while it goes on" timeout 100 python3 "$terminal" 24x80 \
	drawn: send:s see:PyByteArray_ see:PyByteArray_ send:c "gone:PyByteArray_" send:s see:PyByteArray_ \
	send:q ends:0 -- "$MSTAT_TOOL" top --interval 100ms "$pid"
kill -KILL "$pid"

start /usr/bin/python3 -c '
import os, sys
print("ready", flush=True)
sys.stdin.readline()
os.execv("/bin/sleep", ["heir", "100"])'
(sleep 2; echo >&8) &
tap_run "another program is told from the one that was watched" timeout 100 python3 "$terminal" \
	24x80 "see:= RSS" "top:PID $pid executed another program" "see:= RSS" 'send:\e' \
	"see:  heir 100" send:q ends:0 -- "$MSTAT_TOOL" top --interval 100ms "$pid"
kill -KILL "$pid"

tap_done
