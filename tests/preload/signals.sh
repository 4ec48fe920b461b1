#!/usr/bin/env bash
#
# signals.sh - dumps of processes that stand still: stopped (paused.c), or hanging in a
# handler that allocates (unruly.c).  (dump.sh has the storm, a thread that stands still
# inside malloc, small signal stacks and threads that are cancelled.)

. "${BASH_SOURCE[0]%/*}/preload.sh"

for name in paused unruly; do
	MSTAT_CONF=dir:$scratch,dump:$scratch/$name.dump adopt $name "$programs/$name" \
		"$scratch/$name.dump"
done

tap_done
