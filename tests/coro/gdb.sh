# tests/coro/gdb.sh - what gdb sees at stop_here(), to be sourced after tap.sh.

debug()
{
	LC_ALL=C gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'set confirm off' "$@" </dev/null 2>&1
}

# A container may forbid to trace.
cannot_debug=
if [ -n "${MSTAT_RUN:-}" ]; then
	cannot_debug="gdb would debug the emulator"
elif ! command -v gdb >/dev/null; then
	cannot_debug="there is no gdb"
elif ! debug -ex run -ex 'print $_exitcode' "$(command -v true)" | grep -q '^\$1 = 0$'; then
	cannot_debug="gdb cannot run a program here"
fi

# frames PROGRAM ARGUMENT...: gdb's backtrace at the place.
frames()
{
	debug -ex 'break stop_here' -ex run -ex bt --args "$@" |
		sed -nE '/^#0/,${ /^(#|Backtrace stopped)/p; }'
}

# The names of functions, one a line; "(signal)" at each edge of a stack, and "(barrier)".
names()
{
	sed -E 's/^#[0-9]+ +(0x[0-9a-f]+ in )?//; s/^<signal handler called>/(signal)/
		s/^(coro_barrier|barrier_trampolines) .*/(barrier)/; s/ .*//'
}

# The library's own functions, some of which may be inlined, are left out.
of_the_program()
{
	grep -vE '^(coro_|defer_|panic_|callback_run|foreign_run|frame_call|record_|switch_)'
}
