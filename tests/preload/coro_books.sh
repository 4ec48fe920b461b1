#!/usr/bin/env bash
#
# coro_books.sh - the stacks of coroutines in the books (coro_books.c).
#
# Proves: what is in use and what was obtained is exact at each step, from inside and from
# outside, in a child of a fork and in what is left of a process that was killed; without
# libmstat coroutines are the same.

. "${BASH_SOURCE[0]%/*}/preload.sh"

kib=1024
small=$((64 * kib)) large=$((256 * kib))

# ask LETTER NUMBER: what the process says then, in $pid, $inuse and $sys.
ask()
{
	echo "$@" >&"${books[1]}"
	read -r pid inuse sys <&"${books[0]}"
}

# What mstat says of it: in use, obtained, what it has of sys beyond the heap.
shown()
{
	"$MSTAT_TOOL" show --json "$1" | /usr/bin/python3 -c '
import json, sys
totals = json.load(sys.stdin)["totals"]
print(totals["stacks_inuse"], totals["stacks_sys"],
      totals["sys"] - totals["heap_sys"] - totals["metadata_bytes"])'
}

both_say()
{
	tap_is "$1: in use" "$2" "$inuse"
	tap_is "$1: mstat reads the same" "$inuse $sys $sys" "$(shown "$pid")"
}

export MSTAT_CONF=dir:$scratch
coproc books { preload "$programs/coro_books"; }
read -r pid inuse sys <&"${books[0]}"
both_say "before there is any" 0
tap_is "and nothing was obtained" 0 "$sys"
"$MSTAT_TOOL" show "$pid" | grep "coroutine stacks" | tap_none "then mstat show is silent about them"

ask c 1000
thousand=$((900 * small + 100 * large))
both_say "1,000" $thousand
tap_run "no more than was obtained" test "$sys" -ge "$inuse"
"$MSTAT_TOOL" show --bytes "$pid" | tr -d , >"$scratch/show"
tap_run "mstat show says so in words" \
	grep -qE "^ +coroutine stacks +$inuse in use of $sys\$" "$scratch/show"
"$MSTAT_TOOL" dump --json "$pid" >"$scratch/dump.json" 2>"$scratch/dump.log"
tap_is "and the dump" "$inuse $sys" "$(/usr/bin/python3 -c '
import json, sys
totals = json.load(open(sys.argv[1]))["totals"]
print(totals["stacks_inuse"], totals["stacks_sys"])' "$scratch/dump.json")"
before=$sys

ask f 0
tap_is "a child of a fork has them" "$thousand $before" "$inuse $sys"
child=$pid
sleep 0.1 # until it has a box of its own
ask c 100
both_say "which makes 100 more" $((thousand + 90 * small + 10 * large))
ask d 0
both_say "and destroys all, but keeps 64 at hand" $((64 * small))
ask e 0
tap_run "it was another process" test "$pid" != "$child"
both_say "its parent has what it had" $thousand
tap_is "and no more" "$before" "$sys"

ask d 0
both_say "all are destroyed" $((64 * small))
ask c 64
both_say "those at hand are used again" $((58 * small + 6 * large + 6 * small))
ask d 0
ask t 0
both_say "all that is free was given back" 0
tap_is "and nothing is left" 0 "$sys"
ask c 1000
last="$inuse $sys $sys"
kill -KILL "$pid"
wait "$books_PID" 2>/dev/null
tap_is "what was killed has left them in its box" "$last" \
	"$(shown "$scratch/mstat-$(id -u)/$pid.box")"

# Without libmstat.
tap_is "another malloc has no books" "-1 -1 -1 -1 -1 -1 -1 -1" "$(
	printf 'c 1000\nd 0\nt 0\ne 0\n' | "$programs/coro_books" | cut -d' ' -f2- | paste -sd' ')"

tap_done
