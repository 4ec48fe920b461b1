#!/usr/bin/env bash
#
# corners.sh - checked processes that do what is right and rare, or what is hard to blame on
# anybody: corners.c.

. "${BASH_SOURCE[0]%/*}/kinds.sh"

program=${program%/*}/corners
plugin=${MSTAT_BUILD:-build}/tests/preload/.libs/deepplugin.so

# corner MODE KIND [ARGUMENT...]: what it says and what is said of it, in $said; how it ends.
corner()
{
	local mode=$1
	shift
	said=$({ MSTAT_CONF=$mode,dir:$scratch LD_PRELOAD=$MSTAT_LIBRARY timeout 300 "$program" "$@" 2>&1; } 2>/dev/null)
	status=$?
}

# The first thing that is said of a misuse.
sentence()
{
	grep -m 1 '^libmstat: ' <<<"$said" | sed -E 's/\(0x[0-9a-f]+\)/(ADDRESS)/; s/, called from .*//'
}

corner check:full no_bytes
tap_is "an object of no bytes has none that may be used" "usable: 0" "$(head -n 1 <<<"$said")"
tap_is "what is written there is found" \
	"libmstat: free(ADDRESS): $beyond 0, 0 bytes, size class 16" "$(sentence)"

for mode in efence:1 check:sample,check_every:1,sample:1; do
	corner "$mode" own_pages
	tap_is "$mode: what the program closes itself is not reported" "4 faults" "$said"
done

for bytes in 30 198990; do
	corner check:full resized_elsewhere $bytes
	thread=$(sed -n 's/^thread //p' <<<"$said")
	tap_is "whoever made an object of $bytes bytes another size allocated it" \
		"  allocated by thread $thread:" "$(grep allocated <<<"$said")"
done

for mode in check:full efence:1; do
	corner "$mode" freed_last
	thread=$(sed -n 's/^thread //p' <<<"$said")
	tap_is "$mode: a thread's last words have its number" \
		"  allocated by thread $thread:
  freed by thread $thread:" "$(grep -E '(allocated|freed) by' <<<"$said")"
done

corner check:full all_at_once
tap_is "threads that fault at once are reported one after another" \
	"8 8 8 in order" "$(grep -c '^libmstat: write' <<<"$said") $(
		grep -c '^  allocated by' <<<"$said") $(grep -c '^  freed by' <<<"$said") $(
		grep -oE '^(libmstat: write|  allocated|  freed)' <<<"$said" | paste -d' ' - - - | uniq |
		sed 's/^libmstat: write   allocated   freed$/in order/')"

for mode in check:full efence:1 check:sample,check_every:1,sample:1; do
	corner "$mode" bare_children 20
	tap_is "$mode: children that no handler prepared go on with what lives" \
		"0 children failed" "$said"
done

for bytes in 1000 60000; do
	corner check:full little_memory 400000000 $bytes
	tap_is "what waits is handed out where there is no other memory, $bytes bytes at a time" \
		"8, and then most of it" "$said"
done

cp "$plugin" "$scratch/a.so"
cp "$plugin" "$scratch/b.so"
for mode in check:full efence:1; do
	corner "$mode" another_library "$scratch/a.so" "$scratch/b.so"
	if [ "$(grep '^0x' <<<"$said" | uniq | wc -l)" = 1 ]; then
		tap_is "$mode: a library stands where another was, and is named" "$scratch/b.so" \
			"$(sed -n 's/^    #0 \(.*\)+0x.*/\1/p' <<<"$said" | head -n 1)"
	else
		tap_skip "$mode: a library stands where another was" "it stands elsewhere"
	fi
done

for bytes in '2048 4096' '4096 8192' '8192 16384' '65536 131072'; do
	read -r asked other <<<"$bytes"
	corner check:full large_alignment "$asked" "$other"
	tap_is "of $asked it is not aligned to $other" \
		"libmstat: free_aligned_sized(ADDRESS): wrong alignment: $other bytes were given, 4096 bytes" \
		"$(sentence | sed 's/, size class.*//')"
done

# A kernel that cannot mark pages, in a process that may not count its mappings.
tap_is "what was freed takes no mappings for good" "20000 objects" \
	"$(MSTAT_CONF=check:full,dir:$scratch LD_PRELOAD=$MSTAT_LIBRARY timeout 300 \
		"${program%/*}/enduring" old cycle 20000 200000 2>&1 | sed 's/, .*//')"

tap_done
