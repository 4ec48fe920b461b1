#!/usr/bin/env bash
#
# levels.sh - the programs of programs/ at each level of optimisation, by each compiler.
#
# Proves: what deferred calls, panics and recovery do does not depend on how a compiler
# lays out frames, keeps variables, inlines, or makes jumps of calls.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
folder=tests/coro/programs
cd "$MSTAT_SOURCE" || exit 1

flags=(-pthread -I. -Iinclude)
libraries=(-L"$MSTAT_BUILD/.libs" -Wl,-rpath,"$MSTAT_BUILD/.libs" -lmstat_coro)

# program SOURCE COMPILER FLAG...
program()
{
	"${@:2}" "${flags[@]}" -o "$scratch/program" "$1" "$scratch/cases.o" "${libraries[@]}" &&
		$MSTAT_RUN "$scratch/program"
}

# level CC CXX FLAG...: all programs as these make them.
level()
{
	local source cc=$1 cxx=$2

	shift 2
	"$cc" "$@" "${flags[@]}" -o "$scratch/cases.o" -c "$folder/cases.c" || return
	for source in "$folder"/*.c "$folder"/*.cc; do
		case $source in
		*/cases.c) ;;
		*/lexical.c | */marked.c)
			program "$source" "$cc" "$@" -std=gnu17 || return
			program "$source" "$cc" "$@" -std=gnu17 -fexceptions || return
			;;
		*.c) program "$source" "$cc" "$@" -std=gnu17 || return ;;
		*) program "$source" "$cxx" "$@" -std=gnu++17 || return ;;
		esac
	done
}

# In a cross build each makes programs for the other machine.
compilers()
{
	if [ -n "${MSTAT_HOST:-}" ]; then
		echo "$MSTAT_HOST-gcc $MSTAT_HOST-g++"
		echo "clang clang++ --target=$MSTAT_HOST"
	else
		echo 'gcc g++'
		echo 'clang clang++'
	fi
}

while read -r cc cxx target; do
	for optimisation in -O0 -O2 -O3 -Os; do
		if command -v "$cc" >/dev/null && command -v "$cxx" >/dev/null; then
			tap_run "$cc $optimisation" level "$cc" "$cxx" ${target:+"$target"} "$optimisation"
		else
			tap_skip "$cc $optimisation" "there is no $cc or no $cxx"
		fi
	done
done < <(compilers)

tap_done
