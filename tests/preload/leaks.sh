#!/usr/bin/env bash
#
# leaks.sh - `mstat leaks` of lossy.c, and of programs that cannot be searched.
#
# Proves: what is lost definitely, indirectly and possibly is told apart, and what is kept in
# whatever place is not lost; in a checked process each leak has its callers; the process goes on,
# with no child and no file left; suppressions hide what they name, and errors in them are told
# with their line; the exit status says whether there are leaks; a process that ends, blocks or
# uses the signal that stops threads, or is another user's, is one sentence.

. "${BASH_SOURCE[0]%/*}/preload.sh"

export MSTAT_CONF=${MSTAT_CONF:+$MSTAT_CONF,}dir:$scratch
boxes=$scratch/mstat-$(id -u)

# start CMD...: under the library, its output in $scratch/out; sets pid once it is ready.
start()
{
	rm -f "$scratch/out"
	mkfifo "$scratch/out"
	(preload "$@") >"$scratch/out" 2>"$scratch/stderr" &
	pid=$!
	disown
	exec 9<"$scratch/out"
	read -r -t 60 _ <&9
}

# The leaks of a JSON: by grade, objects x bytes each (and what is lost by them).
grades='
import json, sys
leaks = json.load(sys.stdin)["leaks"]
for grade in "definite", "indirect", "possible":
    found = []
    for leak in leaks:
        if leak["grade"] != grade:
            continue
        own, behind = leak["own"], leak["behind"]
        text = "%dx%d" % (own["objects"], own["bytes"] / own["objects"])
        if behind["objects"]:
            text += "(%d:%d)" % (behind["objects"], behind["bytes"])
        found.append(text)
    print(grade, *sorted(found))
'
truth='definite 1x1000001(1:1401) 1x1001(2:2022) 1x1101(1:1101) 1x1211 1x1311
indirect 1x1011 1x1011 1x1101 1x1401
possible 1x2001 1x2011'

# The same by size classes, of which only the objects' number is as it was.
counts='
import json, sys
lost = json.load(sys.stdin)["lost"]
print(*(lost[grade]["objects"] for grade in ("definite", "indirect", "possible")))
'

searched()  # NAME
{
	local name=$1 json

	start "$programs/lossy"
	json=$("$MSTAT_TOOL" leaks --json --all "$pid" 2>&1)
	tap_is "$name: there are leaks, says the exit status" 4 $?
	tap_is "$name: what is lost is told apart, and nothing else is lost" "5 4 2" \
		"$(python3 -c "$counts" <<<"$json" 2>&1)"
	[ "$name" = check:none ] || tap_is "$name: each size in its place" "$truth" \
		"$(python3 -c "$grades" <<<"$json" 2>&1)"
	for _ in 1 2 3; do
		"$MSTAT_TOOL" leaks "$pid" >"$scratch/text"
	done
	tap_is "$name: it goes on, and no copy of it is left" "" "$(cat "/proc/$pid/task/$pid/children")"
	find "$boxes" -name '*.survey' | tap_none "$name: no file is left"
	kill -KILL "$pid"
}

for mode in check:none check:full efence:1; do
	MSTAT_CONF=$MSTAT_CONF,$mode searched "$mode"
done

for mode in check:none check:full; do
	for kind in alternate context guarded moving; do
		MSTAT_CONF=$MSTAT_CONF,$mode start "$programs/keeping" $kind
		times=1 found=0
		[ $kind != moving ] || times=20
		for ((i = 0; i < times; i++)); do
			"$MSTAT_TOOL" leaks --all "$pid" >"$scratch/text" 2>&1 || found=$?
		done
		tap_is "$mode: $kind: nothing is lost" 0 $found
		kill -KILL "$pid"
	done
done

# ---- suppressions ----------------------------------------------------------------------

MSTAT_CONF=$MSTAT_CONF,check:full start "$programs/lossy"
printf '# known\n\nleak:lose_*ring\n  leak:^node_mak$\r\n leak:lossy.c\n' >"$scratch/known"
"$MSTAT_TOOL" leaks --suppressions "$scratch/known" "$pid" >"$scratch/text"
tap_is "all is suppressed, by a file's name: status 0" 0 $?
tap_is "and nothing is shown but how much" "suppressed 11" \
	"$(awk '$1 == "suppressed" { print $1, $4 }' "$scratch/text")"
printf 'leak:lose_by_free\nleak:/lib*c.so.6\n' >"$scratch/known"
"$MSTAT_TOOL" leaks --suppressions "$scratch/known" "$pid" >"$scratch/text"
tap_is "what is not suppressed is a leak: status 4" "4 1" \
	"$? $(awk '$1 == "suppressed" { print $4 }' "$scratch/text")"
for line in "race:x" "leak" "leak:" "leak:**" "lose_list"; do
	printf 'leak:a\n%s\n' "$line" >"$scratch/known"
	said=$("$MSTAT_TOOL" leaks --suppressions "$scratch/known" "$pid" 2>&1)
	tap_is "an error in a file of suppressions, $line: its line" "2 mstat: $scratch/known:2" \
		"$? $(cut -d: -f1-3 <<<"$said")"
done
"$MSTAT_TOOL" leaks --suppressions "$scratch/none" "$pid" >/dev/null 2>&1
tap_is "a file that is not there: status 1" 1 $?
kill -KILL "$pid"

# ---- what cannot be searched -----------------------------------------------------------

# refused NAME STATUS TEXT CMD...: mstat's one sentence has TEXT.
refused()
{
	local name=$1 status=$2 text=$3 said

	shift 3
	said=$("$@" 2>&1)
	tap_is "$name: status and one line" "$status 1" "$? $(wc -l <<<"$said")"
	tap_is "$name: it says so" "$text" "$(grep -oF -- "$text" <<<"$said")"
}

refused "no process" 1 "there is no process" "$MSTAT_TOOL" leaks 99999999
refused "not under libmstat" 1 "does not run under libmstat" "$MSTAT_TOOL" leaks $$

start /usr/bin/python3 -c '
import signal, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [62])
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_UNBLOCK, [62])
print("ready", flush=True)
signal.pause()'
refused "a thread that blocks the signal" 1 "did not stop; it may block" "$MSTAT_TOOL" leaks "$pid"
kill -KILL "$pid"
start /usr/bin/python3 -c '
import signal
signal.signal(62, lambda *unused: None)
print("ready", flush=True)
while True:
    signal.pause()'
refused "a program that uses the signal" 1 "uses the signal" "$MSTAT_TOOL" leaks "$pid"
kill -KILL "$pid"
start /usr/bin/python3 -c '
import signal
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
print("ready", flush=True)
signal.pause()'
refused "a program that ignores the dump signal" 1 "ignores it" "$MSTAT_TOOL" leaks "$pid"
kill -KILL "$pid"
start "$programs/lossy"
kill -STOP "$pid"
refused "a program that is stopped" 1 "it is stopped" "$MSTAT_TOOL" leaks --timeout 1s "$pid"
kill -KILL "$pid"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	start "$programs/lossy"
	refused "another user's" 1 "no permission" \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$MSTAT_TOOL" leaks "$pid"
	kill -KILL "$pid"
fi

# Ends while it is searched: a heap that takes a while, killed at once.
start /usr/bin/python3 -c '
import signal
kept = [bytearray(50) for _ in range(3000000)]
print("ready", flush=True)
signal.pause()'
(sleep 0.05; kill -KILL "$pid") &
said=$("$MSTAT_TOOL" leaks "$pid" 2>&1)
status=$?
tap_is "a program that ends meanwhile: an answer, or one sentence" yes \
	"$([ $status -eq 0 ] || [ $status -eq 4 ] || grep -qE "ended|no process" <<<"$said" && echo yes)"

# Allocates all the time, in many threads, and is searched again and again.
start /usr/bin/python3 -c '
import threading
def work():
    while True:
        list(map(bytearray, range(0, 5000, 7)))
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
print("ready", flush=True)
work()'
bad=0
for _ in $(seq 10); do
	"$MSTAT_TOOL" leaks "$pid" >/dev/null 2>>"$scratch/bad"
	[ $? -eq 0 ] || [ $? -eq 4 ] || bad=$((bad + 1))
done
tap_is "a program at work is searched ten times" 0 "$bad"
for _ in 1 2 3 4; do
	"$MSTAT_TOOL" leaks "$pid" >/dev/null 2>>"$scratch/bad" &
	searches[$_]=$!
done
bad=0
for search in "${searches[@]}"; do
	wait "$search"
	[ $? -eq 0 ] || [ $? -eq 4 ] || bad=$((bad + 1))
done
tap_is "and by four at once, each in its turn" 0 "$bad"
tap_is "it is at work still" yes "$(kill -0 "$pid" && echo yes)"
kill -KILL "$pid"

# ---- at exit ---------------------------------------------------------------------------

at_exit()  # CONF CMD...
{
	local conf=$1

	shift
	(
		export MSTAT_CONF=$MSTAT_CONF,leak_check:1$conf
		preload "$@"
	) >"$scratch/out-text" 2>"$scratch/stderr"
	echo "$?"
}

rm -f "$scratch/out"
cat >"$scratch/leak.c" <<'EOF'
#include <stdio.h>
#include <stdlib.h>
static void *volatile ptr;
int main(int argc, char **argv)
{
	(void)argv;
	ptr = malloc(argc > 1 ? 1 : 4711);
	if (argc != 2)
		ptr = NULL;
	printf("said");
	return argc == 4 ? 5 : 0;
}
EOF
${CC:-cc} -g -O0 -o "$scratch/leak" "$scratch/leak.c"
sed 's/printf("said")/fclose(stdout)/' "$scratch/leak.c" >"$scratch/closed.c"
${CC:-cc} -g -O0 -o "$scratch/closed" "$scratch/closed.c"
cat >"$scratch/forked.c" <<'EOF'
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void *volatile ptr;
int main(void)
{
	ptr = malloc(4711);
	if (fork() == 0)
		ptr = NULL;
	else
		wait(NULL);
	return 0;
}
EOF
${CC:-cc} -g -O0 -o "$scratch/forked" "$scratch/forked.c"
tap_is "at exit: a leak is status 23" 23 "$(at_exit "" "$scratch/leak")"
tap_is "what the program wrote is there" said "$(cat "$scratch/out-text")"
tap_is "the leak has its bytes and its caller" "4.6 KiB definitely lost in 1 object main" \
	"$(awk '/definitely lost in/ { printf "%s ", $0; getline; print $1 }' "$scratch/stderr")"
tap_is "no leak is the program's own status" "0 " "$(at_exit "" "$scratch/leak" x) $(cat "$scratch/stderr")"
tap_is "a status that is not 0 stays" 5 "$(at_exit "" "$scratch/leak" x y z)"
tap_is "without check:full, too" 23 "$(at_exit ,check:none "$scratch/leak")"
tap_is "and without a box" 23 "$(at_exit ,box:0 "$scratch/leak")"
tap_is "which says how much" "4711 bytes in 1 objects" \
	"$(grep -oE "[0-9]+ bytes in [0-9]+ objects" "$scratch/stderr")"
tap_is "in a child of a fork, too: who allocated" "main" "$(
	at_exit "" "$scratch/forked" >/dev/null
	awk '/definitely lost in/ { getline; print $1; exit }' "$scratch/stderr")"
echo leak:main >"$scratch/known"
tap_is "what is suppressed is none, where a program has closed its output, too" "0 " \
	"$(at_exit ",leak_suppressions:$scratch/known" "$scratch/closed") $(cat "$scratch/stderr")"
tap_is "what is suppressed is none" "0 " \
	"$(at_exit ",leak_suppressions:$scratch/known" "$scratch/leak") $(cat "$scratch/stderr")"
for program in true "ls /" "sed -n 1p /etc/passwd" "cat /etc/passwd" "bash -c :"; do
	# shellcheck disable=SC2086
	tap_is "$program has no leak" 0 "$(at_exit "" $program)"
done
find "$boxes" -type f -newer "$scratch/leak" | tap_none "at exit: nothing is left"

tap_done
