#!/usr/bin/env bash
#
# fragments.sh - `mstat fragments` of keeper.c, which keeps one object in fifty.
#
# Proves: who keeps is named, with the bytes that he pins to within a tenth of those that are free in
# the pages of what he keeps, beside others who hold as many objects of the same
# size in full spans; all that is pinned is somebody's; each form of the report says the same;
# what cannot be searched is one sentence.

. "${BASH_SOURCE[0]%/*}/preload.sh"

export MSTAT_CONF=${MSTAT_CONF:+$MSTAT_CONF,}dir:$scratch

# start ARGUMENT...: the keeper; sets pid, and truth, the bytes that are pinned.
start()
{
	rm -f "$scratch/in" "$scratch/out"
	mkfifo "$scratch/in" "$scratch/out"
	(preload "$programs/keeper" "$@") <"$scratch/in" >"$scratch/out" 2>"$scratch/stderr" &
	pid=$!
	disown
	exec 8>"$scratch/in" 9<"$scratch/out"
	read -r -t 100 _ truth <&9
	# Whole pages that came free go back while it does something now and then.
	for ((i = 0; i < 60; i++)); do
		echo >&8
		sleep 0.1
	done
}

stop()
{
	exec 8>&- 9<&-
	kill -KILL "$pid"
}

# What a JSON says, in words.  The truth, in bytes, is an argument.
judge='
import json, sys
truth, who = float(sys.argv[1]), sys.argv[2]
report = json.load(sys.stdin)
spans, classes, sites = report["spans"], report["classes"], report["sites"]
def function(site):
    return next((f["function"] for f in site["frames"] if not f["function"].startswith("_")), "")
by = {}
for site in sites:
    by[function(site)] = by.get(function(site), 0) + site["pinned_bytes"]
others = sum(row["pinned_bytes"] for row in report["not_sampled"])
def near(a, b, share):
    return "yes" if abs(a - b) <= share * max(b, 1) + 65536 else "no: %d for %d" % (a, b)
print("the largest is named:", max(by, key=by.get) if by else "nobody")
print("what it pins is so to a tenth:", near(by.get(who, 0), truth, 0.1))
print("classes add up:", near(sum(row["pinned_bytes"] for row in classes), spans["pinned_bytes"], 0.001))
print("sites add up:", near(sum(by.values()) + others, spans["pinned_bytes"], 0.001))
'

all_right="the largest is named: keep_one
what it pins is so to a tenth: yes
classes add up: yes
sites add up: yes"

# pinned NAME BYTES COUNT EVERY [DENSE]
pinned()
{
	local name=$1
	shift
	start "$@"
	tap_is "$name" "$all_right" "$("$MSTAT_TOOL" fragments --json "$pid" 2>&1 |
		python3 -c "$judge" "$truth" keep_one 2>&1)"
	stop
}

# Enough samples that somebody's are there.
conf=$MSTAT_CONF
export MSTAT_CONF=$conf,sample:64k
pinned "one in fifty of 48 bytes" 48 1000000 50
pinned "one in fifty of 112 bytes" 112 500000 50
pinned "one in fifty of 1,008 bytes" 1008 100000 50
pinned "one in ten of 2,048 bytes" 2000 40000 10
pinned "beside as many in full spans" 112 500000 50 10000
pinned "beside as many in spans that are full to the last byte" 512 100000 50 20000
start 512 100000 1
tap_is "of full spans alone what is pinned is the last one's rest" "classes add up: yes
sites add up: yes" "$("$MSTAT_TOOL" fragments --json "$pid" 2>&1 | python3 -c "$judge" "$truth" keep_one 2>&1 | tail -n 2)"
stop
pinned "beside many more in full spans" 112 500000 50 200000

export MSTAT_CONF=$conf,check:full
start 112 200000 50 100000
tap_is "in a checked process each object's call is known" "keep_one have_one main" \
	"$("$MSTAT_TOOL" fragments --json "$pid" | python3 -c '
import json, sys
names = []
for site in json.load(sys.stdin)["sites"]:
    for frame in site["frames"][:1]:
        if frame["function"] in ("keep_one", "have_one"):
            names.append(frame["function"])
            objects = site["objects"]
            if objects != {"keep_one": 4000, "have_one": 100000}[frame["function"]]:
                names.append("%d objects" % objects)
print(*names, "main")')"
stop

export MSTAT_CONF=$conf,sample:64k
start 112 500000 50
"$MSTAT_TOOL" fragments "$pid" >"$scratch/text"
tap_is "as text: status" 0 $?
tap_is "as text: who pins the most comes first" keep_one \
	"$(grep -A 1 ' pinned by ' "$scratch/text" | awk 'NR == 2 { print $1 }')"
tap_is "as text: the class with how full its spans are" "112" \
	"$(sed -n '/^class /{n;p}' "$scratch/text" | awk '{ print $1 }')"
"$MSTAT_TOOL" fragments --flame "$scratch/flame.svg" "$pid"
tap_is "as a picture: it is XML, and names who keeps" "svg yes" "$(python3 -c '
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
text = "".join(root.itertext())
print(root.tag.split("}")[1], "yes" if "keep_one" in text and "pin" in text else text)' \
	"$scratch/flame.svg" 2>&1)"
tap_is "as folded stacks: the outermost first" "main;keep_one" \
	"$("$MSTAT_TOOL" fragments --folded "$pid" | sort -k 2 -n -r -t ' ' | head -n 1 |
		sed 's/ [0-9]*$//; s/.*\(main;.*\)/\1/')"
tap_is "it goes on, and no copy of it is left" "" "$(cat "/proc/$pid/task/$pid/children")"
find "$scratch" -name '*.survey' | tap_none "no file is left"
stop

fails()  # NAME STATUS TEXT ARGUMENT...
{
	local name=$1 status=$2 text=$3 said
	shift 3
	said=$("$MSTAT_TOOL" fragments "$@" 2>&1 >/dev/null)
	tap_is "$name: status" "$status" $?
	tap_is "$name: one sentence" "$text" "$(head -n 1 <<<"$said" | sed -E "s/\([0-9]+\)/(PID)/; s/$pid/PID/")"
}

fails "no process" 2 "mstat fragments: one PID is needed, not 0"
fails "a process that is none" 2 "mstat fragments: x is no PID" x
fails "a number that is none" 2 "mstat fragments: -3 is no number" --top -3 1
fails "two forms for one output" 2 "mstat fragments: only one of --folded, --json and --flame - can go to the output" \
	--json --folded 1
fails "a process that has ended" 1 "mstat: there is no process PID" "$pid"

tap_done
