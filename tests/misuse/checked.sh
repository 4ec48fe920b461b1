#!/usr/bin/env bash
#
# checked.sh - what MSTAT_CONF=check:full finds: checked.c, by kind and size.
#
# Proves: each kind of misuse of an object of each band of sizes ends with the sentence that
# the table says, its bytes and its size class; what it can be blamed on is named by
# both stacks; what is no misuse is none.

. "${BASH_SOURCE[0]%/*}/kinds.sh"

export MSTAT_CONF=check:full,dir:$scratch

# One size of each band: those that share spans, those that are filled when they are freed,
# those whose pages are taken away.
small='8 24 40 100 1000 5000 20000'
filled='40000 100000'
taken='200000 3000000'

# The class that BYTES and 8 more are of.
class=([8]=16 [24]=32 [40]=48 [100]=112 [1000]=1024 [5000]=5120 [20000]=20480)

rows="
overflow_1         | $small $filled $taken | free    | $beyond B     | a  | 6
overflow_8         | $small $filled $taken | free    | $beyond B     | a  | 6
overflow_64        | $small $filled $taken | free    | $beyond B     | a  | 6
overflow_zero      | $small $filled $taken | free    | $beyond B     | a  | 6
overflow_into_next | $small                | free    | $beyond B     | a  | 6
overflow_realloc   | $small $filled $taken | realloc | $beyond B     | a  | 6
underflow_1        | $small $filled $taken | free    | written to 1 before its begin | a | 6
underflow_8        | $small $filled $taken | free    | written to 8 before its begin | a | 6
write_freed        | $small $filled        | malloc  | $after 0      | af | 6
write_freed        | $taken                | write   | $fault 0      | af | 11
write_freed_last   | $small $filled        | malloc  | $after L      | af | 6
write_freed_last   | $taken                | write   | $fault L      | af | 11
write_freed_zeroes | $small $filled        | malloc  | $after 0      | af | 6
read_freed         | $taken                | read    | $fault H      | af | 11
double_free        | $small $filled $taken | free    | $again        | af | 6
double_free_apart  | $small $filled $taken | free    | $again        | af | 6
realloc_freed      | $small $filled $taken | realloc | $again        | af | 6
usable_freed       | $small $filled $taken | malloc_usable_size | $again | af | 6
free_inside        | $small                | free    | $inside 4     | a  | 6
free_inside        | $filled $taken        | free    | $inside_large 4 | a | 6
free_behind        | $small                | free    | $inside B     | a  | 6
free_behind        | $filled $taken        | free    | $inside_large B | a | 6
sized_smaller      | $small $filled $taken | free_sized | wrong size: L bytes were given | a | 6
sized_larger       | $small $filled $taken | free_sized | wrong size: M bytes were given | a | 6
delete_smaller     | $small $filled $taken | operator delete | wrong size: L bytes were given | n | 6
"

table "$rows"

# What is read after it was freed is not found in small ones, but leads nowhere.
for bytes in $small $filled; do
	tap_is "what was freed of $bytes bytes reads 0xde" "reads de" \
		"$(LD_PRELOAD=$MSTAT_LIBRARY "$program" read_freed "$bytes" | head -n 1)"
	tap_is "with zero:1 of $bytes bytes it reads 0" "reads 00" \
		"$(MSTAT_CONF=$MSTAT_CONF,zero:1 LD_PRELOAD=$MSTAT_LIBRARY "$program" read_freed "$bytes" |
			head -n 1)"
done

run aligned_otherwise 640
line=$(head -n 1 <<<"$said" | sed -E 's/\(0x[0-9a-f]+\)/(ADDRESS)/; s/, called from .*//')
tap_is "another alignment than was asked for" \
	"libmstat: free_aligned_sized(ADDRESS): wrong alignment: 128 bytes were given, 640 bytes, size class 704" \
	"$line"

diff <("$program" | sort) <({ awk 'NF { print $1 }' <<<"$rows"; echo aligned_otherwise; } | sort -u) |
	tap_none "every kind stands in the table"

tap_done
