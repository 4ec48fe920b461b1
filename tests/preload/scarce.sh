#!/usr/bin/env bash
#
# scarce.sh - where memory ends, and where there is much of it: scarce.cc, refused.c,
# colossal.c, a cgroup's limit.

. "${BASH_SOURCE[0]%/*}/preload.sh"

export MSTAT_CONF=dir:$scratch
group=
adopt "a limit of data" "$programs/scarce" data
adopt "no data at all" "$programs/scarce" none
adopt "no more mappings" "$programs/scarce" mappings
adopt "more than there is" "$programs/scarce" overcommit
adopt "refused at once" "$programs/refused"
# ---- a cgroup's limit ---------------------------------------------------------

# $MSTAT_CGROUP is a folder of the memory controller in which groups may be made: who runs
# the tests names one, since a test does not know whose the machine's groups are.

# cgroup_make MIB: a group of our own, its folder in $group; false where there may be none.
cgroup_make()
{
	[ -d "${MSTAT_CGROUP:-}" ] || return
	group=$MSTAT_CGROUP/mstat-test-$$
	mkdir "$group" 2>/dev/null || return
	trap 'rmdir "$group"; rm -rf "$scratch"' EXIT
	if [ -e "$group/memory.max" ]; then
		echo 0 >"$group/memory.swap.max" # there may be no swap to limit
		echo "$1M" >"$group/memory.max"
	else
		echo "$1M" >"$group/memory.limit_in_bytes"
	fi 2>/dev/null
}

in_cgroup()
{
	echo $BASHPID >"$group/cgroup.procs" && exec "$@"
}

if cgroup_make 80; then
	adopt "a cgroup's limit" bash -c "group=$group; $(declare -f in_cgroup); in_cgroup \"\$@\"" - \
		"$programs/scarce" cgroup
	{ (preload bash -c "group=$group; $(declare -f in_cgroup); in_cgroup \"\$@\"" - \
		"$programs/scarce" greedy) >/dev/null; } 2>/dev/null
	tap_is "who needs more than its cgroup may have is killed" 137 $?
	tap_is "and its box is there" 1 "$(find "$scratch/mstat-$(id -u)" -name '*.box' | wc -l)"
else
	tap_skip "a cgroup's limit" "MSTAT_CGROUP names no folder for groups"
fi

# ---- much -------------------------------------------------------------------------

adopt colossal "$programs/colossal"

tap_done
