#!/usr/bin/env bash
#
# checked.sh - what MSTAT_CONF=check:full finds: checked.c, by kind and size.
#
# Proves: each kind of misuse of an object of each band of sizes ends with the sentence that
# the table says, its bytes and its size class; what it can be blamed on is named by
# both stacks; what is no misuse is none.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

program=${MSTAT_BUILD:-build}/tests/misuse/checked
ulimit -c 0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
export MSTAT_CONF=check:full,dir:$scratch

beyond='written to beyond its end, at byte'
after='written to after it was freed, at byte'
again='double free: the object was freed before'
inside='not the start of an object: inside one, at byte'
inside_large='not the start of an object: inside a large one, at byte'
fault='used after it was freed, at byte'

# One size of each band: those that share spans, those that are filled when they are freed,
# those whose pages are taken away.
small='8 24 40 100 1000 5000 20000'
filled='40000 100000'
taken='200000 3000000'

# The class that BYTES and 8 more are of.
declare -A class=([8]=16 [24]=32 [40]=48 [100]=112 [1000]=1024 [5000]=5120 [20000]=20480)

# KIND | SIZES | CALL | WHAT | STACKS | the signal
table="
overflow_1         | $small $filled $taken | free    | $beyond B     | a  | 6
overflow_8         | $small $filled $taken | free    | $beyond B     | a  | 6
overflow_64        | $small $filled $taken | free    | $beyond B     | a  | 6
overflow_zero      | $small $filled $taken | free    | $beyond B     | a  | 6
overflow_into_next | $small                | free    | $beyond B     | a  | 6
overflow_realloc   | $small $filled $taken | realloc | $beyond B     | a  | 6
underflow_1        | $small $filled $taken | free    | written to 1 before its begin | a | 6
underflow_8        | $small $filled $taken | free    | written to 8 before its begin | a | 6
write_freed        | $small $filled        | malloc  | $after 0      | af | 6
write_freed        | $taken                | write   | $fault 0      | af | 11
write_freed_last   | $small $filled        | malloc  | $after L      | af | 6
write_freed_last   | $taken                | write   | $fault L      | af | 11
write_freed_zeroes | $small $filled        | malloc  | $after 0      | af | 6
read_freed         | $taken                | read    | $fault H      | af | 11
double_free        | $small $filled $taken | free    | $again        | af | 6
double_free_apart  | $small $filled $taken | free    | $again        | af | 6
realloc_freed      | $small $filled $taken | realloc | $again        | af | 6
usable_freed       | $small $filled $taken | malloc_usable_size | $again | af | 6
free_inside        | $small                | free    | $inside 4     | a  | 6
free_inside        | $filled $taken        | free    | $inside_large 4 | a | 6
free_behind        | $small                | free    | $inside B     | a  | 6
free_behind        | $filled $taken        | free    | $inside_large B | a | 6
sized_smaller      | $small $filled $taken | free_sized | wrong size: L bytes were given | a | 6
sized_larger       | $small $filled $taken | free_sized | wrong size: M bytes were given | a | 6
delete_smaller     | $small $filled $taken | operator delete | wrong size: L bytes were given | n | 6
"

trimmed()
{
	sed 's/^ *//; s/ *$//' <<<"$1"
}

# What is said of it and how it ends: in $said, $status.
run()
{
	said=$({ LD_PRELOAD=$MSTAT_LIBRARY timeout 60 "$program" "$@" 2>&1 >/dev/null; } 2>/dev/null)
	status=$?
}

# functions TITLE: those of ours below that title, the innermost first.
functions()
{
	awk -v title="  $1 by thread" '
		index($0, title) == 1 { shown = 1; next }
		/^  [a-z]/ { shown = 0 }
		shown && /^    #/ { print $2 }' <<<"$said" | sed -n 's/.*+\(0x[0-9a-f]*\)$/\1/p' |
		head -n 1 | while read -r offset; do
		nm --defined-only -n "$program" | awk -v offset="$((offset))" '
			BEGIN { hex = sprintf("%016x", offset) }
			$2 ~ /[tT]/ && $1 < hex { name = $3 }
			END { print name }'
	done
}

check()
{
	local kind=$1 bytes=$2 call=$3 what=$4 stacks=$5 signal=$6 line size

	what=$(sed -E "s/ B$/ $bytes/; s/ L( |$)/ $((bytes - 1))\1/; s/ M / $((bytes + 1)) /
		s/ H$/ $((bytes / 2))/" <<<"$what")
	size=${class[$bytes]:+, size class ${class[$bytes]}}
	run "$kind" "$bytes"
	line=$(head -n 1 <<<"$said" | sed -E 's/\(0x[0-9a-f]+\)/(ADDRESS)/; s/, called from .*//')
	tap_is "$kind of $bytes bytes says what is wrong" \
		"libmstat: $call(ADDRESS): $what, $bytes bytes$size" "$line"
	tap_is "$kind of $bytes bytes ends by the signal" $((128 + signal)) $status
	case $stacks in
	a) tap_is "$kind of $bytes bytes names who allocated" "make_it " \
		"$(functions allocated) $(functions freed)" ;;
	af) tap_is "$kind of $bytes bytes names who allocated and who freed" "make_it free_it" \
		"$(functions allocated) $(functions freed)" ;;
	esac
}

while IFS='|' read -r kind sizes call what stacks signal; do
	kind=$(trimmed "$kind")
	[ -n "$kind" ] || continue
	for bytes in $sizes; do
		check "$kind" "$bytes" "$(trimmed "$call")" "$(trimmed "$what")" "$(trimmed "$stacks")" \
			"$(trimmed "$signal")"
	done
done <<<"$table"

# What is read after it was freed is not found in small ones, but leads nowhere.
for bytes in $small $filled; do
	tap_is "what was freed of $bytes bytes reads 0xde" "reads de" \
		"$(LD_PRELOAD=$MSTAT_LIBRARY "$program" read_freed "$bytes" | head -n 1)"
	tap_is "with zero:1 of $bytes bytes it reads 0" "reads 00" \
		"$(MSTAT_CONF=$MSTAT_CONF,zero:1 LD_PRELOAD=$MSTAT_LIBRARY "$program" read_freed "$bytes" |
			head -n 1)"
done

run aligned_otherwise 640
line=$(head -n 1 <<<"$said" | sed -E 's/\(0x[0-9a-f]+\)/(ADDRESS)/; s/, called from .*//')
tap_is "another alignment than was asked for" \
	"libmstat: free_aligned_sized(ADDRESS): wrong alignment: 128 bytes were given, 640 bytes, size class 704" \
	"$line"

diff <("$program" | sort) <({ awk 'NF { print $1 }' <<<"$table"; echo aligned_otherwise; } | sort -u) |
	tap_none "every kind stands in the table"

tap_done
