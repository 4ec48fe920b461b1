#!/usr/bin/env bash
#
# confined.sh - programs that give up rights after they have begun: confined.c, which has
# itself killed at any system call that a malloc need not make.
#
# Proves: it works on, is refused what there is not, and ends, output included; so do its
# children; a misuse is told.

. "${BASH_SOURCE[0]%/*}/preload.sh"

folder=$scratch/mstat-$(id -u)
export MSTAT_CONF=dir:$scratch

# confined NAME WHEN: it comes to its end.
confined()
{
	local name=$1 got

	got=$( (preload "$programs/confined" "$2") 2>&1; echo "status $?")
	if [ "$got" = "status 77" ]; then
		tap_skip "$name" "no seccomp filters here"
	else
		tap_is "$name" $'worked\nstatus 5' "$got"
	fi
}

confined "a process that confines itself works on, with new threads" here
confined "so does a child that it forks then" child
confined "so does a child that confines itself at once" before
confined "so does a child of one that confined itself before all else" bare
confined "so does a child that had a box by then" late

got=$( (preload "$programs/confined" misuse) 2>&1; echo "status $?")
[[ $got == *"libmstat: free(0x"*"): not a pointer of this heap"*"status 134" ]]
tap_result $? "a misuse is told, and an abort"
[ "${got##*$'\n'}" = "status 134" ] || tap_note <<<"$got"

tap_done
