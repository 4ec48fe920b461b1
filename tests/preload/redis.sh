#!/usr/bin/env bash
#
# redis.sh - redis-server under the library, under redis-benchmark, saving itself
# by fork meanwhile.
#
# Proves: the server serves, each BGSAVE of a child succeeds while clients write,
# what was saved is loaded again by a server of either kind with the same digest,
# and the server ends as it is told to.

. "${BASH_SOURCE[0]%/*}/preload.sh"

# redis-tools brings the server's program, under another name: the package
# redis-server is this link, and a service that starts.
mkdir "$scratch/bin" && ln -s "$(command -v redis-check-rdb)" "$scratch/bin/redis-server"
PATH=$scratch/bin:$PATH

socket=$scratch/redis.sock
server=

client()
{
	redis-cli -s "$socket" "$@" 2>&1
}

# server_start HOW: "plain" or "preloaded".
server_start()
{
	(
		[ "$1" = plain ] || export LD_PRELOAD=$MSTAT_LIBRARY
		cd "$scratch" && exec redis-server --port 0 --unixsocket "$socket" --daemonize no \
			--save '' --appendonly no --dir "$scratch" --io-threads 2
	) >"$scratch/redis.log" 2>&1 </dev/null &
	server=$!
	for _ in {1..100}; do
		[ "$(client ping)" = PONG ] && return
		sleep 0.1
	done
	return 1
}

server_end()
{
	client shutdown nosave >/dev/null
	wait "$server"
}

# saved: waits for the child.
saved()
{
	for _ in {1..300}; do
		[ "$(client info persistence | tr -d '\r' | sed -n 's/^rdb_bgsave_in_progress://p')" = 0 ] &&
			break
		sleep 0.05
	done
	client info persistence | tr -d '\r' | sed -n 's/^rdb_last_bgsave_status://p'
}

server_start preloaded
tap_result $? "the server starts"
grep -q "$MSTAT_LIBRARY" "/proc/$server/maps"
tap_result $? "with the library in it"

redis-benchmark -s "$socket" -q -n 40000 -r 20000 -d 200 -c 20 -P 8 \
	-t set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset >"$scratch/benchmark" 2>&1 &
benchmark=$!
for round in 1 2 3 4; do
	sleep 0.2
	client bgsave >/dev/null
	tap_is "BGSAVE $round succeeds while clients write" ok "$(saved)"
done
wait $benchmark
tap_is "the benchmark ends well" 0 $?
tap_is "and measured what it should" 11 "$(tr '\r' '\n' <"$scratch/benchmark" |
	grep -cE 'requests per second, p50')"

client config set maxmemory-policy allkeys-lru >/dev/null
client config set activedefrag yes >/dev/null
for ((i = 0; i < 2000; i++)); do echo "SET key$i $(printf '%*s' $((i % 300)) '' | tr ' ' x)"; done |
	client --pipe >/dev/null
client eval 'for i = 1, 20000 do redis.call("zadd", "scores", i * 7919 % 10007, "member" .. i) end return 1' 0 >/dev/null
digest=$(client debug digest)
tap_is "a save while nobody writes succeeds" OK "$(client save)"
keys=$(client dbsize)
server_end
tap_is "the server ends as it is told to" 0 $?

for how in preloaded plain; do
	server_start $how
	tap_is "a $how server loads what was saved" "$keys $digest" "$(client dbsize) $(client debug digest)"
	server_end
done

tap_done
