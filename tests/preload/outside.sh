#!/usr/bin/env bash
#
# outside.sh - the books of a process at rest as another process reads them.
#
# Proves: the box's parts and the threads' words in memory give exactly what the
# process itself says; the published rows alone are behind by no more than the
# countdown's cap (allocations) and a magazine (live objects) a class and thread.

. "${BASH_SOURCE[0]%/*}/preload.sh"

# The eight threads, the main one, and the slot of those that have none.
slots=10

coproc RESTING { preload "$programs/resting"; }
pid=$RESTING_PID
while IFS= read -r line <&"${RESTING[0]}" && [ "$line" != end ]; do
	case $line in
	"#"*) echo "$line" ;;
	*) echo "$line" >&3 ;;
	esac
done 3>"$scratch/inside"

box=$(find "${MSTAT_BOXES:-/dev/shm/mstat-$(id -u)}" -name "$pid.box")
"$programs/outside" "$box" >"$scratch/exact"
"$programs/outside" "$box" published >"$scratch/published"

diff "$scratch/inside" "$scratch/exact" | tap_none "read from memory, the books are exact"
tap_is "more than fifty size classes were in use" yes \
	"$([ "$(grep -c ^class "$scratch/inside")" -gt 50 ] && echo yes || wc -l <"$scratch/inside")"

paste -d ' ' "$scratch/inside" "$scratch/published" | awk -v slots=$slots '
	function clamp(n, low, high) { return n < low ? low : n > high ? high : n }
	function far(a, b, most) { return a - b > most || b - a > most }
	$1 == "class" {
		fits = int(65536 / $2)
		if ($2 != $8 || far($4, $10, slots * 2048) ||
			far($6, $12, slots * clamp(fits, 8, 1024)))
			print
	}
	$1 == "large" && $3 " " $5 " " $7 != $10 " " $12 " " $14' |
	tap_none "the published rows are behind by a bounded number of operations"

exec {RESTING[1]}>&-
wait "$pid"
tap_is "the process ends well" 0 $?
tap_is "and its box is gone" "" "$(find "$(dirname "$box")" -name "$pid.box")"

tap_done
