#!/usr/bin/env bash
#
# examples.sh - the programs of examples/, and those of the manual pages.
#
# Proves: each prints what its comment, or its page, says; those of the pages compile
# without a warning.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

prints()
{
	local name=$1 expected=$2

	diff <($MSTAT_RUN "$MSTAT_BUILD/examples/$name" 2>&1) - <<<"$expected" | tap_none "$name prints what it should"
}

prints generator $'ant\nbee\ncow\ndog\nfox'
prints parser '(+ 1 2 (* 3 4)) = 15
(+ 1 (* 2 (- 3 4))): an operation is missing
(* (+ 1 1) (+ 2: the text ends too early
7 = 7'
prints callback $'apple fig pear plum\nnot sorted: there is a hole in the list'

# ---- of the pages ----------------------------------------------------------------

compiler=${MSTAT_HOST:+$MSTAT_HOST-}gcc

# The whole programs among what a page shows, as NUMBER.c.
programs_of()
{
	rm -f "$scratch"/*.c
	awk -v folder="$scratch" '
		/^```$/ { inside = !inside; is_whole = 0; next }
		inside && /^#include/ && !is_whole { is_whole = 1; file = folder "/" ++count ".c" }
		inside && is_whole { gsub(/\\\\/, "\\"); print >file }' "$MSTAT_SOURCE/man/$1.scd"
}

# program NUMBER ARGUMENT...: built and run.
program()
{
	"$compiler" -std=gnu17 -O2 -Wall -Wextra -Werror -pthread -I"$MSTAT_SOURCE/include" \
		-o "$scratch/program" "$scratch/$1.c" \
		-L"$MSTAT_BUILD/.libs" -Wl,-rpath,"$MSTAT_BUILD/.libs" -lmstat_coro &&
		$MSTAT_RUN "$scratch/program" "${@:2}"
}

# page_prints PAGE NUMBER EXPECTED ARGUMENT...
page_prints()
{
	tap_is "program $2 of $1 prints what it should" "$3" "$(program "$2" "${@:4}" 2>&1)"
}

if ! command -v "$compiler" >/dev/null; then
	tap_skip "the programs of the pages" "there is no $compiler"
	tap_done
fi

programs_of coro.7
tap_is "coro.7 has whole programs" 3 "$(find "$scratch" -name '*.c' | wc -l)"
page_prints coro.7 1 $'1\n2\n3'
cd "$scratch" || exit 1
echo 3 1 2 3 >good
echo 3 1 2 >bad
page_prints coro.7 2 $'good: 6\nbad: a number is missing\nnone: it cannot be opened' good bad none
page_prints coro.7 3 $'fig\npear\nplum\nnot sorted: there is a hole'

programs_of coro_copystack.3
page_prints coro_copystack.3 1 50005000

programs_of coro_barriers.3
program 1 | awk '{ print $1 }' >seen
{
	IFS= read -r first
	[ "${first:-0}" -gt 0 ] || echo "nothing is seen"
	while IFS= read -r later; do
		[ "$later" -lt $((first / 2)) ] || echo "$first bytes at first, and $later"
	done
} <seen | tap_none "what the program of coro_barriers.3 sees is less than half the next time"
tap_is "it sees something five times" 5 "$(wc -l <seen)"

tap_done
