#!/usr/bin/env bash
#
# tags.sh - tags (tags.c), in processes that are checked or not, and what mstat says of them,
# as long as they live and after they were killed.

. "${BASH_SOURCE[0]%/*}/preload.sh"

for conf in "" sample:4k check:full check:sample,check_every:1,sample:16k efence:1 tiny:0; do
	MSTAT_CONF=$conf adopt "tags ${conf:-as it is}" "$programs/tags"
done
MSTAT_CONF=tags:all adopt "tags tags:all" "$programs/tags" all

# shown TARGET: of each tag its name, live objects, live bytes and counted scopes.
shown()
{
	"$MSTAT_TOOL" show --json "$1" | /usr/bin/python3 -c '
import json, sys
for tag in json.load(sys.stdin)["tags"]:
    print(tag["name"], tag["live_objects"], tag["live_bytes"], tag["counted_scopes"])'
}

# is_near WANT GOT: an estimate is within a third, as an estimate from hundreds of samples is.
is_near()
{
	awk -v want="$1" -v got="$2" 'BEGIN { exit !(got > want * 2 / 3 && got < want * 4 / 3) }'
}

mkdir -p "$scratch/boxes"
export MSTAT_CONF=dir:$scratch/boxes,sample:16k

coproc keeper { preload "$programs/tags" keep; }
pid=$keeper_PID
read -r parser cache <&"${keeper[0]}"
want="parser 1000 $parser 1
cache \"x\" 3000 $cache 1"
tap_is "a living process's tags, exactly" "$want" "$(shown "$pid")"
"$MSTAT_TOOL" show --bytes "$pid" | tr -d , >"$scratch/show.txt"
tap_run "mstat show lists them" grep -qE "^ *1000 +$parser +1001 .* \[parser\]$" "$scratch/show.txt"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
box=$(find "$scratch/boxes" -name "*.box")
tap_is "the same after it was killed" "$want" "$(shown "$box")"

"$MSTAT_TOOL" prof --by tag --bytes "$box" >"$scratch/by-tag.txt"
tap_run "prof --by tag has each tag" grep -qF "[parser]" "$scratch/by-tag.txt"
tap_run "prof --by tag has the rest" grep -qF "(no tag)" "$scratch/by-tag.txt"
"$MSTAT_TOOL" prof --folded "$box" >"$scratch/folded.txt"
tap_run "a tag is the outermost frame" grep -qE '^\[parser\];[^[]' "$scratch/folded.txt"
tap_run "one within another is behind it" grep -qE '^\[parser\];\[cache "x"\];[^[]' "$scratch/folded.txt"
"$MSTAT_TOOL" prof --pprof "$scratch/tags.pb.gz" "$box"
tap_run "pprof has them" grep -qaF "[parser]" <(gzip -dc "$scratch/tags.pb.gz")
"$MSTAT_TOOL" prof --folded --by tag "$box" >"$scratch/folded-tags.txt"
estimate=$(sed -nE 's/^\[parser\] ([0-9]+)$/\1/p' "$scratch/folded-tags.txt")
tap_run "the estimate of one is near what is counted" is_near "$parser" "$estimate"
estimate=$(sed -nE 's/^\[parser\];\[cache "x"\] ([0-9]+)$/\1/p' "$scratch/folded-tags.txt")
tap_run "so is that of the other" is_near "$cache" "$estimate"
rm -f "$box"

# Scopes that are sampled: the estimates are there, and nothing is counted.
coproc sampled { preload "$programs/tags" sampled; }
pid=$sampled_PID
read -r parser cache <&"${sampled[0]}"
tap_is "what is sampled is not counted" "parser 0 0 0
cache \"x\" 0 0 0" "$(shown "$pid")"
estimate=$("$MSTAT_TOOL" show --json "$pid" | /usr/bin/python3 -c '
import json, sys
print(json.load(sys.stdin)["tags"][1]["sampled"]["bytes"])')
tap_run "mstat show has its estimate" is_near "$cache" "$estimate"
kill "$pid"
wait "$pid" 2>/dev/null

# A dump in JSON has them too.
export MSTAT_CONF=dir:$scratch/boxes,sample:16k,dump_format:json,dump:$scratch/dump.json
coproc dumped { preload "$programs/tags" keep; }
pid=$dumped_PID
read -r parser cache <&"${dumped[0]}"
"$MSTAT_TOOL" dump "$pid" >/dev/null
"$MSTAT_TOOL" prof --folded --by tag "$scratch/dump.json" >"$scratch/folded-dump.txt"
tap_run "prof reads tags of a dump" grep -qE '^\[parser\] [0-9]+$' "$scratch/folded-dump.txt"
kill "$pid"
wait "$pid" 2>/dev/null

# Leaks of a checked process, whose every object is known.
export MSTAT_CONF=dir:$scratch/boxes,check:full
coproc leaking { preload "$programs/tags" keep; }
pid=$leaking_PID
read -r parser cache <&"${leaking[0]}"
"$MSTAT_TOOL" leaks "$pid" >"$scratch/leaks.txt" 2>&1
tap_run "leaks are of a tag" grep -qF "[parser]" "$scratch/leaks.txt"
kill "$pid"
wait "$pid" 2>/dev/null

tap_done
