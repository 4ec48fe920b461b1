#!/usr/bin/env bash
#
# signals.sh - dumps of processes that stand still: stopped (paused.c), or hanging in a
# handler that allocates (unruly.c); and handlers that fork (forker.c).  (dump.sh has the storm, a thread that stands still
# inside malloc, small signal stacks and threads that are cancelled.)

. "${BASH_SOURCE[0]%/*}/preload.sh"

for name in paused unruly; do
	MSTAT_CONF=dir:$scratch,dump:$scratch/$name.dump adopt $name "$programs/$name" \
		"$scratch/$name.dump"
done

for mode in exit return threads; do
	MSTAT_CONF=dir:$scratch adopt "a handler that forks, $mode" "$programs/forker" $mode
done
said=$({ (preload "$programs/forker" abort); echo "status $?"; } 2>/dev/null)
tap_is "a handler of SIGABRT that allocates, and forks a reporter, after a misuse" \
	"reported status 134" "$(xargs <<<"$said")"

tap_done
