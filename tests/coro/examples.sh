#!/usr/bin/env bash
#
# examples.sh - the programs of examples/.
#
# Proves: each prints what its comment says.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

prints()
{
	local name=$1 expected=$2

	diff <("$MSTAT_BUILD/examples/$name" 2>&1) - <<<"$expected" | tap_none "$name prints what it should"
}

prints generator $'ant\nbee\ncow\ndog\nfox'
prints parser '(+ 1 2 (* 3 4)) = 15
(+ 1 (* 2 (- 3 4))): an operation is missing
(* (+ 1 1) (+ 2: the text ends too early
7 = 7'
prints callback $'apple fig pear plum\nnot sorted: there is a hole in the list'

tap_done
