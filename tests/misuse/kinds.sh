# kinds.sh - for the tests that source it: what a mode of MSTAT_CONF finds of the kinds of
# misuse in checked.c, row by row of a table.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

program=${MSTAT_BUILD:-build}/tests/misuse/checked
ulimit -c 0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# The sentences; # stands for any number.
beyond='written to beyond its end, at byte'
after='written to after it was freed, at byte'
again='double free: the object was freed before'
inside='not the start of an object: inside one, at byte'
inside_large='not the start of an object: inside a large one, at byte'
fault='used after it was freed, at byte'

beside='used beyond its end, at byte'

# The class that BYTES are of, if the sentence says one.
declare -A class=()

# Objects that are made before the one that is meant.
before=0

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
	local kind=$1 bytes=$2 call=$3 what=$4 stacks=$5 signal=$6 line size numbers

	what=$(sed -E "s/ B$/ $bytes/; s/ L( |$)/ $((bytes - 1))\1/; s/ M / $((bytes + 1)) /
		s/ H$/ $((bytes / 2))/" <<<"$what")
	case $what in *"#"*) numbers='s/(byte|used) [0-9]+/\1 #/' ;; *) numbers= ;; esac
	size=${class[$bytes]:+, size class ${class[$bytes]}}
	run "$kind" "$bytes" "$before"
	line=$(head -n 1 <<<"$said" | sed -E 's/\(0x[0-9a-f]+\)/(ADDRESS)/; s/, called from .*//;'"$numbers")
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

# table ROWS: KIND | SIZES | CALL | WHAT | STACKS | the signal.  In WHAT stand B for the object's
# bytes, L for one less, M for one more, H for a half.  STACKS: a, who allocated; f, who freed.
table()
{
	while IFS='|' read -r kind sizes call what stacks signal; do
		kind=$(trimmed "$kind")
		[ -n "$kind" ] || continue
		for bytes in $sizes; do
			check "$kind" "$bytes" "$(trimmed "$call")" "$(trimmed "$what")" \
				"$(trimmed "$stacks")" "$(trimmed "$signal")"
		done
	done <<<"$1"
}
