#!/usr/bin/env bash
#
# bench/instructions.sh - instructions of an allocation and its free, counted.
#
# callgrind counts the same on a busy machine as on an idle one.  Two runs whose
# numbers of pairs differ give the cost of a pair.  What the benchmark's own
# object executes is left out: the loop, and its calls' way through the PLT.
#
# usage: bench/instructions.sh [NAME=LIBRARY...]
# Rows go to standard output; glibc and libmstat are always among them.  KINDS in
# the environment chooses some of pair, aligned, new, sized, hinted; SIZES some sizes.

set -eu
build=$(realpath "${MSTAT_BUILD:-build}")
few=20000 many=100000
kinds=${KINDS:-pair aligned new sized hinted}
sizes=${SIZES:-8 16 32 64 128 256 512 1024 2048 4096 8192 16384 32768}

# One callgrind file's costs by object, that of $1 not counted.  The line behind
# calls= is what the callee cost, which stands in its own lines too.
outside_of()  # OBJECT FILE
{
	awk -v own="$1" '
		/^ob=/ { ours = $0 == "ob=" own; next }
		/^calls=/ { getline; next }
		/^[0-9]/ && !ours { sum += $2 }
		END { print sum }
	' "$2"
}

instructions()  # LIBRARY PROGRAM ARGUMENT...
{
	local library=$1 program=$build/bench/$2 out log
	shift 2
	out=$(mktemp) log=$(mktemp)
	LD_PRELOAD=$library valgrind --tool=callgrind --callgrind-out-file="$out" \
		--compress-strings=no --compress-pos=no "$program" "$@" >"$log" 2>&1 ||
		{ cat "$log" >&2; return 1; }
	outside_of "$program" "$out"
	rm -f "$out" "$log"
}

# To one decimal: slow paths are shared by many.  Nothing if it does not run there.
each()  # LIBRARY PROGRAM ARGUMENT...
{
	local less more
	less=$(instructions "$@" $few) && more=$(instructions "$@" $many) || return 0
	awk -v d=$((more - less)) -v n=$((many - few)) 'BEGIN { printf "%.1f", d / n }'
}

count()  # KIND LIBRARY BYTES
{
	case $1 in
	pair) each "$2" pair "$3" ;;
	aligned) each "$2" aligned 64 "$3" ;; # posix_memalign to a cache line
	new) each "$2" newdelete plain "$3" ;;
	sized) each "$2" newdelete sized "$3" ;;
	hinted) each "$2" tiny pair hinted "$3" ;; # malloc, where no hint is heard
	*) echo "instructions.sh: no kind $1" >&2; return 1 ;;
	esac
}

command -v valgrind >/dev/null || { echo "instructions.sh: no valgrind" >&2; exit 1; }
printf '# host %s, kernel %s, %s, commit %s, command: %s\n' "$(uname -m)" "$(uname -r)" \
	"$(${CC:-cc} --version | head -n 1)" "$(git rev-parse --short HEAD 2>/dev/null || echo none)" \
	"bench/instructions.sh $(sed -E 's,=[^ ]*/,=,g' <<<"$*")"
echo "bench,allocator,bytes,instructions_per_pair"
for peer in "glibc=" "libmstat=$(realpath "${MSTAT_LIBRARY:-$build/.libs/libmstat.so}")" "$@"; do
	for kind in $kinds; do
		for bytes in $sizes; do
			echo "$kind,${peer%%=*},$bytes,$(count "$kind" "${peer#*=}" "$bytes")"
		done
	done
done
