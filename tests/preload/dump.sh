#!/usr/bin/env bash
#
# dump.sh - the dump on a signal, and the report at exit.
#
# Proves: the signal, its name and its absence by MSTAT_CONF; both formats, whole
# and true; the path's patterns; one line and no harm where the path cannot be
# written; the program's own handler wins; dumps come during an allocation storm
# and while a thread stands still inside malloc; exit_report prints for programs
# that close stderr.

. "${BASH_SOURCE[0]%/*}/preload.sh"

folder=$scratch/mstat-$(id -u)

# start CONF CMD...: in the background with stderr in a file, its pid is $started.
# A process that has a box and sleeps is past its start.
start()
{
	(MSTAT_CONF=dir:$scratch${1:+,$1} preload "${@:2}") >/dev/null 2>"$scratch/stderr" </dev/null &
	started=$!
	for _ in {1..100}; do
		[ -n "$(find "$folder" -name "$started.box" 2>/dev/null)" ] &&
			grep -q '^State:.S' "/proc/$started/status" && return
		sleep 0.05
	done
}

# said: waits for a line on stderr and prints all there is.
said()
{
	for _ in {1..100}; do
		! grep -qa . "$scratch/stderr" || break
		sleep 0.05
	done
	tr -d '\0' <"$scratch/stderr" # where it was emptied the writer goes on at its offset
}

# end NAME: the program is still there, and ends.
end()
{
	kill -0 $started
	tap_result $? "$1: the program goes on"
	kill -KILL $started
	wait $started 2>/dev/null
}

# field NAME FILE: of a text dump.
field()
{
	sed -n "s/^$1 //p" "$2"
}

start "" sleep 100
kill -USR2 $started
tap_is "SIGUSR2 writes a dump beside the box, and one line" \
	"libmstat: dump written to $folder/$started-1.dump" "$(said)"
dump=$folder/$started-1.dump
tap_is "for its owner alone" 600 "$(stat -c %a "$dump")"
tap_is "it begins as it should" "mstat dump 1" "$(head -n 1 "$dump")"
tap_is "and is whole" end "$(tail -n 1 "$dump")"
tap_is "it is about this process" "$started $(readlink -f "$(command -v sleep)")" \
	"$(field pid "$dump") $(field exe "$dump")"
tap_is "its classes sum to its totals" "$(field nmalloc "$dump")" "$(awk '
	$1 == "class" { sum += $5 } $1 == "large_nmalloc" { sum += $2 } END { print sum }' "$dump")"
tap_is "it has a row a thread" 1 "$(grep -c '^thread .* state live' "$dump")"
: >"$scratch/stderr"
kill -USR2 $started
tap_is "a second one has another name" "libmstat: dump written to $folder/$started-2.dump" "$(said)"
end "default"

start signal:USR1 sleep 100
kill -USR1 $started
tap_is "signal:USR1" "libmstat: dump written to $folder/$started-1.dump" "$(said)"
end "signal:USR1"
start signal:RTMIN+3 sleep 100
kill -RTMIN+3 $started
tap_is "signal:RTMIN+3" "libmstat: dump written to $folder/$started-1.dump" "$(said)"
end "signal:RTMIN+3"
start signal:none sleep 100
kill -USR2 $started
wait $started 2>/dev/null
tap_is "signal:none leaves the signal its default" $((128 + 12)) $?
start signal:KILL sleep 100
tap_is "signal:KILL is refused" 'libmstat: MSTAT_CONF: bad value in "signal:KILL", the default holds' \
	"$(said)"
end "signal:KILL"

# ---- the program's own -------------------------------------------------------

(
	trap '' USR2
	MSTAT_CONF=dir:$scratch preload bash -c 'kill -USR2 $$; sleep 0.1; exit 6' 2>"$scratch/stderr"
)
tap_is "a program that was started with the signal ignored ignores it" "6, " "$?, $(cat "$scratch/stderr")"
tap_is "a shell's trap wins" mine "$(MSTAT_CONF=dir:$scratch preload bash -c '
	trap "echo mine" USR2; kill -USR2 $$; exit' 2>&1)"
tap_is "a handler of Python's wins" "mine 12" "$(MSTAT_CONF=dir:$scratch preload /usr/bin/python3 -c '
import os, signal
signal.signal(signal.SIGUSR2, lambda number, frame: print("mine", number))
os.kill(os.getpid(), signal.SIGUSR2)' 2>&1)"
MSTAT_CONF=dir:$scratch,dump:$scratch/handlers.dump \
	adopt handlers "$programs/handlers" "$scratch/handlers.dump"

tap_is "a library's constructor waits for a thread that sets handlers" loaded "$(
	preload timeout -k 1 60 /usr/bin/python3 -c '
import _ctypes, os, sys
_ctypes.dlopen(sys.argv[1], os.RTLD_NOW)
print("loaded")' "$programs/.libs/patient.so" 2>&1
)"

# ---- formats and paths -------------------------------------------------------

start dump_format:json perl -e 'my @a = map { "x" x $_ } 1 .. 3000; sleep 1 while 1'
sleep 0.3
kill -USR2 $started
tap_is "dump_format:json" "libmstat: dump written to $folder/$started-1.json" "$(said)"
tap_run "Python reads it, and it adds up" /usr/bin/python3 -c '
import json, sys
dump = json.load(open(sys.argv[1]))
assert dump["pid"] == int(sys.argv[2]) and dump["exe"].endswith("/perl"), dump["exe"]
classes, all = dump["classes"], dump["totals"]
assert sum(row["nmalloc"] for row in classes) + all["large_nmalloc"] == all["nmalloc"]
assert sum(row["live_objects"] * row["size_bytes"] for row in classes) + all["large_alloc"] == all["alloc"]
assert all["heap_alloc"] == all["alloc"] + all["magazine_bytes"]
assert any(row["state"] == "live" for row in dump["threads"])
' "$folder/$started-1.json" $started
if command -v jq >/dev/null; then
	tap_is "jq reads it" true "$(jq '.totals | .nmalloc >= .nfree and .sys > .alloc' "$folder/$started-1.json")"
else
	tap_skip "jq reads it" "not installed"
fi
end "dump_format:json"

start "dump:$scratch/%e-%p-%n-%%-%t" sleep 100
kill -USR2 $started
line=$(said)
[[ $line =~ ^"libmstat: dump written to $scratch/sleep-$started-1-%-"([0-9]+)$ ]]
tap_result $? "the path's patterns"
echo "$line" | tap_note
tap_is "the time is now" yes "$( ((BASH_REMATCH[1] > $(date +%s) - 100 && BASH_REMATCH[1] <= $(date +%s))) && echo yes)"
end "patterns"

(MSTAT_CONF=dir:$scratch,dump:$scratch/kin-%p-%n preload "$programs/idle" stay) \
	>"$scratch/pids" 2>"$scratch/stderr" </dev/null &
started=$!
until [ "$(wc -l <"$scratch/pids")" -eq 2 ]; do
	sleep 0.05
done
mapfile -t pids <"$scratch/pids"
for pid in "${pids[@]}"; do
	: >"$scratch/stderr"
	kill -USR2 "$pid"
	[[ $pid = "$started" ]] && whose=parent || whose=child
	tap_is "a forked child that has no box: the $whose's dump has its own pid in its name" \
		"libmstat: dump written to $scratch/kin-$pid-1" "$(said)"
	tap_is "and in it" "$pid" "$(field pid "$scratch/kin-$pid-1")"
done
kill -KILL "${pids[@]}"
wait $started 2>/dev/null

mkdir "$scratch/a-folder"
mkfifo "$scratch/a-fifo"
echo precious >"$scratch/target"
ln -s "$scratch/target" "$scratch/a-link"
while read -r path error; do
	start "dump:$path" sleep 100
	kill -USR2 $started
	tap_is "a dump to ${path##*/} is refused by one line" "libmstat: no dump in $path: $error" "$(said)"
	end "${path##*/}"
done <<END
$scratch/a-folder EISDIR
$scratch/a-fifo ENXIO
$scratch/a-link ELOOP
$scratch/nowhere/dump ENOENT
/dev/full EPERM
END
tap_is "what the link led to is as it was" precious "$(cat "$scratch/target")"
start "dump:$scratch/a-fifo" sleep 100
exec 3<>"$scratch/a-fifo"
kill -USR2 $started
tap_is "a FIFO with a reader too" "libmstat: no dump in $scratch/a-fifo: EPERM" "$(said)"
exec 3>&-
end "a FIFO with a reader"

# ---- under load --------------------------------------------------------------

MSTAT_CONF=dir:$scratch,dump:$scratch/storm.dump adopt storm "$programs/storm" "$scratch/storm.dump"
MSTAT_CONF=dir:$scratch,dump:$scratch/stopped.dump adopt stopped "$programs/stopped" \
	"$scratch/stopped.dump"
MSTAT_CONF=dir:$scratch,dump:$scratch/altstack.dump adopt altstack "$programs/altstack" \
	"$scratch/altstack.dump"
MSTAT_CONF=dir:$scratch,dump:$scratch/cancelled-%n.dump adopt cancelled "$programs/cancelled" \
	"$scratch/cancelled"

# ---- loaded late ------------------------------------------------------------

tap_is "a program that loads the library and closes it again keeps a handler that is there" \
	"libmstat: dump written to $scratch/closed.dump" "$(
		MSTAT_CONF=dir:$scratch,dump:$scratch/closed.dump /usr/bin/python3 -c '
import _ctypes, os, signal, sys
_ctypes.dlclose(_ctypes.dlopen(sys.argv[1], os.RTLD_NOW))
os.kill(os.getpid(), signal.SIGUSR2)' "$MSTAT_LIBRARY" 2>&1
	)"

# ---- the report at exit ------------------------------------------------------

want=$(ls "$MSTAT_SOURCE/heap")
got=$(MSTAT_CONF=exit_report:1 preload ls "$MSTAT_SOURCE/heap" 2>"$scratch/report")
tap_is "with exit_report:1 ls prints what it did" "$want" "$got"
tap_is "and a report, though it has closed stderr" 1 "$(grep -c ls "$scratch/report" | sed 's/[1-9].*/1/')"
head -n 3 "$scratch/report" | tap_note
(MSTAT_CONF=exit_report:1 preload perl -MPOSIX -e 'POSIX::_exit(0)') 2>"$scratch/report"
tap_is "_exit reports too" yes "$([ -s "$scratch/report" ] && echo yes)"
(MSTAT_CONF=exit_report:1 preload bash -c '(exit 3); exec 2>&-; exit 4') 2>"$scratch/report"
tap_is "a status is not lost" 4 $?

tap_done
