#!/usr/bin/env bash
#
# stderr.sh - what the library says when nobody listens.
#
# Proves: where stderr is a pipe that nobody reads any more the program is not ended for
# it, at a dump signal, at start or at exit, and a misuse is an abort all the same; where
# it is a full one the program does not wait; where it was closed, or is another file by
# then, nothing is written there.

. "${BASH_SOURCE[0]%/*}/preload.sh"

folder=$scratch/mstat-$(id -u)
pipe=$scratch/pipe
mkfifo "$pipe"
export MSTAT_CONF=dir:$scratch

# Says when it has begun, and after a line on stdin how it went on.
job=(bash -c 'echo begun; read -r; echo ended; exit 7')

stderr=4

# begin: the job under the library with our descriptor $stderr for its own, until it has
# begun.
begin()
{
	coproc JOB { preload "${job[@]}" 2>&$stderr 3>&- 4>&-; }
	pid=$JOB_PID
	exec {from}<&"${JOB[0]}" {to}>&"${JOB[1]}"
	read -r -t 60 -u $from
}

# dumped NAME: after a dump signal the dump is written and the job ends as it should.
dumped()
{
	local name=$1 line=

	kill -USR2 "$pid"
	for _ in {1..100}; do
		[ "$(tail -n 1 "$folder/$pid-1.dump" 2>/dev/null)" = end ] && break
		sleep 0.05
	done
	tap_is "$name: the dump is written" end "$(tail -n 1 "$folder/$pid-1.dump" 2>&1)"
	(echo >&$to) 2>/dev/null # it may be dead
	read -r -t 20 -u $from line || kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	tap_is "$name: the program goes on" "ended, status 7" "$line, status $?"
	exec {from}<&- {to}>&-
}

exec 3<>"$pipe" 4>"$pipe" 3>&-
begin
dumped "a pipe that nobody reads"

exec 3<>"$pipe" 4>"$pipe"
begin
dd if=/dev/zero of="$pipe" oflag=nonblock bs=4096 count=1000 status=none 2>/dev/null
dd if=/dev/zero of="$pipe" oflag=nonblock bs=1 count=5000 status=none 2>/dev/null
dumped "a full pipe"

exec 3>&- 4>&-
stderr=- begin
dumped "closed from the start"

# The job's own file gets the number 2.
exec 4>"$scratch/said"
job=(bash -c 'exec 2>&-; exec 2>"$0"; echo begun; read -r; echo ended; exit 7' "$scratch/precious")
MSTAT_CONF=$MSTAT_CONF,exit_report:1 begin
dumped "another file in its place"
tap_is "and nothing is written there" "" "$(cat "$scratch/precious")"

# unheard NAME WANT CONF CMD...: the status of a program whose stderr nobody reads.
exec 3<>"$pipe" 4>"$pipe" 3>&-
unheard()
{
	local name=$1 want=$2 conf=$3

	shift 3
	{ (MSTAT_CONF=$conf,$MSTAT_CONF preload "$@" 2>&4 4>&-); } 2>/dev/null
	tap_is "$name: the status" "$want" $?
}

unheard "a bad MSTAT_CONF that nobody hears of" 3 bad bash -c 'exit 3'
unheard "a report at exit that nobody reads" 3 exit_report:1 bash -c 'exit 3'
unheard "a misuse that nobody hears of" $((128 + 6)) box:0 "$MSTAT_BUILD/tests/misuse/misuse" double_large

tap_done
