#!/usr/bin/env bash
#
# corpus.sh - what the fuzzers found worth keeping, once more through each target.  New
# ones are looked for by ./dev fuzz.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

corpora=$MSTAT_SOURCE/tests/fuzz/corpus
export MSTAT_CONF=box:0
case $MSTAT_SWITCHES in
*"torture yes"*) export MODEL_REFUSES=1 ;;
esac

scratch=$(mktemp -d "${TMPDIR:-/tmp}/mstat-test.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT

for corpus in "$corpora"/*; do
	target=${corpus##*/}
	mapfile -t inputs < <(find "$corpus" -type f | LC_ALL=C sort)
	if [ "$target" = steps ] && [ ! -x "$MSTAT_BUILD/tests/fuzz/steps" ]; then
		tap_skip "steps" "a build with sanitizers has no library to preload"
		continue
	fi
	preloaded=
	[ "$target" != steps ] || preloaded=$MSTAT_LIBRARY
	LD_PRELOAD=$preloaded "$MSTAT_BUILD/tests/fuzz/$target" "${inputs[@]}" >"$scratch/out" \
		2>"$scratch/errors" </dev/null
	status=$?
	tap_is "$target: ${#inputs[@]} inputs pass" "status 0, ${#inputs[@]} files" \
		"status $status, $(cat "$scratch/out")"
	[ $status -eq 0 ] || tail -n 40 "$scratch/errors" | tap_note
done
tap_is "each target has a corpus" "box conf dump steps" "$(cd "$corpora" && echo *)"

tap_done
