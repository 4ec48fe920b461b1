#!/usr/bin/env bash
#
# matrix.sh - every kind of misuse, of every size, by whom and when: matrix.c.
#
# Proves: each cell ends by SIGABRT and one line of libmstat that is right for its kind; but
# for some in which the address is somebody else's by the time of the wrong call, so
# that nothing is wrong with it any more.  In a process of which all is checked, too; with
# efence:1 no address is ever somebody else's.
#
# usage: matrix.sh                       the test
#        matrix.sh table NAME=LIBRARY... what each malloc does (LIBRARY empty: libc's; with
#                                        @CONF, by that MSTAT_CONF), as the table in
#                                        docs/reliability.md
#        matrix.sh cells NAME=LIBRARY... the same cell by cell, as the one in docs/misuse.md

. "${BASH_SOURCE[0]%/*}/../tap.sh"

program=${MSTAT_BUILD:-build}/tests/misuse/matrix
# Deletes are C++'s: where the malloc has none, its runtime's.
runtime=$(${CXX:-g++} -print-file-name=libstdc++.so.6 2>/dev/null)
ulimit -c 0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
export MSTAT_CONF=dir:$scratch # a process that was ended leaves its box

# outcome LIBRARY[@CONF] KIND SIZE WHO WHEN: in $said and $status.
outcome()
{
	local library=${1%%@*} conf=

	[[ $1 != *@* ]] || conf=${1#*@},
	shift
	said=$( { MSTAT_CONF=$conf$MSTAT_CONF LD_PRELOAD="$library${runtime:+:$runtime}" timeout 60 "$program" "$@" 2>&1 \
		</dev/null; } 2>/dev/null)
	status=$?
}

# What one cell came to, in a word.
verdict()
{
	case $status in
	134) echo caught ;;
	0) echo missed ;;
	124) echo hangs ;;
	*) echo crashes ;;
	esac
}

# verdicts NAME=LIBRARY...: a line for each malloc's each cell.
verdicts()
{
	local malloc

	"$program" | while read -r kind size who when; do
		for malloc; do
			outcome "${malloc#*=}" "$kind" "$size" "$who" "$when"
			echo "$kind $size ${malloc%%=*} $(verdict) $who $when"
		done
	done
}

# table NAME=LIBRARY...: a row a kind, for each malloc how many of its cells are caught.
table()
{
	verdicts "$@" | awk -v names="${*%%=*}" '
		BEGIN { count = split(names, name, " ") }
		!($1 in cells) { order[++kinds] = $1 }
		$3 == name[1] { cells[$1]++; all++ }
		{ cells[$1] += 0; seen[$1, $3, $4]++; sum[$3, $4]++ }
		function said(kind, who) {
			return seen[kind, who, "caught"] + 0 "/" cells[kind] \
				(seen[kind, who, "crashes"] ? " (" seen[kind, who, "crashes"] " crash)" : "") \
				(seen[kind, who, "hangs"] ? " (" seen[kind, who, "hangs"] " hang)" : "")
		}
		END {
			printf "| kind |"; for (i = 1; i <= count; i++) printf " %s |", name[i]
			printf "\n|---|"; for (i = 1; i <= count; i++) printf "---|"
			print ""
			for (k = 1; k <= kinds; k++) {
				printf "| %s |", order[k]
				for (i = 1; i <= count; i++) printf " %s |", said(order[k], name[i])
				print ""
			}
			printf "| **all** |"
			for (i = 1; i <= count; i++) printf " **%d of %d** |", sum[name[i], "caught"], all
			print ""
		}'
}

# cells NAME=LIBRARY...: a row a kind and size, in each cell what each malloc does.
cells()
{
	verdicts "$@" | awk '
		!(($1, $2) in rows) { rows[$1, $2] = ++count; names[count] = $1 " | " $2 }
		{
			at = rows[$1, $2] SUBSEP $5 SUBSEP $6
			if (said[at] != "")
				said[at] = said[at] " / "
			said[at] = said[at] $4
		}
		END {
			print "| kind | size | its owner, at once | its owner, later | another thread, at once | another thread, later |"
			print "|---|---|---|---|---|---|"
			for (row = 1; row <= count; row++)
				printf "| %s | %s | %s | %s | %s |\n", names[row],
					said[row, "owner", "at_once"], said[row, "owner", "later"],
					said[row, "other", "at_once"], said[row, "other", "later"]
		}'
}

case ${1:-} in
table | cells)
	"$@"
	exit
	;;
esac

foreign='not a pointer of this heap'
again='double free: the object was freed before'
none='double free or bad pointer: no object is there now'
inside='not the start of an object'

# What may be said of a kind: the call, then the beginnings of sentences.  An address behind
# or before an object may be anything but an object's.
rules="
double_free            | free                   | $again | $none
double_free_apart      | free                   | $again | $none
double_free_reused     | free                   | $again | $none
double_free_by_realloc | free                   | $again | $none
realloc_freed          | realloc free           | $again | $none
free_inside            | free                   | $inside | $again
free_misaligned        | free                   | $inside
free_half_aligned      | free                   | $inside
free_before            | free                   | $foreign | $inside | $again | $none
free_behind            | free                   | $foreign | $inside | $again | $none
realloc_inside         | realloc free           | $inside | $again
realloc_behind         | realloc free           | $foreign | $inside | $again | $none
delete_larger          | operator delete        | wrong size: 
delete_smaller         | operator delete        | wrong size: 
delete_alignment       | operator delete        | wrong alignment: 
realloc_stack          | realloc                | $foreign
"

# Where the pages of the freed object, or those behind it, are somebody's by then.
may_be_fine='^((double_free(_apart|_reused|_by_realloc)?|realloc_freed) huge|free_behind (large|huge)) '

# is_right KIND LINE: whether that may be said of it.
is_right()
{
	local call=free what=$foreign rule each

	rule=$(grep "^$1 " <<<"$rules") && IFS='|' read -r _ call what <<<"$rule"
	while read -r each; do
		[[ $2 == "libmstat: "*"(0x"*"): $each"* ]] || continue
		each=${2#libmstat: }
		[[ $call == operator* && ${each%%(*} == "operator delete" ]] && return
		[[ " $call " == *" ${each%%(*} "* ]] && return
	done < <(tr '|' '\n' <<<"$what" | sed 's/^ *//; s/ *$//')
	return 1
}

# all_right CONF FINE: each cell by that MSTAT_CONF; those that FINE matches may go unnoticed.
all_right()
{
	local conf=$1 fine=$2 first

	"$program" | while read -r kind size who when; do
		outcome "$MSTAT_LIBRARY@$conf" "$kind" "$size" "$who" "$when"
		name="$conf: $kind, $size, ${who/other/another thread}, ${when/_/ }"
		said=${said#not noticed$'\n'}
		first=${said%%$'\n'*}
		judged=$kind
		# An object of 8 bytes that shares no block has nothing of its own at byte 16.
		[ "$size $conf" = "tiny check:none" ] || [ "$size" != tiny ] || judged=${kind/inside/behind}
		if [ "$(verdict)" = caught ] && is_right "$judged" "$first" &&
			[[ $said == "$first" || $said == "$first"$'\n  allocated by '* ]]; then
			tap_result 0 "$name"
		elif [ "$said" = "not noticed" ] && [[ "$kind $size " =~ $fine ]]; then
			tap_result 0 "$name: it is somebody else's by then"
		else
			tap_result 1 "$name"
			printf 'status %s\n%s\n' $status "$said" | tap_note
		fi
	done
}

all_right check:none "$may_be_fine"
all_right check:full "$may_be_fine"
all_right efence:1 '^$'
tap_done
