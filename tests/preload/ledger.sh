#!/usr/bin/env bash
#
# ledger.sh - `mstat show` of real programs that stand still: its lines add up to
# what the kernel says the process holds, and what is left unexplained is at most
# one per cent of it.

. "${BASH_SOURCE[0]%/*}/preload.sh"

# figure KEY: of the last show's ledger.
figure()
{
	jq -r ".ledger.$1" "$scratch/show.json"
}

# explained NAME CMD...: CMD prints a line with "ready" when it has its memory, and
# waits for its stdin to end.  "ready: PID" names another process to look at.
explained()
{
	local name=$1 pid shown line sum

	shift
	mkfifo "$scratch/in" "$scratch/out"
	(preload "$@") <"$scratch/in" >"$scratch/out" 2>"$scratch/stderr" &
	pid=$! shown=$!
	exec 8>"$scratch/in" 9<"$scratch/out"
	[ -z "${FEED:-}" ] || printf '%s\n' "$FEED" >&8
	while read -r -t 60 line <&9; do
		case $line in
		ready:*) shown=${line#ready: } ;;&
		*ready*) break ;;
		esac
	done
	sleep 0.2
	"$MSTAT_TOOL" show --json "$shown" >"$scratch/show.json" 2>"$scratch/show-stderr"
	tap_is "$name: mstat shows it" 0 $?
	cat "$scratch/show-stderr" | tap_note
	sum=$(jq '.ledger | .live_bytes + .magazine_bytes + .span_free_bytes + .idle_bytes
		+ .metadata_bytes - .untouched_bytes - .released_bytes - .swapped_bytes
		- .heap_resident_bytes' "$scratch/show.json")
	tap_is "$name: the heap's lines add up" 0 "$sum"
	sum=$(jq '.ledger | .heap_resident_bytes + .program_bytes + .stacks_bytes + .box_bytes
		+ .brk_bytes + .anonymous_bytes + .shared_bytes + .remainder_bytes - .rss_bytes' "$scratch/show.json")
	tap_is "$name: the process's lines add up" 0 "$sum"
	tap_is "$name: at most 1 % is unexplained" true \
		"$(jq '.ledger | (.remainder_bytes | fabs) * 100 <= .rss_bytes' "$scratch/show.json")"
	echo "# $name: RSS $(figure rss_bytes), remainder $(figure remainder_bytes)"
	exec 8>&- 9<&-
	wait "$pid"
	rm -f "$scratch/in" "$scratch/out"
}

explained python3 env PYTHONMALLOC=malloc /usr/bin/python3 -c '
import sys
kept = {str(i): [i] * (i % 7) for i in range(200000)}
for i in range(0, 200000, 3): del kept[str(i)]
print("ready", flush=True)
sys.stdin.read()'

explained perl perl -e '
$| = 1; my %h = map { $_ => "x" x ($_ % 300) } 1 .. 50000; delete @h{grep { $_ % 2 } keys %h};
print "ready\n"; <STDIN>'

explained bash bash -c 'for ((i = 0; i < 20000; i++)); do a[i]=value$i; done; echo ready; read -r line'

FEED='create table t (a, b); with recursive n (i) as (select 1 union all select i + 1 from n where i < 100000)
insert into t select i, hex(randomblob(40)) from n; delete from t where a % 3 = 0;
select '"'ready'"';' explained sqlite3 sqlite3 :memory:

explained lua lua5.4 -e 't = {} for i = 1, 200000 do t[i] = {tostring(i)} end for i = 1, 200000, 2 do t[i] = nil end
	print("ready") io.stdout:flush() io.read("a")'

cat >"$scratch/map.cc" <<'END'
#include <iostream>
#include <map>
#include <string>
int main()
{
	std::map<std::string, std::string> map;
	for (int i = 0; i < 100000; i++)
		map[std::to_string(i)] = std::string(i % 200, 'x');
	for (int i = 0; i < 100000; i += 2)
		map.erase(std::to_string(i));
	std::cout << "ready" << std::endl;
	std::cin.get();
}
END
g++ -O1 -o "$scratch/map" "$scratch/map.cc"
explained "a C++ map" "$scratch/map"

git -c init.defaultBranch=main init -q "$scratch/repository"
seq 50000 >"$scratch/repository/file"
git -C "$scratch/repository" add file
FEED='ready' explained git git -C "$scratch/repository" cat-file --batch-check

explained redis-server bash -c '
	ln -s "$(command -v redis-check-rdb)" "$0/redis-server"
	"$0/redis-server" --port 0 --unixsocket "$0/socket" --save "" >/dev/null </dev/null &
	server=$!
	export -n LD_PRELOAD
	until redis-cli -s "$0/socket" ping >/dev/null 2>&1; do sleep 0.1; done
	redis-benchmark -q -s "$0/socket" -t set -n 20000 -r 20000 -d 200 >/dev/null
	echo "ready: $server"; read -r line; kill $server; wait' "$scratch"

tap_done
