#!/usr/bin/env bash
#
# sanitizers.sh - programs that are compiled with a sanitizer, and the library that is not.
#
# Proves: AddressSanitizer and ThreadSanitizer report no fault of what coroutines do, and
# those that there are.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
folder=$MSTAT_SOURCE/tests/coro/sanitized

flags=(-g -O1 -pthread -I"$MSTAT_SOURCE/include" -D_GNU_SOURCE)
libraries=(-L"$MSTAT_BUILD/.libs" -Wl,-rpath,"$MSTAT_BUILD/.libs" -lmstat_coro)

# program NAME COMPILER SANITIZER: an executable of that name, if it can be had and runs here.
program()
{
	"$2" "${flags[@]}" -fsanitize="$3" -o "$scratch/$1" "$folder/$1.c" "${libraries[@]}" 2>/dev/null
}

# works COMPILER SANITIZER: a program that does nothing.
works()
{
	command -v "$1" >/dev/null || return
	echo 'int main(void) { return 0; }' >"$scratch/nothing.c"
	"$1" -fsanitize="$2" -o "$scratch/nothing" "$scratch/nothing.c" 2>/dev/null && "$scratch/nothing"
}

is_sound()
{
	local said

	said=$(env "$1" "$scratch/sound" 2>&1)
	tap_is "$2: no fault is reported" sound "$said"
}

# reports OPTIONS FAULT PATTERN NAME
reports()
{
	if env "$1" "$scratch/faulty" "$2" 2>&1 | grep -q "$3"; then
		tap_result 0 "$4: $3 is reported"
	else
		tap_result 1 "$4: $3 is reported"
	fi
}

addresses()
{
	if [ -n "${MSTAT_RUN:-}" ] || ! works "$1" address; then
		tap_skip "$1 address" "there is none here"
		return
	fi
	tap_run "$1 address: it compiles" program sound "$1" address
	tap_run "$1 address: the faults compile" program faulty "$1" address
	for returns in 0 1; do
		is_sound ASAN_OPTIONS=detect_stack_use_after_return=$returns "$1 address, returns $returns"
	done
	reports ASAN_OPTIONS= overflow stack-buffer-overflow "$1 address"
	reports ASAN_OPTIONS=detect_stack_use_after_return=1 return stack-use-after-return "$1 address"
	reports ASAN_OPTIONS=detect_leaks=1 leak '77 byte(s) leaked' "$1 address"
}

threads()
{
	if [ -n "${MSTAT_RUN:-}" ] || ! works "$1" thread; then
		tap_skip "$1 thread" "there is none here"
		return
	fi
	tap_run "$1 thread: it compiles" program sound "$1" thread
	tap_run "$1 thread: the faults compile" program faulty "$1" thread
	is_sound TSAN_OPTIONS= "$1 thread"
	reports TSAN_OPTIONS= race 'data race' "$1 thread"
}

for compiler in gcc clang; do
	addresses "$compiler"
	threads "$compiler"
done

tap_done
