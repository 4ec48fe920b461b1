#!/usr/bin/env bash
#
# bench/instructions.sh - instructions of a malloc+free pair, counted.
#
# callgrind counts the same on a busy machine as on an idle one.  Two runs of
# bench/pair whose counts of pairs differ give the cost of a pair: the two
# functions, their way through the PLT (2) and the loop around them (7).
#
# usage: bench/instructions.sh [NAME=LIBRARY...]
# Rows go to standard output; glibc and libmstat are always among them.

set -eu
build=${MSTAT_BUILD:-build}
few=100000 many=300000

instructions()  # LIBRARY BYTES COUNT
{
	local log
	log=$(mktemp)
	LD_PRELOAD=$1 valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		"$build/bench/pair" "$2" "$3" 2>"$log" >/dev/null || { cat "$log" >&2; return 1; }
	sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log"
	rm -f "$log"
}

pair()  # LIBRARY BYTES: to one decimal
{
	local less more
	less=$(instructions "$1" "$2" $few)
	more=$(instructions "$1" "$2" $many)
	awk -v d=$((more - less)) -v n=$((many - few)) 'BEGIN { printf "%.1f", d / n }'
}

command -v valgrind >/dev/null || { echo "instructions.sh: no valgrind" >&2; exit 1; }
printf '# host %s, kernel %s, %s, commit %s, command: %s\n' "$(uname -m)" "$(uname -r)" \
	"$(${CC:-cc} --version | head -n 1)" "$(git rev-parse --short HEAD 2>/dev/null || echo none)" \
	"bench/instructions.sh $*"
echo "bench,allocator,bytes,instructions_per_pair"
for peer in "glibc=" "libmstat=$(realpath "$build/.libs/libmstat.so")" "$@"; do
	for bytes in 16 64 1024 32768; do
		echo "pair,${peer%%=*},$bytes,$(pair "${peer#*=}" $bytes)"
	done
done
