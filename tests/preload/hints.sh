#!/usr/bin/env bash
#
# hints.sh - objects that hold no pointers (hints.c, tinyfin.c), what MSTAT_CONF says
# about them, and what mstat shows of them.

. "${BASH_SOURCE[0]%/*}/preload.sh"

adopt hints "$programs/hints"
MSTAT_CONF=noscan_strings:1 adopt "hints, strings too" "$programs/hints"
adopt tinyfin "$programs/tinyfin"

# said CONF ARGUMENT...: what hints says under these options, on one line.
said()
{
	(export MSTAT_CONF=$1; shift; preload "$programs/hints" "$@") | paste -sd' '
}

half=9223372036854775807
tap_is "the lower half of all tokens holds no pointers" "combined combined combined plain plain" \
	"$(said "" token 0 1 $((half - 1)) $half 18446744073709551615)"
tap_is "the lower half of 2" "combined plain plain" "$(said token_max:2 token 0 1 2)"
tap_is "the lower half of 10" "combined combined plain plain" "$(said token_max:10 token 0 4 5 9)"
tap_is "of 1 there is no lower half" "plain plain" "$(said token_max:1 token 0 1)"
tap_is "tiny:0 combines nothing" "plain plain" "$(said tiny:0 token 1 2)"
tap_is "strings are left alone" "plain" "$(said "" strings)"
tap_is "noscan_strings:1 hints them" "combined" "$(said noscan_strings:1 strings)"

for conf in "" noscan_strings:1 sample:1k,noscan_strings:1 limit:8M check:sample,check_every:1,sample:4k,noscan_strings:1; do
	tap_is "many of less than 16 bytes, ${conf:-nothing set}" right "$(said "$conf" many)"
done

# What the process says of itself, and what is read of it from outside.
coproc keeper { preload "$programs/hints" keep; }
read -r nmalloc nfree blocks saved combinable <&"${keeper[0]}"
tap_is "1,000 objects of 8 bytes less 200" "1000 200" "$nmalloc $nfree"
shown=$("$MSTAT_TOOL" show --json "$keeper_PID" | /usr/bin/python3 -c '
import json, sys
totals = json.load(sys.stdin)["totals"]
print(*(totals[name] for name in
        ("tiny_nmalloc", "tiny_nfree", "tiny_alloc", "tiny_saved_bytes", "combinable_alloc")))')
tap_is "mstat reads the same from outside" "$nmalloc $nfree $blocks $saved $combinable" "$shown"
tap_is "what was saved is what was combined less its blocks" $((800 * 16 - blocks)) "$saved"
"$MSTAT_TOOL" show --bytes "$keeper_PID" >"$scratch/show.txt"
tap_run "mstat show says what combining saved" \
	grep -qE "^ +combined +800 objects in $blocks\$" <(tr -d , <"$scratch/show.txt")
tap_run "mstat show says what it could save" grep -qE "^ +could combine +" "$scratch/show.txt"
exec {keeper[1]}>&-
wait "$keeper_PID"

tap_done
