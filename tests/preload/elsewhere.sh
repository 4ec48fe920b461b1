#!/usr/bin/env bash
#
# elsewhere.sh - processes that go where their box's name means another file, or that
# become another user: elsewhere.c.
#
# Proves: under another root, in another mount namespace, as number 1 of another pid
# namespace a process ends well, and removes no file but its own; one that dropped its
# privileges works on, has no dump where it may not write, and its children have boxes
# of their own; one with another's rights ignores all configuration and makes no file.

. "${BASH_SOURCE[0]%/*}/preload.sh"

folder=$scratch/mstat-$(id -u)
export MSTAT_CONF=dir:$scratch
elsewhere=$programs/elsewhere

# Where root's rights can only be had so, in a user namespace.
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(unshare --user --map-root-user)

# goes NAME WORD...: it comes to its end; false if that cannot be tried here.
goes()
{
	local name=$1 status

	shift
	(preload "${as_root[@]}" "$elsewhere" "$@") >"$scratch/out" 2>&1
	status=$?
	if [ $status -eq 77 ] || ! "${as_root[@]}" true 2>/dev/null; then
		tap_skip "$name: it ends well" "not permitted here"
		return 1
	fi
	tap_is "$name: it ends well" 5 $status
}

other=$scratch/other
mkdir -p "$other$folder"
if goes "another root" chroot "$folder" "$other"; then
	tap_is "and removes nobody else's file" precious "$(cat "$other$folder"/*.box)"
fi

rm -rf "$other" "$folder"
mkdir -p "$other"
if goes "another mount namespace" mount "$folder" "$other"; then
	tap_is "and removes nobody else's file" precious "$(cat "$other"/*.box)"
fi

for word in "" dump; do
	rm -rf "$folder"
	name="a child with its parent's number, of another pid namespace${word:+, asked for a $word}"
	if unshare --pid --fork true 2>/dev/null; then
		as_root=(unshare --pid --fork --kill-child)
		goes "$name" namesake "$folder" $word
	else
		tap_skip "$name" "no permission to make a pid namespace"
	fi
done

# ---- another user's rights ---------------------------------------------------

open=$scratch/open
chmod 711 "$scratch"
mkdir -m 1777 "$open"
nobody=65534

# files: what was made there, by whom and for whom.
files()
{
	find "$open" -mindepth 1 -printf '%P %U %m\n' | sed 's/[0-9]*-1\.dump/dump/; s/[0-9]*\.box/box/' | sort
}

if [ "$(id -u)" -eq 0 ]; then
	got=$( (MSTAT_CONF=dir:$open preload "$elsewhere" drop $nobody) 2>"$scratch/said"; echo "status $?")
	tap_is "a process that drops its privileges works on" "status 5" "$got"
	tap_is "it has no dump where it may not write, its child has one of its own" \
		$'dump written to\nno dump in EACCES' \
		"$(sed 's/^libmstat: //; s, /[^ ]*/[0-9]*-1.dump:\{0\,1\},,' "$scratch/said")"
	tap_is "what it began as is left behind; the child's box is its own" \
		"mstat-0 0 700
mstat-0/box 0 600
mstat-$nobody $nobody 700
mstat-$nobody/box $nobody 600
mstat-$nobody/dump $nobody 600" "$(files)"
	rm -rf "${open:?}"/*

	# As another user, a program that is root's for him.
	cp "$programs/secure" "$scratch/secure"
	chmod 4755 "$scratch/secure"
	got=$(
		export MSTAT_CONF=dir:$open,exit_report:1,signal:USR1,bad XDG_RUNTIME_DIR=$open
		{ setpriv --reuid=$nobody --regid=$nobody --clear-groups "$scratch/secure"; } 2>&1
	)
	if [[ $got == *"secure 1"* ]]; then
		tap_is "a setuid program has no handler, and says nothing of its configuration" \
			$'secure 1\ncatches 0000000000000000' "$got"
		tap_is "and neither it nor its child makes a file" "" "$(files)"
		find /dev/shm/mstat-0 /dev/shm/mstat-$nobody -newer "$scratch/secure" \
			-exec grep -la "$scratch/secure" {} + 2>/dev/null |
			tap_none "nor in the usual place"
	else
		tap_skip "a setuid program has no handler, and makes no file" "setuid means nothing here: $got"
	fi
	chmod 755 "$scratch/secure"
	(
		export MSTAT_CONF=dir:$open,signal:USR1
		{ setpriv --reuid=$nobody --regid=$nobody --clear-groups "$scratch/secure"; } >/dev/null 2>&1
	)
	tap_is "where it is not, both have boxes" \
		"mstat-$nobody $nobody 700
mstat-$nobody/box $nobody 600
mstat-$nobody/box $nobody 600" "$(files)"
else
	tap_skip "a process that drops its privileges" "only root has any"
	tap_skip "a setuid program" "only root can make one"
fi

tap_done
