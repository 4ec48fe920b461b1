#!/usr/bin/env bash
#
# barriers.sh - what can be seen of the stack from below barriers: rule B18.  What exceptions
# and panics do there is the programs' (programs/thrown.cc, programs/marked.c).
#
# Proves: backtrace(), the unwinder that C++ uses and gdb see each function, in order, to
# the coroutine's first one, with a barrier at every frame and with some: where control
# is, in a signal's handler, over the edges of stacks, in deferred calls, where a longjmp()
# left barriers behind, in an exception's landing pad and where it is caught; on a stack
# that was moved, on another thread, with a library that is stripped; in C and C++, at
# two levels of optimisation.  gdb finishes functions through barriers, and sees them at
# each instruction of a trampoline.

. "${BASH_SOURCE[0]%/*}/../tap.sh"
. "${BASH_SOURCE[0]%/*}/gdb.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$MSTAT_SOURCE" || exit 1

flags=(-g -pthread -D_GNU_SOURCE -I. -Iinclude)
libraries=(-rdynamic -L"$MSTAT_BUILD/.libs" -Wl,-rpath,"$MSTAT_BUILD/.libs" -lmstat_coro)
program=$scratch/program

# build CC COMPILER FLAG...: seen.c by the first.
build()
{
	"$1" "${flags[@]}" -o "$scratch/seen.o" -c tests/coro/seen.c &&
		"${@:2}" "${flags[@]}" -o "$program" tests/coro/barriers.c -x none "$scratch/seen.o" \
			"${libraries[@]}"
}

# ---- what should be seen ----------------------------------------------------

below='inner (barrier) middle (barrier) outer (barrier)'
everywhere="inner: stop_here $below in_inner (barrier)
hit: stop_here after_one (barrier) above_one (barrier) after_hit (barrier)
handler: stop_here handler (signal) raises $below in_handler (barrier)
callback: stop_here called_back (signal) foreign_inner foreign_outer (signal) calls_out \
$below in_callback (barrier)
panic: stop_here deferred panics $below in_panic (barrier)
scope: stop_here lexical leaves $below at_scope (barrier)"
with_records="passed: stop_here lexical panics $below passed_by (barrier) in_passed (barrier)"
unwound='passed: stop_here lexical passed_by in_passed (barrier)'
jump='jump: stop_here again after_jump (barrier)'
thrown="landing: stop_here left throws_past (barrier) in_landing (barrier)
catch: stop_here in_catch (barrier)
below: stop_here catches $below below_catch (barrier)"

# expected LANGUAGE [ARGUMENT...]: what setjmp() noted does not move.
expected()
{
	echo "$everywhere"
	case $1 in
	C) echo "$with_records" ;;
	*) echo "$unwound" ;;
	esac
	[ "${2:-}" = moved ] || echo "$jump"
	[ "$1" != C++ ] || echo "$thrown"
}

without()
{
	sed -E "s/ \\(($1)\\)//g"
}

# ---- what is seen -----------------------------------------------------------

# A line for each place and unwinder, "PLACE: FUNCTION...".
by_unwinder()
{
	awk -v unwinder="$1:" '$1 == "place:" { place = $2 } $1 == unwinder { $1 = place ":"; print }'
}

# gdb_sees ARGUMENT...: the same, with barriers and the edges of stacks.
gdb_sees()
{
	local at_each=()

	for _ in {1..12}; do
		at_each+=(-ex bt -ex continue)
	done
	debug -ex 'handle SIGUSR1 nostop noprint pass' -ex 'break stop_here' -ex run "${at_each[@]}" \
		--args "$program" "$@" | grep -E '^(place:|#|Backtrace stopped)' |
		while read -r first rest; do
			case $first in
			place:) printf '\n%s:' "$rest" ;;
			*) printf ' %s' "$(names <<<"$first $rest" | of_the_program | not_of_libc)" ;;
			esac
		done | sed -E '/^$/d; s/  +/ /g; s/ $//; s/( \(barrier\))+/ (barrier)/g'
}

not_of_libc()
{
	grep -vE '^(__GI_|__pthread_|raise$|gsignal$)'
}

# seen WHERE LANGUAGE ARGUMENT...
seen()
{
	local where=$1 want output unwinder

	want=$(expected "${@:2}")
	shift 2
	output=$($MSTAT_RUN "$program" "$@" 2>&1)
	for unwinder in backtrace unwinder; do
		tap_is "$unwinder $where" "$(without 'barrier|signal' <<<"$want")" \
			"$(by_unwinder "$unwinder" <<<"$output")"
	done
	if [ -n "$cannot_debug" ]; then
		tap_skip "gdb $where" "$cannot_debug"
	elif [[ " $* " == *" spaced "* ]]; then
		tap_is "gdb $where" "$(without barrier <<<"$want")" "$(gdb_sees "$@" | without barrier)"
	else
		tap_is "gdb $where" "$want" "$(gdb_sees "$@")"
	fi
}

# ---- gdb goes on ------------------------------------------------------------

# Where control is, and what is left of it: the first of each backtrace, or the end.
stops()
{
	sed -nE '/^#0/p; s/^\[Inferior .* exited normally\]$/#0 exited/p' | names | xargs
}

# finishes WHERE: from the innermost, and from another one.
finishes()
{
	local all=()

	for _ in {1..9}; do
		all+=(-ex finish -ex 'bt 1')
	done
	tap_is "gdb finishes each function $1" \
		'inner (barrier) middle (barrier) outer (barrier) in_inner (barrier) switch_start exited' \
		"$(debug -ex 'break stop_here' -ex run "${all[@]}" -ex continue --args "$program" inner | stops)"
	tap_is "gdb finishes one that called others $1" '(barrier) in_inner exited' \
		"$(debug -ex 'break stop_here' -ex run -ex 'frame function outer' -ex finish -ex 'bt 1' \
			-ex finish -ex 'bt 1' -ex continue --args "$program" inner | stops)"
}

cat >"$scratch/steps" <<'END'
break stop_here
run
finish
finish
up
set $goal = $pc
down
set $steps = 0
while $pc != $goal && $steps < 500
	echo step:\n
	bt
	stepi
	set $steps = $steps + 1
end
printf "%d steps\n", $steps
END

# steps WHERE: from where inner() returns to, until it is back in middle().
steps()
{
	local seen

	seen=$(debug -x "$scratch/steps" --args "$program" inner | sed '1,/^step:/d')
	[[ $seen =~ ([0-9]+)' steps' ]] && [ "${BASH_REMATCH[1]}" -gt 20 ] && [ "${BASH_REMATCH[1]}" -lt 500 ]
	tap_result $? "gdb steps through a trampoline $1"
	grep -E '^(step:|#|Backtrace stopped)' <<<"$seen" | names |
		awk '$1 == "step:" { print line; line = ""; next } $1 == "middle" || line != "" { line = line $1 " " }
			END { print line }' | sort -u | sed 's/ $//' >"$scratch/seen"
	tap_is "gdb sees the frames at each instruction of it $1" \
		'middle (barrier) outer (barrier) in_inner (barrier) switch_start' \
		"$(cat "$scratch/seen")"
}

# What gdb knows of the library's functions is then what is exported.
stripped()
{
	if [ -n "$cannot_debug" ]; then
		tap_skip "gdb with a library that is stripped" "$cannot_debug"
		return
	fi
	strip -o "$scratch/libmstat_coro.so.0" "$MSTAT_BUILD/.libs/libmstat_coro.so.0"
	tap_is "gdb with a library that is stripped" "$(expected C++ | without 'barrier|signal')" \
		"$(LD_LIBRARY_PATH=$scratch gdb_sees | without 'barrier|signal' | sed 's/ ??//g')"
}

# moves WHERE: as gdb moves on, with the program that was built last.
moves()
{
	if [ -n "$cannot_debug" ]; then
		tap_skip "gdb moves on $1" "$cannot_debug"
	else
		finishes "$1"
		steps "$1"
	fi
}

# ---- each compiler ----------------------------------------------------------

# LANGUAGE CC COMPILER...; in a cross build each makes programs for the other machine.
# gcc puts landing pads into functions of their own, which have no name.
compilers()
{
	local prefix='' target=''

	if [ -n "${MSTAT_HOST:-}" ]; then
		prefix=$MSTAT_HOST- target="--target=$MSTAT_HOST"
	fi
	while read -r language flags; do
		echo "$language ${prefix}gcc ${prefix}$flags -fno-reorder-blocks-and-partition"
	done <<-'END'
		C gcc -std=gnu17
		exceptions gcc -std=gnu17 -fexceptions
		C++ g++ -x c++ -std=gnu++17
	END
	while read -r language flags; do
		echo "$language ${prefix}gcc $flags $target"
	done <<-'END'
		C clang -std=gnu17
		exceptions clang -std=gnu17 -fexceptions
		C++ clang++ -x c++ -std=gnu++17
	END
}

while read -r language cc compiler; do
	for optimisation in -O0 -O2; do
		read -ra command <<<"$compiler $optimisation"
		where="in $language by ${command[0]} $optimisation"
		[ "$language" != exceptions ] || where="in C with exceptions by ${command[0]} $optimisation"
		if ! command -v "${command[0]}" >/dev/null || ! command -v "$cc" >/dev/null; then
			tap_skip "$where" "there is no ${command[0]} or no $cc"
			continue
		fi
		rm -f "$program"
		tap_run "the program builds $where" build "$cc" "${command[@]}"
		[ -x "$program" ] || continue
		seen "$where" "$language"
		seen "$where, spaced" "$language" spaced
	done
done < <(compilers)

# The last one that was built.
if [ -x "$program" ]; then
	seen "on a stack that was moved" C++ moved
	seen "on another thread" C++ thread
	stripped
	moves "$where"
fi

tap_done
