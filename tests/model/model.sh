#!/usr/bin/env bash
#
# model.sh - the model checker (main.c) for a while.  In a torture build too, where the
# library is as any other program's but refuses memory by itself.
#
#     MODEL_SECONDS=N   how long random runs go on, each with a seed of its own; 8
#     MODEL_SEED=N      the first of these seeds
#
# ./dev model --seconds N is the same for as long as one likes.

. "${BASH_SOURCE[0]%/*}/../preload/preload.sh"

model=$MSTAT_BUILD/tests/model/model
seconds=${MODEL_SECONDS:-8}
seed=${MODEL_SEED:-$((($(date +%s) << 12 ^ $$) & 0xffffffffff))}
export MSTAT_CONF="${MSTAT_CONF:+$MSTAT_CONF,}dir:$scratch"

own=()
case $MSTAT_SWITCHES in
*"torture yes"*) own=(--refuses) ;;
esac

# model OPTION...: its output; what it says is wrong too.
model()
{
	(preload timeout $((seconds + 300)) "$model" "$@" "${own[@]}") 2>&1 </dev/null
}

# Threads, forks, refusals.
model_runs()
{
	local name=$1 output status

	shift
	output=$(model "$@")
	status=$?
	tap_result $status "$name"
	printf '%s\n' "$output" | grep -v '^libmstat: dump' | tail -n 20 | tap_note
}

first=$(model --seed 7 --threads 1 --steps 4000 --counts)
again=$(model --seed 7 --threads 1 --steps 4000 --counts)
other=$(model --seed 8 --threads 1 --steps 4000 --counts)
tap_is "with one thread a run is a function of its seed" "$first" "$again"
[ "${first#*digest}" != "${other#*digest}" ]
tap_result $? "and another seed is another run"

never=$(model --seed 1 --threads 1 --steps 60000 --counts | sed -n 's/^never://p; s/^steps:.* 0$/&/p')
tap_is "in a long run every entry point is called" "" "$never"

model_runs "of one thread the books are exact after each step" \
	--seed 4 --threads 1 --steps 4000 --each-step
model_runs "each call for memory is refused once, and nothing else goes wrong" \
	--every-refusal --seed 3 --threads 1 --steps 100
model_runs "random runs find nothing wrong" --seconds "$seconds" --seed "$seed" --steps 10000
# Checked processes: the same calls, the same exact books.
own_conf=$MSTAT_CONF
for mode in check:full efence:1 check:sample,check_every:1,sample:1k; do
	export MSTAT_CONF=$mode,$own_conf
	model_runs "with $mode the books of one thread are exact after each step" \
		--seed 4 --threads 1 --steps 4000 --each-step
	model_runs "with $mode random runs find nothing wrong" \
		--seconds "$seconds" --seed "$seed" --steps 10000
done

tap_done
