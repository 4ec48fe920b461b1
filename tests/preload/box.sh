#!/usr/bin/env bash
#
# box.sh - the life of the box.
#
# Proves: it is there from the start, 0600 in a folder of 0700; it goes when the
# process ends by itself, by whatever way, and stays when it is killed; exec
# replaces it; where the folder is not safe, the disk full or files limited there
# is none and the program works; what others write into it does not disturb the
# process.  (Who may write the file may also truncate it, which would be a SIGBUS:
# the folder's mode is the guard.)

. "${BASH_SOURCE[0]%/*}/preload.sh"

folder=$scratch/mstat-$(id -u)
export MSTAT_CONF=dir:$scratch

# boxes [PID]: their paths.
boxes()
{
	find "$folder" -name "${1:-*}.box" -o -name "${1:-*}-*.box" 2>/dev/null
}

# start CMD...: in the background, until it has a box; its pid is $started.
start()
{
	(preload "$@") >/dev/null 2>&1 </dev/null &
	started=$!
	for _ in {1..100}; do
		[ -z "$(boxes $started)" ] || return
		sleep 0.05
	done
}

# ---- from start to end -------------------------------------------------------

start sleep 100
box=$(boxes $started)
tap_is "a process has a box" 1 "$(wc -w <<<"$box")"
tap_is "named by its pid" "$folder/$started.box" "$box"
tap_is "of mode 600" 600 "$(stat -c %a "$box")"
tap_is "in a folder of mode 700" 700 "$(stat -c %a "$folder")"
grep -qa "/sleep" "$box"
tap_result $? "that says which program it is"
find "/proc/$started/fd" -lname '*mstat*' | tap_none "and no descriptor is kept open"
kill -KILL $started
wait $started 2>/dev/null
tap_is "after SIGKILL it is still there" "$box" "$(boxes $started)"

start sleep 100
kill -TERM $started
wait $started 2>/dev/null
tap_is "after SIGTERM too" 1 "$(boxes $started | wc -l)"

# runs NAME PATH COMMAND CMD...: the box of CMD says that it is that.
runs()
{
	local name=$1 path=$2 command=$3 said

	shift 3
	start "$@"
	for _ in {1..50}; do # it may be another program first, that executes this
		said=$("$MSTAT_TOOL" show --json "$(boxes $started)" | /usr/bin/python3 -c '
import json, sys
shown = json.load(sys.stdin)
print(shown["exe"], shown["command"], sep="|")')
		[ "$said" != "$path|$command" ] || break
		sleep 0.05
	done
	tap_is "$name: the program and its arguments" "$path|$command" "$said"
	kill -KILL $started
	wait $started 2>/dev/null
	rm -f "$folder"/*.box
}

sleep=$(readlink -f "$(type -P sleep)")
ln -s "$sleep" "$scratch/link"
printf '#!%s -f\n' "$(type -P tail)" >"$scratch/script"
chmod +x "$scratch/script"
cd "$scratch" || exit 1
runs "a path from the root" "$scratch/link" "$scratch/link 100 0" "$scratch/link" 100 0
runs "a path from here" "$sleep" "./link 100 0" env ./link 100 0
runs "a script" "$(readlink -f "$(type -P tail)")" "$(type -P tail) -f $scratch/script" "$scratch/script"
cd - >/dev/null || exit 1

# ends NAME CMD...: a process that ends by itself leaves nothing.
ends()
{
	local name=$1

	shift
	rm -f "$folder"/*.box
	(preload "$@") >/dev/null 2>&1 </dev/null
	boxes | tap_none "$name: no box is left"
}

ends "a return from main" true
ends "exit in a shell" bash -c 'exit 3'
ends "_exit" perl -MPOSIX -e 'POSIX::_exit(3)'
ends "os._exit in Python, with threads" /usr/bin/python3 -c '
import os, threading, time
for i in range(4): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
os._exit(3)'
ends "a shell that executes another" bash -c 'exec bash -c "exec true"'
ends "children that live and end" bash -c 'for i in 1 2 3; do (sleep 0.05; x=$(seq 2000)) & done; wait'

rm -f "$folder"/*.box
{ (preload "$MSTAT_BUILD/tests/misuse/misuse" double_large) 2>"$scratch/said"; } 2>/dev/null
tap_is "after a misuse the box is still there" 1 "$(boxes | wc -l)"
grep -qaF "$(cat "$scratch/said")" "$(boxes)"
tap_result $? "with the line that was said"

rm -f "$folder"/*.box
start bash -c 'exec sleep 100'
for _ in {1..50}; do
	[ "$(cat "/proc/$started/comm")" = sleep ] && break
	sleep 0.05
done
sleep 0.2
tap_is "after exec there is one box" 1 "$(boxes | wc -l)"
grep -qa "sleep.100" "$(boxes)"
tap_result $? "and it is the new program's"
kill -KILL $started
wait $started 2>/dev/null

# What a dead process left, whose pid came round again: the box of a shell stands
# under the name of the next one's pid, an hour old.
rm -f "$folder"/*.box
start sleep 100
until "$MSTAT_TOOL" show $started >/dev/null 2>&1; do
	sleep 0.05
done
kill -KILL $started
wait $started 2>/dev/null
dead=$folder/$started.box
(
	touch -d '1 hour ago' "$dead"
	mv "$dead" "$folder/$BASHPID.box"
	exec env LD_PRELOAD="$MSTAT_LIBRARY" bash -c 'exec sleep 100'
) >/dev/null 2>&1 </dev/null &
started=$!
for _ in {1..100}; do
	[ "$(cat /proc/$started/comm)" = sleep ] && [ "$(boxes $started | wc -l)" = 2 ] && break
	sleep 0.05
done
sleep 0.2
boxes $started | grep -qx "$folder/$started.box"
tap_result $? "what a dead process of the same pid left stays"
tap_is "beside one box, after an exec too" 2 "$(boxes $started | wc -l)"
tap_is "which mstat finds by the pid" "sleep 100" "$("$MSTAT_TOOL" show --json $started |
	/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["command"])')"
tap_is "and mstat ls tells apart" "ended running" "$("$MSTAT_TOOL" ls --json --dir "$scratch" |
	/usr/bin/python3 -c '
import json, sys
mine = [box for box in json.load(sys.stdin)["boxes"] if box["path"].startswith(sys.argv[1] + "/")]
print(*sorted(box["state"] for box in mine))' "$folder")"
kill -KILL $started
wait $started 2>/dev/null

# Two pid namespaces that share the folder: both processes are number 1.
rm -f "$folder"/*.box
if unshare --pid --fork --kill-child true 2>/dev/null; then
	for _ in 1 2; do
		(exec unshare --pid --fork --kill-child env LD_PRELOAD="$MSTAT_LIBRARY" sleep 100) \
			>/dev/null 2>&1 </dev/null &
		namespaces+=($!)
	done
	for _ in {1..100}; do
		[ "$(boxes 1 | wc -l)" = 2 ] && break
		sleep 0.05
	done
	sleep 0.2
	tap_is "two processes number 1 have two boxes" 2 "$(boxes 1 | wc -l)"
	tap_is "both of which are known to be running" "running running" "$(
		"$MSTAT_TOOL" ls --json --dir "$scratch" | /usr/bin/python3 -c '
import json, sys
mine = [box for box in json.load(sys.stdin)["boxes"] if box["path"].startswith(sys.argv[1] + "/")]
print(*sorted(box["state"] for box in mine))' "$folder")"
	kill "${namespaces[@]}"
	wait "${namespaces[@]}" 2>/dev/null
else
	tap_skip "two processes number 1 have two boxes" "no permission to make a pid namespace"
	tap_skip "both of which are known to be running" "no permission to make a pid namespace"
fi

rm -rf "$folder"
start bash -c 'read -r -t 1; rm -rf "$0"; x=$(seq 3000); exit 5' "$folder"
wait $started
tap_is "a process whose folder is removed goes on" 5 $?

# ---- where there can be none -------------------------------------------------

# works_without NAME CMD...: a program under these circumstances, and no box.
works_without()
{
	local name=$1 said status

	shift
	said=$({ preload "$@" 2>&1; } </dev/null) # through a pipe: files may be limited
	status=$?
	tap_is "$name: the program works" "status 0, $(seq 20000 | md5sum)" "status $status, $said"
	boxes | tap_none "$name: there is no box"
}

job=(bash -c 'seq 20000 | md5sum')

rm -rf "$folder"
mkdir -m 755 "$folder"
works_without "a folder open to others" "${job[@]}"
rm -rf "$folder"
mkdir -m 700 "$scratch/elsewhere"
ln -s "$scratch/elsewhere" "$folder"
works_without "a symbolic link" "${job[@]}"
find "$scratch/elsewhere" -name '*.box' | tap_none "nor where the link leads"
rm -rf "$folder"
echo plain >"$folder"
works_without "a file in the folder's place" "${job[@]}"
rm -rf "$folder"
if [ "$(id -u)" -eq 0 ]; then
	mkdir -m 700 "$folder"
	chown nobody "$folder"
	works_without "another's folder" "${job[@]}"
	rm -rf "$folder"
else
	tap_skip "another's folder" "only root can give one away"
fi
MSTAT_CONF=dir:/proc works_without "a file system without files" "${job[@]}"
MSTAT_CONF=dir:$scratch/nowhere works_without "a place that is not there" "${job[@]}"
MSTAT_CONF=box:0,dir:$scratch works_without "box:0" "${job[@]}"
for kib in 0 16 1024; do
	works_without "files limited to $kib KiB" bash -c 'ulimit -f '$kib'; exec bash -c "seq 20000 | md5sum"'
	rm -rf "$folder"
done

# A tmpfs that has not even room for a box, and one in which there is no room for
# the rows of more than a few threads.
mkdir "$scratch/small"
if mount -t tmpfs -o size=64k tmpfs "$scratch/small" 2>/dev/null; then
	MSTAT_CONF=dir:$scratch/small works_without "a full file system" "${job[@]}"
	find "$scratch/small" -name '*.box' | tap_none "nor anything left there"
	mount -o remount,size=512k "$scratch/small"
	for size in 192 256 320 512; do
		mount -o remount,size=${size}k "$scratch/small"
		(MSTAT_CONF=dir:$scratch/small preload "$programs/books_many") >"$scratch/out" 2>&1
		tap_is "a file system that fills up at $size KiB: eight threads work, and the books are exact" \
			"0, 0" "$?, $(grep -c '^not ok' "$scratch/out")"
		find "$scratch/small" -name '*.box' | tap_none "and no box is left there"
	done
	mount -o remount,ro "$scratch/small"
	MSTAT_CONF=dir:$scratch/small works_without "a read-only file system, with a folder" "${job[@]}"
	umount "$scratch/small"
	mount -t tmpfs -o ro tmpfs "$scratch/small"
	MSTAT_CONF=dir:$scratch/small works_without "a read-only file system" "${job[@]}"
	find "$scratch/small" -name '*.box' | tap_none "and no box is there"
	umount "$scratch/small"
else
	tap_skip "a full file system" "no permission to mount one"
fi

# ---- what others write into it -----------------------------------------------

# The scribbler is there first: its start can take longer than all of the program.
rm -rf "$folder"
/usr/bin/python3 - "$folder" "$scratch/scribbling" "$scratch/enough" <<'END' &
import glob, mmap, os, random, sys
folder, ready, enough = sys.argv[1:]
written = 0
open(ready, "w").close()
while not os.path.exists(enough):
    for path in glob.glob(folder + "/*.box"):
        try:
            with open(path, "r+b") as file:
                size = os.path.getsize(path)
                with mmap.mmap(file.fileno(), size) as box:
                    for i in range(50):
                        at = random.randrange(0, min(size, 400000) - 4096)
                        box[at:at + 4096] = random.randbytes(4096)
                        written += 1
        except (OSError, ValueError):
            pass
sys.exit(written == 0)
END
scribbler=$!
until [ -e "$scratch/scribbling" ] || ! kill -0 $scribbler 2>/dev/null; do
	sleep 0.02
done
(preload "$programs/books_many") >"$scratch/out" 2>&1
tap_is "scribbled over all the while, eight threads work and the books are exact" \
	"0, 0" "$?, $(grep -c '^not ok' "$scratch/out")"
: >"$scratch/enough"
wait $scribbler
tap_is "it was scribbled over" 0 $?

tap_done
