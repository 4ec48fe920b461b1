#!/usr/bin/env bash
#
# efence.sh - what MSTAT_CONF=efence:1 finds: checked.c, by kind and size.
#
# Proves: what is read or written behind an object, up to its alignment, or after it was freed is
# stopped at that instruction; what is written before it or within the alignment is found when
# it is freed; each with both stacks.  What was freed is not handed out again, and is when
# address space has ended; where the kernel allows no more guard pages the program goes on.

. "${BASH_SOURCE[0]%/*}/kinds.sh"

export MSTAT_CONF=efence:1,dir:$scratch

# Multiples of 16, and others.
whole='16 4096 20000 40000 100000 200000 3000000'
rest='8 24 40 100 1000 5000'
all="$whole $rest"

rows="
overflow_1         | $whole | write   | $beside B     | a  | 11
overflow_1         | $rest  | free    | $beyond B     | a  | 6
overflow_8         | $whole | write   | $beside #     | a  | 11
overflow_8         | $rest  | free    | $beyond B     | a  | 6
overflow_64        | $all   | write   | $beside #     | a  | 11
overflow_zero      | $whole | write   | $beside B     | a  | 11
overflow_zero      | $rest  | free    | $beyond B     | a  | 6
overflow_into_next | $all   | write   | $beside #     | a  | 11
overflow_realloc   | $whole | write   | $beside #     | a  | 11
overflow_realloc   | $rest  | realloc | $beyond B     | a  | 6
underflow_1        | 4096 8192 65536 | write   | used 1 before its begin | a | 11
underflow_8        | 4096 8192 65536 | write   | used # before its begin | a | 11
underflow_1        | $rest 16 20000 40000 3000000 | free | written to 1 before its begin | a | 6
underflow_8        | $rest 16 20000 40000 3000000 | free | written to 8 before its begin | a | 6
write_freed        | $all   | write   | $fault 0      | af | 11
write_freed_last   | $all   | write   | $fault L      | af | 11
write_freed_zeroes | $all   | write   | $fault #      | af | 11
read_freed         | $all   | read    | $fault H      | af | 11
double_free        | $all   | free    | $again        | af | 6
double_free_apart  | $all   | free    | $again        | af | 6
realloc_freed      | $all   | realloc | $again        | af | 6
usable_freed       | $all   | malloc_usable_size | $again | af | 6
free_inside        | $all   | free    | $inside_large 4 | a | 6
free_behind        | $all   | free    | $inside_large B | a | 6
sized_smaller      | $all   | free_sized | wrong size: L bytes were given | a | 6
sized_larger       | $all   | free_sized | wrong size: M bytes were given | a | 6
delete_smaller     | $all   | operator delete | wrong size: L bytes were given | n | 6
"
table "$rows"

# enduring ARGUMENT...: what it says, and what is said of it.
enduring()
{
	LD_PRELOAD=$MSTAT_LIBRARY timeout 120 "${program%/*}/enduring" "$@" 2>&1
}

tap_is "of 50,000 objects none stands where another has" "50000 objects, 0 addresses twice" \
	"$(enduring cycle 50000 24)"
tap_is "where address space ends the oldest places are used again" \
	"100000 objects, some addresses twice" "$(ulimit -v 400000
		enduring cycle 100000 24 | sed 's/ [1-9][0-9]* addr/ some addr/')"
tap_is "30,000 at once" "30000 objects, 0 addresses twice" "$(enduring live 30000 24)"
# A kernel that cannot mark pages makes a mapping of each guard.
tap_is "on an old kernel what was freed takes no mappings" "50000 objects, 0 addresses twice" \
	"$(enduring old cycle 50000 24)"
most=$(cat /proc/sys/vm/max_map_count)
if [ "$most" -le 70000 ]; then
	tap_is "where it allows no more mappings that is said, and the program goes on" \
		"libmstat: check: no more guard pages, as vm.max_map_count is $most: objects go without until others are freed
$((most / 2)) objects, 0 addresses twice" "$(enduring old live $((most / 2)) 24)"
else
	tap_skip "where it allows no more mappings that is said" "it allows $most"
fi

tap_done
