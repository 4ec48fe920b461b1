#!/usr/bin/env bash
#
# top.sh - mstat top, on a terminal that python plays and without one, on processes that
# box_maker plays.
#
# Proves: errors are one sentence and their documented status; without a terminal it prints
# the text once; on one the list and a process are shown, keys are followed, any size will
# do, a process that ends is said to have ended, and the terminal is given back however it
# ends.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
mstat=${MSTAT_TOOL:?} maker=${MSTAT_BUILD:?}/tests/tools/box_maker
work=$(mktemp -d) || exit 1
holders=()
trap 'exec 9>&- 2>/dev/null; kill "${holders[@]}" 2>/dev/null; rm -rf "$work"' EXIT
unset MSTAT_CONF LD_PRELOAD XDG_RUNTIME_DIR NO_COLOR
export LC_ALL=C.UTF-8 TZ=UTC TERM=xterm
mkfifo "$work/stdin"
exec 9<>"$work/stdin"

# hold: starts a process that has a box; sets pid.
hold()
{
	rm -f "$work/path"
	mkfifo "$work/path"
	"$maker" hold "$work" <"$work/stdin" >"$work/path" 9>&- &
	pid=$!
	disown
	holders+=("$pid")
	read -r _ <"$work/path"
}

# fails NAME STATUS SENTENCE ARG...: as stated, with nothing on stdout.
fails()
{
	local name=$1 want=$2 sentence=$3

	shift 3
	out=$(timeout 20 "$mstat" top "$@" 2>"$work/stderr" </dev/null)
	tap_is "$name" "$want|$sentence|" "$?|$(cat "$work/stderr")|$out"
}

# ---- the command line -------------------------------------------------------

fails "an interval that is none" 2 "mstat top: soon is no time
Try 'mstat top --help'." --interval soon
fails "an interval that is too short" 2 "mstat top: --interval is at least 100ms, not 10ms
Try 'mstat top --help'." --interval 10ms
fails "a PID that is none" 2 "mstat top: self is no PID
Try 'mstat top --help'." self
fails "two PIDs" 2 "mstat top: one PID at most, not 2
Try 'mstat top --help'." 1 2
fails "an unknown option" 2 "mstat top: unknown option --wat
Try 'mstat top --help'." --wat
fails "a process that is not there" 1 "mstat: there is no process 2147483647" 2147483647
bash -c 'read -r _' <"$work/stdin" &
holders+=($!)
fails "a process without the library" 1 \
	"mstat: process $! (bash) does not run under libmstat" "$!"

# ---- without a terminal -----------------------------------------------------

hold
first=$pid
hold
second=$pid

# once NAME PATTERN ARG...: a line of the text that is printed.
once()
{
	local name=$1 pattern=$2

	shift 2
	out=$(timeout 20 "$mstat" top --interval 100ms "$@" 2>&1 </dev/null)
	tap_is "$name" "0 yes" "$? $(grep -qE -- "$pattern" <<<"$out" && echo yes || echo "$out")"
}

once "without a terminal there is a table" "^ +$first +[0-9.]+M +256.0K +206.0K +0B +0 +1 +sample --with"
once "--once prints the same" "^ +$second .*sample --with" --once
once "of a process all its pages" "^= RSS " --once "$first"
tap_is "they have titles" "ledger classes threads sites" \
	"$(grep -oxE 'ledger|classes|threads|sites' <<<"$out" | tr '\n' ' ' | sed 's/ $//')"
out=$(TERM=dumb timeout 20 "$mstat" top --interval 100ms 2>&1 </dev/null)
tap_is "curses says nothing" 0 "$(grep -ci terminal <<<"$out")"
printf '%s\n' "$out" | grep -n $'\033' | tap_none "and sends nothing"
if [ -c /dev/full ]; then
	timeout 20 "$mstat" top --once --interval 100ms >/dev/full 2>/dev/null
	tap_is "a full disk is not success" 1 $?
fi

# ---- on a terminal ----------------------------------------------------------

command -v python3 >/dev/null || { tap_skip "a terminal" "no python3"; tap_done; }

# watch NAME SIZE STEP... [-- ARG...]: the steps of terminal.py, then q and status 0.
watch()
{
	local name=$1 size=$2 steps=()

	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	tap_run "$name" timeout 300 python3 "$here/terminal.py" "$size" "${steps[@]}" -- \
		"$mstat" top --interval 200ms "$@"
}

watch "the list is shown with its keys, and q ends" 24x80 \
	"top:under libmstat, by live bytes" "see:$first" "see:$second" "see:live/s   allocs/s  thr  command" \
	"see:q quit" send:q ends:0
watch "it is sorted by any key" 24x80 drawn: send:r "top:by RSS" send:a "top:by allocations" \
	send:g "top:by growth" send:p "top:by PID" send:m "top:by live" send:q ends:0
watch "a row is selected and opened, and left" 24x80 drawn: send:p "top:by PID" "see:$second" \
	'send:\e[H' 'send:\e[1~' 'send:kkkk' marked:1 'send:\r' "top:) " "see:[ledger]" "see:= RSS" "see:Esc list" \
	'send:\e' "top:by PID" send:q ends:0
watch "a process has four pages" 24x80 "top:sample ($first)" "see:live objects" send:c \
	"see:[classes]" "see:1,024" "gone:live objects" send:t "see:[threads]" see:worker send:s \
	"see:[sites]" see:fill_identity 'send:	' "see:[ledger]" 'send:\e[Z' "see:[sites]" \
	send:q ends:0 -- "$first"
watch "it scrolls, and what is fixed stays" 12x80 "see:live objects" send:jjj \
	"gone:live objects" "top:sample ($first)" send:kkk "see:live objects" send:q ends:0 -- "$first"
watch "other sizes" 24x80 "see:= RSS" size:40x120 "see:= RSS" "see:q quit" size:5x20 \
	"top:sample" "gone:= RSS" size:1x1 top:s size:2x300 "top:sample ($first)" \
	size:24x80 "see:= RSS" 'send:\e' "see:command" size:5x20 "top:mstat top" size:1x1 \
	size:24x80 "see:$second" send:q ends:0 -- "$first"
for size in 1x1 2x2 3x7 5x20; do
	# What is typed before the screen is there is echoed amid its first sequences.
	watch "a terminal of $size" $size drawn: 'send:j\rctsl\e' send:q ends:0
done
watch "without colour" 24x80 "marked:M" send:q ends:0
NO_COLOR=1 watch "NO_COLOR: what is selected is marked all the same" 24x80 marked:M send:q ends:0
LC_ALL=C watch "without UTF-8" 24x80 "see:$first" send:q ends:0

hold
tap_run "a process that ends is said to have ended, and stays" timeout 300 python3 \
	"$here/terminal.py" 24x80 "see:= RSS" "kill:$pid" "top:PID $pid ended at" "see:= RSS" send:c \
	"see:1,024" "top:its last figures" send:s see:fill_identity 'send:\e' "top:under libmstat" \
	"gone:$pid" "see:$first" send:q ends:0 -- "$mstat" top --interval 200ms "$pid"
hold
tap_run "a process that comes and goes" timeout 300 python3 "$here/terminal.py" 24x80 \
	"see: $pid " "kill:$pid" "gone: $pid " "see: $first " send:q ends:0 -- \
	"$mstat" top --interval 200ms

watch "Ctrl-C gives the terminal back" 24x80 "see:$first" send:^C ends:-2
watch "so does a signal" 24x80 "see:$first" signal:15 ends:-15
TEST_TERM=dumb watch "a dumb terminal gets the text once" 50x100 "see:$first" ends:0
TEST_TERM=nothing-knows-me watch "so does one that nobody knows" 50x100 "see:$first" ends:0
# A printer.
export TERMINFO=$work/terminfo
if tic -o "$TERMINFO" - <<<'paper, am, cols#80, cr=\r, cud1=\n, ind=\n,' 2>/dev/null; then
	TEST_TERM=paper watch "and one that cannot place its cursor" 50x100 "see:$first" ends:0
else
	tap_skip "and one that cannot place its cursor" "no tic"
fi

tap_done
