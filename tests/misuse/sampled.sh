#!/usr/bin/env bash
#
# sampled.sh - what MSTAT_CONF=check:sample finds of an object that it has chosen: checked.c, by
# kind and size.
#
# Proves: by turns what is touched behind an object or before it, and always what is touched after
# it was freed, is stopped at that instruction; the rest is found when it is freed; each with
# both stacks.  Objects that were not chosen are as ever.

. "${BASH_SOURCE[0]%/*}/kinds.sh"

# Every object is chosen: the first stands at the end of its pages, the second at their begin.
export MSTAT_CONF=check:sample,check_every:1,sample:1,dir:$scratch

whole='16 4096 20000 32768'
rest='8 24 40 100 1000 5000'
all="$whole $rest"

# Of either turn.
either="
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
"
table "$either
overflow_1         | $whole | write   | $beside B     | a  | 11
overflow_1         | $rest  | free    | $beyond B     | a  | 6
overflow_8         | $whole | write   | $beside #     | a  | 11
overflow_64        | $all   | write   | $beside #     | a  | 11
overflow_zero      | $whole | write   | $beside B     | a  | 11
overflow_realloc   | $whole | write   | $beside #     | a  | 11
overflow_realloc   | $rest  | realloc | $beyond B     | a  | 6
underflow_1        | $rest 16 20000 | free | written to 1 before its begin | a | 6
underflow_8        | 4096 32768 | write | used # before its begin | a | 11
"
before=1
table "$either
underflow_1        | $all   | write   | used 1 before its begin | a | 11
underflow_8        | $all   | write   | used # before its begin | a | 11
overflow_1         | $rest 16 20000 | free | $beyond B | a | 6
overflow_1         | 4096 32768 | write | $beside B   | a | 11
overflow_realloc   | $rest 20000 | realloc | $beyond B | a | 6
"
tap_done
