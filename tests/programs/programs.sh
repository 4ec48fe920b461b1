# tests/programs/programs.sh - what the scripts of this suite share, to be sourced.
#
#     needs PROGRAM...             or the script is skipped by name
#     with WAY CMD...              replaces this subshell by CMD, in one of these ways:
#         plain                    without the library
#         preloaded                with it
#         hinted                   with it and MSTAT_CONF=noscan_strings:1
#     work NAME CMD...             CMD does the same work in all three ways
#     bound_everywhere NAME COUNT CMD...   CMD's malloc, and that of COUNT processes in
#                                  all, is the library's and nobody else's
#     kept NAME PID...             processes that run: the library is theirs, and mstat
#                                  tells what they hold
#     listed NAME PID...           mstat ls lists them
#     storm PID...                 sends each the dump signal over and over, until
#     storm_ends NAME COUNT        which looks at what they wrote
#     ended SECONDS PID            its status, once it has ended
#     quiet NAME FILE...           nothing in these is from the library
#     nothing_left                 neither a process nor a box
#     boxes_are_of_the_dead NAME   what programs leave that kill their children
#     programs_done                quiet, nothing_left and the plan
#
# The library that is preloaded is a copy in the scratch folder, so that another user
# may read it, and so that whoever has it mapped is known to be ours.  A script that runs
# its programs as somebody else puts the words for that into the array `as`.

. "${BASH_SOURCE[0]%/*}/../preload/preload.sh"

unset MSTAT_CONF LD_PRELOAD
ways=(preloaded hinted)
as=()
settings=()
more_conf=
boxes=$scratch/boxes
dumps=$scratch/dumps
# Real-time, so that no program has a use of its own for it, and none that is sent is lost.
dump_signal=RTMIN+9

mkdir "$boxes" "$dumps" "$scratch/said" || exit 1
chmod 711 "$scratch"
chmod 1777 "$boxes" "$dumps" "$scratch/said"
cp "$MSTAT_LIBRARY" "$scratch/libmstat.so" || exit 1
chmod 755 "$scratch/libmstat.so"
MSTAT_LIBRARY=$scratch/libmstat.so

needs()
{
	local program

	for program; do
		command -v "$program" >/dev/null || tap_skip_all "${program##*/} is not installed"
	done
}

# As an ordinary user this shell's own rights do; root steps down to one who has none.
as_nobody()
{
	[ "$(id -u)" -eq 0 ] || return 0
	as=(setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups --inh-caps=-all)
	"${as[@]}" test -r "$MSTAT_LIBRARY" 2>/dev/null ||
		tap_skip_all "an ordinary user cannot be become, or not reach $scratch"
}

# env comes after whoever changes the user: the box is the program's own from the start.
with()
{
	local way=$1 conf

	shift
	conf=dir:$boxes,signal:$dump_signal,dump:$dumps/%p-%n.json,dump_format:json
	case $way in
	plain) exec "${as[@]}" "$@" ;;
	hinted) conf=$conf,noscan_strings:1 ;;
	esac
	conf=$conf${more_conf:+,$more_conf}
	exec "${as[@]}" env "${settings[@]}" "MSTAT_CONF=$conf" "LD_PRELOAD=$MSTAT_LIBRARY" "$@"
}

# in_fresh_folder WAY CMD...: stdin, output and status in files of the way's name.  The
# folder has the same path each time, since many an output names it.
in_fresh_folder()
{
	local way=$1

	shift
	rm -rf "$scratch/work"
	mkdir -m 777 "$scratch/work"
	(cd "$scratch/work" && with "$way" timeout -k 10 "${work_limit:-600}" "$@") \
		<"$scratch/work-stdin" >"$scratch/work-$way" 2>"$scratch/said/work"
	echo "status $?" >>"$scratch/work-$way"
	cat "$scratch/said/work" >>"$scratch/said/$way"
}

work()
{
	local name=$1 way

	shift
	cat >"$scratch/work-stdin"
	in_fresh_folder plain "$@"
	tap_is "$name: without the library it ends well" "status 0" "$(tail -n 1 "$scratch/work-plain")"
	for way in "${ways[@]}"; do
		in_fresh_folder "$way" "$@"
		if cmp -s "$scratch/work-plain" "$scratch/work-$way" &&
			[ "$(wc -l <"$scratch/work-$way")" -gt 1 ]; then
			tap_result 0 "$name: $way it does the same"
			continue
		fi
		tap_result 1 "$name: $way it does the same"
		{
			diff "$scratch/work-plain" "$scratch/work-$way" | head -n 15
			tail -n 10 "$scratch/said/work"
		} | tap_note
	done
	rm -rf "$scratch/work"
}

# who_binds LIBRARY-PATTERN: the files of a run with LD_DEBUG=bindings in which a malloc
# is looked up and found there.
who_binds()
{
	grep -lE "binding file .* to ($1) .*: normal symbol .malloc'" "$scratch"/bindings/*
}

bound_everywhere()
{
	local name=$1 count=$2 found

	shift 2
	mkdir -m 777 "$scratch/bindings"
	(
		settings=(LD_DEBUG=bindings "LD_DEBUG_OUTPUT=$scratch/bindings/of")
		with preloaded timeout -k 10 "${work_limit:-600}" "$@"
	) >/dev/null 2>"$scratch/said/bindings" </dev/null
	found=$(who_binds "$MSTAT_LIBRARY" | wc -l)
	[ "$found" -ge "$count" ]
	tap_result $? "$name: the malloc of $count processes at least is the library's"
	echo "of $found" | tap_note
	# Where a program that stands at a fixed place has the address of malloc, that is a
	# jump of its own to what it is bound to.
	sed -nE "/normal symbol .malloc'/{ s/ \[[0-9]*\]//g; s,.*binding file (.*) to (.*): normal .*,\1 \2,p }" \
		"$scratch"/bindings/* | sort -u | awk -v library="$MSTAT_LIBRARY" '
			$2 == library { jumps[$1] = 1 }
			$1 != library && $2 != library { others[$0] = $2 }
			END { for (pair in others) if (!(others[pair] in jumps)) print pair }' |
		tap_none "$name: and no other's"
	rm -rf "$scratch/bindings"
}

# ---- processes that go on ------------------------------------------------------

# shown KEY PID...: of what mstat tells of each, as JSON; dots lead into it.
shown()
{
	local key=$1 pid

	shift
	for pid; do
		"$MSTAT_TOOL" show --json "$pid" 2>&1 | /usr/bin/python3 -c '
import json, sys
text = sys.stdin.read()
try:
    value = json.loads(text)
    for name in sys.argv[1].split("."):
        value = value[name]
    print(value)
except (ValueError, LookupError, TypeError):
    print("none in:", text[:300])' "$key"
	done
}

# is_shown PID: it has come so far that it has a box, and that its handler is there.
is_shown()
{
	"$MSTAT_TOOL" show --json "$1"
}

# children PID: and theirs.
children()
{
	local child

	for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
		echo "$child"
		children "$child"
	done
}

kept()
{
	local name=$1 pid

	shift
	for pid; do
		grep -qsF "$MSTAT_LIBRARY" "/proc/$pid/maps" || echo "$pid is without the library"
	done | tap_none "$name: the library is in all $# of them"
	shown totals.nmalloc "$@" | grep -vE '^[1-9][0-9]{2,}$' |
		tap_none "$name: and mstat show tells what each allocated"
}

# The list has all boxes of the machine and may take a while: for those that go on until
# they are told to end.
listed()
{
	local name=$1 pid list

	shift
	list=$("$MSTAT_TOOL" ls --json --dir "$boxes")
	for pid; do
		grep -qE "\"pid\": $pid,?\$" <<<"$list" || echo "no $pid"
	done | tap_none "$name: mstat ls lists each"
}

storm_pid=

# A hundred rounds at most; who has ended is not missed.
storm()
{
	(
		for _ in {1..100}; do
			kill "-$dump_signal" "$@" 2>/dev/null
			sleep 0.05
		done
	) &
	storm_pid=$!
}

# storm_ends NAME COUNT: as many dumps at least, each of them well-formed and adding up
# as far as it can while threads run.
storm_ends()
{
	local name=$1 count=$2

	wait $storm_pid
	sleep 0.5
	/usr/bin/python3 - "$dumps" >"$scratch/storm" 2>&1 <<'PYTHON'
import collections, json, os, sys

dumps = collections.Counter()
for entry in os.scandir(sys.argv[1]):
    try:
        with open(entry.path) as file:
            dump = json.load(file)
        totals, classes = dump["totals"], dump["classes"]
        assert dump["pid"] == int(entry.name.split("-")[0]), "another's pid"
        assert totals["heap_sys"] == totals["heap_inuse"] + totals["heap_idle"], "heap_sys"
        assert totals["heap_alloc"] == totals["alloc"] + totals["magazine_bytes"], "heap_alloc"
        # The classes are read after the totals, while other threads go on.
        counted = sum(row["nmalloc"] for row in classes) + totals["large_nmalloc"]
        alone = sum(row["state"] == "live" for row in dump["threads"]) == 1
        assert counted == totals["nmalloc"] if alone else counted >= totals["nmalloc"], "nmalloc"
        assert dump["threads"] and classes, "no rows"
        dumps[dump["pid"]] += 1
    except (AssertionError, LookupError, ValueError) as error:
        print(f"bad {entry.name}: {error!r}")
print("dumps", sum(dumps.values()))
print("of", " ".join(f"{pid}:{count}" for pid, count in sorted(dumps.items())))
PYTHON
	grep -vE '^(dumps [0-9]+|of( [0-9]+:[0-9]+)*)$' "$scratch/storm" |
		tap_none "$name: each dump is well-formed and adds up"
	[ "$(sed -n 's/^dumps //p' "$scratch/storm")" -ge "$count" ]
	tap_result $? "$name: it wrote $count dumps at least"
	sed -n '/^dumps\|^of/p' "$scratch/storm" | tap_note
	rm -f "$dumps"/*
}

# waits_for SECONDS COMMAND...: until it succeeds.
waits_for()
{
	local tenths=$(($1 * 10))

	shift
	for ((; tenths > 0; tenths--)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	return 1
}

# ended SECONDS PID: the status of a child of this shell; one that goes on for so long is
# killed, which then is its status.
ended()
{
	waits_for "$1" has_ended "$2" || kill -KILL "$2"
	wait "$2" 2>/dev/null
}

has_ended()
{
	[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# ---- the end ---------------------------------------------------------------------

# A dump says on stderr where it is; nothing else is said by anybody who does no wrong.
quiet()
{
	local name=$1

	shift
	{
		grep -haE 'libmstat|ld\.so: ' "$@" /dev/null 2>&1 | grep -vaE 'libmstat: dump written to '
		[ -r "$1" ] || echo "nothing was kept of what was said"
	} | head -n 10 | tap_none "$name"
}

processes_left()
{
	grep -lF "$scratch/" /proc/[0-9]*/maps 2>/dev/null | grep -v "^/proc/$$/"
}

is_left()
{
	[ -z "$(processes_left; find "$boxes" -name '*.box')" ]
}

# Who was told to end may still be about it.
nothing_left()
{
	local maps path

	waits_for 10 is_left
	for maps in $(processes_left); do
		tr '\0' ' ' <"${maps%/maps}/cmdline"
		echo "(${maps//[!0-9]/})"
	done | tap_none "no process is left"
	while read -r path; do
		echo "$path of $("$MSTAT_TOOL" show "$path" 2>&1 | sed -n 's/^command *//p')"
	done < <(find "$boxes" -name '*.box') | tap_none "no box is left"
}

no_process_is_left()
{
	[ -z "$(processes_left)" ]
}

# boxes_are_of_the_dead NAME: for programs that kill processes of theirs, whose boxes are
# kept.  In a pid namespace that has ended they had numbers that here are another's; one
# that was killed while it made its box left zeroes.
boxes_are_of_the_dead()
{
	waits_for 20 no_process_is_left
	processes_left | tap_none "$1: no process is left"
	"$MSTAT_TOOL" ls --json --all --dir "$boxes" | /usr/bin/python3 -c '
import json, sys
for box in json.load(sys.stdin)["boxes"]:
    path, state = box["path"], box["state"]
    if not path.startswith(sys.argv[1] + "/") or state in ("ended", "replaced"):
        continue
    if state != "damaged" or open(path, "rb").read(4096).strip(b"\0"):
        print(path, state)' "$boxes" | tap_none "$1: nor a box of a living one"
	find "$boxes" -name '*.box' -delete
}

programs_done()
{
	quiet "the library said nothing" "$scratch"/said/*
	nothing_left
	tap_done
}
