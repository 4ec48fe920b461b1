#!/usr/bin/env bash
#
# dump_paths.sh - dumps that cannot be written where they should be.
#
# Proves: on a full or read-only file system, in a folder or over a file of somebody
# else's, over a file that has a second name, where files are limited, and in /tmp under
# a name that somebody was there to take first, a dump is refused by one line; nothing of
# others' is changed, and the program goes on.  (dump.sh has folders, pipes, links and
# devices.)

. "${BASH_SOURCE[0]%/*}/preload.sh"

nobody=65534
open=$scratch/open
chmod 711 "$scratch"
mkdir -m 1777 "$open"

# begin CONF CMD...: in the background; it has its handler when it has said so.
begin()
{
	local conf=$1

	shift
	mkfifo -m 666 "$scratch/begun"
	(
		export MSTAT_CONF=$conf
		preload "$@" bash -c 'echo >"$0"; read -r <"$1"; exit 7' \
			"$scratch/begun" "$scratch/go" 5>&- 2>"$scratch/said"
	) &
	pid=$!
	read -r <"$scratch/begun"
	rm "$scratch/begun"
}

mkfifo -m 666 "$scratch/go"
exec 5<>"$scratch/go"

# refused NAME PATH ERROR: what was begun refuses its dump, and goes on to its end.
refused()
{
	kill -USR2 "$pid"
	for _ in {1..100}; do
		[ -s "$scratch/said" ] && break
		sleep 0.05
	done
	tap_is "$1: one line" "libmstat: no dump in $2: $3" "$(cat "$scratch/said")"
	echo >&5
	wait "$pid"
	tap_is "$1: the program goes on" 7 $?
}

echo precious >"$scratch/precious"
ln "$scratch/precious" "$scratch/second"
begin "box:0,dump:$scratch/second"
refused "a file that has a second name" "$scratch/second" EPERM

begin "box:0"
ln -s "$scratch/precious" "/tmp/mstat-$pid-1.dump"
refused "a link in /tmp" "/tmp/mstat-$pid-1.dump" ELOOP
rm "/tmp/mstat-$pid-1.dump"

begin "box:0"
ln "$scratch/precious" "/tmp/mstat-$pid-1.dump" 2>/dev/null || mkdir "/tmp/mstat-$pid-1.dump"
want=EPERM
[ -d "/tmp/mstat-$pid-1.dump" ] && want=EISDIR
refused "what somebody made in /tmp" "/tmp/mstat-$pid-1.dump" $want
rm -d "/tmp/mstat-$pid-1.dump"

long=$scratch/$(printf '%0300d' 1)
begin "box:0,dump:$long"
refused "a name longer than any" "$long" ENAMETOOLONG

begin "box:0,dump:$scratch/limited"
if prlimit --pid "$pid" --fsize=4096 2>/dev/null; then
	refused "files limited to a page" "$scratch/limited" EFBIG
else
	kill "$pid"
	tap_skip "files limited to a page" "no prlimit"
fi

mkdir -m 555 "$scratch/shut"
if [ "$(id -u)" -eq 0 ]; then
	user=(setpriv --reuid=$nobody --regid=$nobody --clear-groups)
	mkdir -m 700 "$scratch/theirs"
	chown $nobody "$scratch/theirs"
	echo precious >"$scratch/theirs/dump"
	chown $nobody "$scratch/theirs/dump"
	chmod 666 "$scratch/theirs/dump"
	begin "box:0,dump:$scratch/theirs/dump"
	refused "a file of another user's" "$scratch/theirs/dump" EPERM
	tap_is "which is as it was" precious "$(cat "$scratch/theirs/dump")"
else
	user=()
	tap_skip "a file of another user's" "only root can give one away"
fi
if "${user[@]}" test -r "$MSTAT_LIBRARY"; then
	chmod 666 "$scratch/said"
	begin "box:0,dump:$scratch/shut/dump" "${user[@]}"
	refused "a folder that may not be written to" "$scratch/shut/dump" EACCES
else
	tap_skip "a folder that may not be written to" "the library is out of another user's reach"
fi

mkdir "$scratch/small"
if mount -t tmpfs -o size=64k tmpfs "$scratch/small" 2>/dev/null; then
	dd if=/dev/zero of="$scratch/small/filling" bs=4k count=100 status=none 2>/dev/null
	begin "box:0,dump:$scratch/small/dump"
	refused "a full file system" "$scratch/small/dump" ENOSPC
	truncate -s -8k "$scratch/small/filling" # room for half of it
	begin "box:0,dump:$scratch/small/dump"
	refused "one that fills up meanwhile" "$scratch/small/dump" ENOSPC
	rm "$scratch/small/filling"
	mount -o remount,ro "$scratch/small"
	begin "box:0,dump:$scratch/small/other"
	refused "a read-only file system" "$scratch/small/other" EROFS
	umount "$scratch/small"
else
	tap_skip "a full file system" "no permission to mount one"
fi

tap_is "what had other names is as it was" precious "$(cat "$scratch/precious")"

tap_done
