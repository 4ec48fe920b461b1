#!/usr/bin/env bash
#
# places.sh - what can be seen of the stack from within coroutines.
#
# Proves: backtrace(), the unwinder that C++ uses and gdb see each function, in order, from
# a callback over the foreign frames on the thread's stack to the coroutine's first
# function, and end there; so in deferred calls of a panic, and when foreign frames were
# given up; on the first thread, whose stack is above all coroutines', and on another.

. "${BASH_SOURCE[0]%/*}/../tap.sh"
. "${BASH_SOURCE[0]%/*}/gdb.sh"

places=$MSTAT_BUILD/tests/coro/places

# place_debugged WHERE EXPECTED ARGUMENT...
place_debugged()
{
	local where=$1 expected=$2 got

	shift 2
	if [ -n "$cannot_debug" ]; then
		tap_skip "gdb $where" "$cannot_debug"
		return
	fi
	got=$(frames "$places" "$@")
	tap_is "gdb $where" "$expected" "$(names <<<"$got" | of_the_program | xargs)"
	tap_is "gdb $where, to the coroutine's first frame" switch_start "$(names <<<"$got" | tail -n 1)"
}

# place NAME WHERE EXPECTED: what gdb sees, and without the edges what the others see.
place()
{
	local name=$1 where=$2 expected=$3 functions=${3//(signal) /} thread

	for thread in '' 'on a thread'; do
		tap_is "backtrace() and the unwinder $where${thread:+, $thread}" \
			$'backtrace: '"$functions"$'\nunwinder: '"$functions" \
			"$($MSTAT_RUN "$places" "$name" ${thread:+"$thread"} 2>&1)"
		place_debugged "$where${thread:+, $thread}" "$expected" "$name" ${thread:+"$thread"}
	done
}

place callback "in a callback" \
	'stop_here called_back (signal) foreign_inner foreign_outer (signal) in_callback'
place foreign "in foreign code" 'stop_here foreign_alone (signal) in_foreign'
place nested "in a callback of a callback" "stop_here called_back (signal) foreign_inner \
foreign_outer (signal) calls_out (signal) calls_back (signal) in_nested"
place end "in a deferred call at a function's end" 'stop_here deferred at_end'
place panic "in a deferred call of a panic" 'stop_here deferred panics_below in_panic'
place exit "in a deferred call of an exit" 'stop_here deferred in_exit'
place after "after a panic in a callback" "stop_here called_back (signal) foreign_inner \
foreign_over (signal) deferred_over called_back (signal) after_callback"
place resumed "in a coroutine that another resumed" \
	'stop_here called_back (signal) foreign_inner foreign_outer (signal) in_callback'

tap_done
