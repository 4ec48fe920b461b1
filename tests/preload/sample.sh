#!/usr/bin/env bash
#
# sample.sh - call sites of real processes (sampled.c), as mstat prof tells them.
#
# Proves: what a function of a plugin allocated stays told when it was unloaded, and is not
# told of another that stands in its place since; a program may lie in several places; a child has its own and what it came with;
# nothing hangs or is lost while threads allocate and the rate changes.

. "${BASH_SOURCE[0]%/*}/preload.sh"

export MSTAT_CONF=dir:$scratch,sample:1

program=sampled

# begin ARG...: the program, up to its first line, which is $said.
begin()
{
	coproc SAMPLED { preload "$programs/$program" "$@"; }
	pid=$SAMPLED_PID
	IFS= read -r said <&"${SAMPLED[0]}"
}

end()
{
	exec {SAMPLED[1]}>&-
	wait "$pid"
	tap_is "$1: it ends well" 0 $?
}

# told VALUE FUNCTION PID: bytes of a function, by itself, to two digits; none: nothing.
told()
{
	"$MSTAT_TOOL" prof "--$1" --bytes --top 0 "$3" |
		awk -v f="$2" '$0 ~ " " f "( |$)" { gsub(",", ""); if ($1 != 0) printf("%.1e\n", $1) }'
}

times=40
begin plugins "$programs/.libs/grow_here.so" "$programs/.libs/grow_there.so" $times
echo "# $said"
for name in grow_here grow_there; do
	tap_is "$name() has all that it allocated" "4.0e+07" "$(told total "$name" "$pid")"
	tap_is "$name() holds none of it" "" "$(told live "$name" "$pid")"
done
end "plugins that come and go"

begin fork
child=${said#child }
tap_is "a child has what its parent allocated" 1.0e+06 "$(told total parent_keep "$child")"
tap_is "and what it did itself" 2.0e+06 "$(told live child_keep "$child")"
tap_is "the parent has nothing of its child's" "" "$(told total child_keep "$pid")"
tap_is "and holds what the child has freed" 1.0e+06 "$(told live parent_keep "$pid")"
tap_is "which the child does not" "" "$(told live parent_keep "$child")"
end "a fork"

program=sampled_apart
begin fork
tap_is "functions of a program with gaps have names" 1.0e+06 "$(told live parent_keep "$pid")"
tap_is "as it is the file that was loaded" "" \
	"$("$MSTAT_TOOL" prof "$pid" 2>&1 >/dev/null)"
end "a program with gaps"

begin_storm()
{
	coproc SAMPLED { preload "$programs/sampled" storm 4; }
	pid=$SAMPLED_PID
}
begin_storm
for bytes in 64 4k 0 100 512k 1k 0 64k; do
	sleep 0.3
	"$MSTAT_TOOL" set "$pid" "sample:$bytes" >/dev/null ||
		echo "sample:$bytes was not heard"
done | tap_none "the rate changes while all is busy"
IFS= read -r said <&"${SAMPLED[0]}"
tap_is "nothing hangs" ready "$said"
tap_is "what was freed is held by nobody" "" "$(told live churn "$pid")"
end "a storm"

tap_done
