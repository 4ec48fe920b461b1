#!/usr/bin/env bash
#
# killed.sh - what a process leaves that is killed while it works.
#
# Proves: killed at any moment, it leaves a box of which no part is damaged, and which names
# the function that grew; so does one that was refused memory and aborts, and a child; its
# control group is known; `mstat post` finds it by its pid.  The seed is printed:
# MSTAT_SEED=N runs it again.

. "${BASH_SOURCE[0]%/*}/preload.sh"

mstat=${MSTAT_TOOL:?}
unset XDG_RUNTIME_DIR
seed=${MSTAT_SEED:-$((SRANDOM % 32768))}
RANDOM=$seed
printf '# MSTAT_SEED=%s\n' "$seed"
export MSTAT_CONF=${MSTAT_CONF:+$MSTAT_CONF,}sample:16k,dir:$scratch
folder=$scratch/mstat-$(id -u)
moments=200

# start ARG...: the program in the background; sets pid and box.
start()
{
	(preload "$programs/killed" "$@") >"$scratch/printed" 2>&1 </dev/null &
	pid=$!
	box=$folder/$pid.box
}

# What a box tells, in one line: damaged parts of it and of its call sites, samples of what
# was alive, the function that held most of it.
told()
{
	"$mstat" post --json "$1" >"$scratch/told" 2>"$scratch/complaint" || {
		cat "$scratch/complaint"
		return
	}
	awk -F '[":, ]+' '
		$2 == "damaged_parts" { damaged += $3 }
		$2 == "live" { is_live = 1 }
		is_live && $2 == "samples" { samples = $3; is_live = 0 }
		$2 == "functions" { is_first = 1 }
		is_first && $2 == "name" { name = $3; is_first = 0 }
		END { print damaged + 0, samples + 0, name }' "$scratch/told"
}

# ---- at any moment ----------------------------------------------------------

# Of fewer samples by chance something else may come first.
enough=8
early=0 sampled=0 damaged='' misnamed=''
for ((i = 0; i < moments; i++)); do
	# While it starts, and when it has grown for a while.
	delay=$((RANDOM % (i % 2 == 0 ? 30000 : 150000)))
	start $delay
	wait "$pid" 2>/dev/null
	if [ ! -e "$box" ]; then
		early=$((early + 1))
		continue
	fi
	line=$(told "$box")
	read -r parts samples name <<<"$line"
	[ "$parts" = 0 ] || damaged+="after $delay us: $line"$'\n'
	if [ "$parts" = 0 ] && [ "$samples" -ge $enough ]; then
		sampled=$((sampled + 1))
		[ "$name" = table_grow ] || misnamed+="after $delay us: $line"$'\n'
	fi
	if ((i % 20 == 0)); then
		"$mstat" prof --json "$box" >"$scratch/prof" 2>&1 &&
			grep -q '"damaged_parts": 0,' "$scratch/prof" ||
			damaged+="prof, after $delay us: $(tail -n 1 "$scratch/prof")"$'\n'
	fi
	rm -f "$box"
done
printf '# %d killed, %d before there was a box, %d with samples\n' $moments $early $sampled
tap_none "killed at any moment no part is damaged" < <(printf %s "$damaged")
tap_none "what grew is named first" < <(printf %s "$misnamed")
tap_is "many have samples" 1 $((sampled >= moments / 5))

# ---- what is told -----------------------------------------------------------

start 600000
wait "$pid" 2>/dev/null
out=$("$mstat" post --dir "$scratch" "$pid" 2>&1)
tap_is "post finds the box by its pid" 0 $?
tap_is "it names the process" "killed ($pid)  dead" "$(head -n 1 <<<"$out")"
tap_is "its end is not known" 1 "$(grep -c '^  It is not known how: ' <<<"$out")"
tap_is "the first function is the one that grew" table_grow \
	"$(awk '/ cum %/ { getline; sub(/.*[0-9]  /, ""); print $1; exit }' <<<"$out")"
tap_is "the whole stack leads to it" 1 \
	"$(sed -n '/^The largest call stack/,$p' <<<"$out" | grep -c '^    table_grow ')"
tap_none "no line before the tables is longer than 80 columns" < <(
	sed '/^Who had asked/,$d' <<<"$out" | grep -v "^box " | awk 'length > 80')
told "$box" >/dev/null
group=$(awk -F '"' '$2 == "cgroup" { is_group = 1 } is_group && $2 == "path" { print $4; exit }' \
	"$scratch/told")
want=$(awk -F : '$2 ~ /(^|,)memory(,|$)/ { v1 = $3 } $1 == 0 { v2 = $3 }
	END { print v1 != "" ? v1 : v2 }' /proc/self/cgroup)
tap_is "its control group is known" "$want" "$group"

start 600000 child
wait "$pid" 2>/dev/null
child=$(cat "$scratch/printed")
line=$(told "$folder/$child.box")
tap_is "a child's box tells of the child" "0 table_grow" "${line%% *} ${line##* }"
tap_is "with its control group" "$want" "$(awk -F '"' '
	$2 == "cgroup" { is_group = 1 } is_group && $2 == "path" { print $4; exit }' "$scratch/told")"

(ulimit -v 400000 && preload "$programs/killed" limit) >/dev/null 2>&1 </dev/null &
pid=$!
wait "$pid" 2>/dev/null
tap_is "refused memory, it aborts" 134 $?
box=$folder/$pid.box
line=$(told "$box")
tap_is "its box names who grew" "0 table_grow" "${line%% *} ${line##* }"
out=$("$mstat" post "$box")
tap_is "post tells that it was refused memory" 1 \
	"$(grep -c '^  It had been refused memory, [0-9]* times\?:' <<<"$out")"
tap_is "which is no cause that is known" 1 "$(grep -c '^  It is not known how: ' <<<"$out")"

start 3000000
sleep 0.3
out=$("$mstat" post --dir "$scratch" "$pid" 2>&1)
tap_is "of a living process there is nothing to tell" \
	"1|mstat: process $pid lives: 'mstat show $pid' tells where its memory is, 'mstat prof $pid' who holds it" \
	"$?|$out"
kill -KILL "$pid"
wait "$pid" 2>/dev/null

tap_done
