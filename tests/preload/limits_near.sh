#!/usr/bin/env bash
#
# limits_near.sh - a process near its memory limit: limits_near.c.
#
# Proves: what a control group's limit, that of one above it, RLIMIT_AS, RLIMIT_DATA and
# MSTAT_CONF's limit are is in the box; near it there is a snapshot with who had grown, which
# outlives SIGKILL by the kernel; a limit that is changed is noticed; it is told once; idle
# memory goes back; with limit:auto the same program lives where it else is killed.
#
# $MSTAT_CGROUP is a folder of the memory controller in which groups may be made; if it is not
# said, that of this process.

. "${BASH_SOURCE[0]%/*}/preload.sh"

mstat=${MSTAT_TOOL:?}
program=$programs/limits_near
unset XDG_RUNTIME_DIR
conf=dir:$scratch,sample:64k
folder=$scratch/mstat-$(id -u)
groups=()

groups_remove()
{
	local i

	for ((i = ${#groups[@]} - 1; i >= 0; i--)); do
		rmdir "${groups[i]}"
	done
	rm -rf "$scratch"
}
trap groups_remove EXIT

# parent_find: where groups may be made, in $parent.
parent_find()
{
	parent=${MSTAT_CGROUP:-}
	[ -n "$parent" ] && return
	parent=/sys/fs/cgroup/memory$(awk -F : '$2 ~ /(^|,)memory(,|$)/ { print $3 }' /proc/self/cgroup)
	[ -e "$parent/memory.limit_in_bytes" ] ||
		parent=/sys/fs/cgroup$(awk -F : '$1 == 0 { print $3 }' /proc/self/cgroup)
}

# group_make FOLDER MIB: 0: no limit.
group_make()
{
	mkdir "$1" 2>/dev/null || return
	groups+=("$1")
	[ "$2" = 0 ] && return
	if [ -e "$1/memory.limit_in_bytes" ]; then
		limit_file=memory.limit_in_bytes
	else
		limit_file=memory.max
		echo 0 >"$1/memory.swap.max" # there may be no swap to limit
	fi 2>/dev/null
	echo "$2M" >"$1/$limit_file"
} 2>/dev/null

# run CONF STEP...: the program in $group, if that is not empty; sets pid, box and status.
run()
{
	local more=$1

	shift
	(
		export MSTAT_CONF=$conf${more:+,$more}
		[ -z "$group" ] || echo $BASHPID >"$group/cgroup.procs"
		preload "$program" "$@"
	) >"$scratch/printed" 2>"$scratch/complaints" </dev/null &
	pid=$!
	wait "$pid" 2>/dev/null
	status=$?
	box=$folder/$pid.box
}

# told KEY...: of the box's limit and near_limit, "KEY=VALUE" each, on one line.
told()
{
	"$mstat" post --json "$box" >"$scratch/told" 2>&1
	python3 - "$scratch/told" "$@" <<-'END'
		import json, sys
		whole = json.load(open(sys.argv[1]))
		near = whole["near_limit"] or {}
		limit = near.get("limit") or whole["limit"] or {}
		facts = {"near": bool(near), "count": near.get("count"), "source": limit.get("source"),
		         "limit": limit.get("limit_bytes", 0) >> 20, "group": limit.get("path"),
		         "first": (near.get("functions") or [{}])[0].get("name"),
		         "class_bytes": sum(row["span_bytes"] for row in near.get("classes", []))
		             * 100 // (near.get("heap_inuse") or 1),
		         "enough": near != {} and limit["used_bytes"] >= limit["near_bytes"],
		         "events": sum(event["kind"] == "near_limit" for event in whole["events"]),
		         "returned": near.get("returned_bytes", 0) >= 1 << 20}
		print(*(f"{key}={facts[key]}" for key in sys.argv[2:]))
	END
}

group=

# ---- the limits of the process ------------------------------------------------

# Its own tables are larger than the rest of what it has: they are mapped before.
run "" as:100 forever
tap_is "refused memory by RLIMIT_AS it aborts" 134 $status
tap_is "it had come near" "near=True count=1 source=RLIMIT_AS enough=True events=1 first=object_make" \
	"$(told near count source enough events first)"
tap_is "the size classes are those of the heap then" 1 \
	"$(told class_bytes | awk -F = '{ print ($2 >= 99 && $2 <= 100) }')"
tap_is "post shows it" "1 1" "$("$mstat" post "$box" | awk '
	/^When it came near its memory limit/ { title++ }
	/near the limit: [0-9,]* MiB of [0-9,]* MiB \(RLIMIT_AS\)/ { line++ }
	END { print title + 0, line + 0 }')"
run "" data:100 forever
tap_is "so with RLIMIT_DATA" "near=True source=RLIMIT_DATA enough=True" "$(told near source enough)"
run near_limit:off as:100 idle:2600 forever
tap_is "with near_limit:off there is no snapshot" "near=False events=0 source=RLIMIT_AS" \
	"$(told near events source)"

# Sizes in turns, and a few of each live on: what is free cannot be used by others before
# all of its span is.
waves=()
for ((i = 0; i < 2; i++)); do
	waves+=(wave:1000 wave:4000 wave:2000 wave:8000 wave:16000)
done
run "" as:100 "${waves[@]}"
tap_is "waves of sizes run out of addresses" 134 $status
run limit:auto as:100 "${waves[@]}"
tap_is "not with limit:auto" 0 $status

# ---- MSTAT_CONF's limit --------------------------------------------------------

(
	export MSTAT_CONF=$conf,limit:80m
	preload "$program" grow:70 keep:5 idle:600 grow:10 wait
) > >(cat >"$scratch/printed") 2>&1 < <(sleep 20) &
pid=$!
for ((i = 0; i < 150; i++)); do
	[ "$(grep -c . "$scratch/printed" 2>/dev/null)" = 4 ] && break
	sleep 0.1
done
out=$("$mstat" show "$pid" 2>&1)
tap_is "show tells the limit" 1 \
	"$(grep -cE '^  memory limit +[0-9.]+ MiB of 80.0 MiB used \([0-9.]+ %\), MSTAT_CONF$' <<<"$out")"
tap_is "and that it came near" 1 "$(grep -cE '^    came near .*: [0-9.]+ MiB of heap' <<<"$out")"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
box=$folder/$pid.box
tap_is "near it" "near=True source=conf limit=80 enough=True" "$(told near source limit enough)"

for bad in near_limit:101 near_limit:-1 near_limit: near_limit:ten limit:lots limit:4k limit:; do
	run "$bad" grow:1
	tap_is "$bad is one clear line" \
		"libmstat: MSTAT_CONF: bad value in \"$bad\", the default holds|0" \
		"$(cat "$scratch/complaints")|$status"
done

# ---- a control group -----------------------------------------------------------

parent_find
above=$parent/mstat-test-$$
if group_make "$above" 0 && group_make "$above/in" 96; then
	group=$above/in
	name=${group#/sys/fs/cgroup}
	name=${name#/memory}
	run "" forever
	tap_is "the kernel kills it" 137 $status
	tap_is "its snapshot is there" \
		"near=True count=1 source=cgroup limit=96 enough=True events=1 first=object_make" \
		"$(told near count source limit enough events first)"
	tap_is "of its group" "group=$name" "$(told group)"

	echo 64M >"$above/$limit_file"
	run "" forever
	tap_is "a limit above the group counts" "source=cgroup limit=64 group=${name%/in} near=True" \
		"$(told source limit group near)"
	echo 512M >"$above/$limit_file"

	run "" grow:30 idle:300 "write:$group/$limit_file=84M" idle:2600 forever
	tap_is "a limit that is changed is noticed" "near=True limit=84" "$(told near limit)"

	# What was alive is freed at random: most of each span is.
	steps=(grow:40)
	for ((i = 0; i < 6; i++)); do
		steps+=(keep:12 grow:$((41 + i)))
	done
	echo 128M >"$group/$limit_file"
	run "" "${steps[@]}" keep:2 idle:300 grow:44 keep:2 idle:300 forever
	tap_is "it is told once a minute, however often it comes near" "events=1" "$(told events)"
	echo 108M >"$group/$limit_file"
	run limit:auto "${steps[@]}"
	tap_is "with limit:auto what is free in spans goes back in time" 0 $status
	tap_none "nothing was complained of" <"$scratch/complaints"
else
	tap_skip "a control group" "no group can be made in $parent"
fi

tap_done
