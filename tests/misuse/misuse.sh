#!/usr/bin/env bash
#
# misuse.sh - one misuse a process, and how it ends.
#
# Proves: each ends by SIGABRT after exactly one line on stderr that says what the
# address is, and its size class if it has one; the caller that the line names is
# the function that made the call; every case of misuse.c stands in the table.
#
# Noticed in the very call: an address that is not the heap's, or inside a large
# object, or no multiple of 16; a large object's second free; the second of two frees
# in a row; a size or alignment that is not the object's.  Noticed when the objects go
# home to their span, or at exit: a small object's second free, an address inside one.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

program=$MSTAT_BUILD/tests/misuse/misuse
ulimit -c 0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
export MSTAT_CONF=dir:$scratch # a process that was ended leaves its box

foreign='not a pointer of this heap'
inside_large='not the start of an object: inside a large one'
no_object='double free or bad pointer: no object is there now'
again='double free: the object was freed before, size class 48'
inside_small='not the start of an object, size class 48'
again_at_exit='double free: the object was freed before (found at exit), size class 48'
inside_at_exit='not the start of an object (found at exit), size class 48'

# Case, the call and its address, what is said.  "later": it is noticed on the way
# home, where the caller is no longer known.
table="
free_stack                   | free(ADDRESS)               | $foreign
free_static                  | free(ADDRESS)               | $foreign
free_code                    | free(ADDRESS)               | $foreign
free_one                     | free(0x1)                   | $foreign
free_noncanonical            | free(0x4141414141414141)    | $foreign
free_highest                 | free(0xfffffffffffffff0)    | $foreign
free_sized_stack             | free(ADDRESS)               | $foreign
delete_static                | free(ADDRESS)               | $foreign
realloc_stack                | realloc(ADDRESS)            | $foreign
realloc_static               | realloc(ADDRESS)            | $foreign
realloc_noncanonical         | realloc(0x4141414141414141) | $foreign
realloc_zero_stack           | free(ADDRESS)               | $foreign
reallocarray_static          | realloc(ADDRESS)            | $foreign
usable_size_static           | malloc_usable_size(ADDRESS) | $foreign
free_inside_large            | free(ADDRESS)               | $inside_large
free_page_inside_large       | free(ADDRESS)               | $inside_large
realloc_inside_large         | realloc(ADDRESS)            | $inside_large
realloc_small_inside_large   | realloc(ADDRESS)            | $inside_large
usable_size_inside_large     | malloc_usable_size(ADDRESS) | $inside_large
double_in_a_row              | free(ADDRESS)               | $again
double_in_a_row_delete       | free(ADDRESS)               | $again
double_by_realloc_zero       | free(ADDRESS)               | $again
double_by_realloc            | realloc(ADDRESS)            | $again
realloc_freed_same           | realloc(ADDRESS)            | $again
usable_size_freed            | malloc_usable_size(ADDRESS) | $again
usable_size_freed_home       | malloc_usable_size(ADDRESS) | $again
usable_size_inside_small     | malloc_usable_size(ADDRESS) | $inside_small
double_large                 | free(ADDRESS)               | $no_object
double_large_apart           | free(ADDRESS)               | $no_object
realloc_freed_large          | realloc(ADDRESS)            | $no_object
realloc_small_freed_large    | realloc(ADDRESS)            | $no_object
usable_size_freed_large      | malloc_usable_size(ADDRESS) | $no_object
double_apart                 | free(ADDRESS)               | $again        | later
double_on_two_threads        | free(ADDRESS)               | $again        | later
free_inside_small            | free(ADDRESS)               | $inside_small | later
free_odd_inside_small        | free(ADDRESS)               | $inside_small
free_behind_last             | free(ADDRESS)               | $inside_small | later
double_and_exit              | free(ADDRESS)               | $again_at_exit | later
inside_and_exit              | free(ADDRESS)               | $inside_at_exit | later
double_and_exit_of_a_child   | free(ADDRESS)               | $again_at_exit | later
delete_larger                | operator delete(ADDRESS)    | wrong size: 100 bytes were given, size class 48
delete_array_larger          | operator delete[](ADDRESS)  | wrong size: 100 bytes were given, size class 48
delete_large_smaller         | operator delete(ADDRESS)    | wrong size: 524288 bytes were given, the object has 1048576
delete_aligned_as_plain      | operator delete(ADDRESS)    | wrong size: 40 bytes were given, size class 64
delete_plain_as_aligned      | operator delete(ADDRESS)    | wrong size: 40 bytes were given, size class 48
delete_misaligned            | operator delete(ADDRESS)    | wrong alignment: 8192 bytes were given, size class 48
delete_no_alignment          | operator delete(ADDRESS)    | wrong alignment: 24 bytes were given, size class 48
free_sized_larger            | free_sized(ADDRESS)         | wrong size: 49 bytes were given, size class 48
free_sized_much_smaller      | free_sized(ADDRESS)         | wrong size: 512 bytes were given, size class 1024
free_aligned_sized_larger    | free_aligned_sized(ADDRESS) | wrong size: 65 bytes were given, size class 64
"

# line_of CASE: what it says on stderr; its status is the case's.
line_of()
{
	{ LD_PRELOAD=$MSTAT_LIBRARY "$program" "$1" 2>&1 >/dev/null; } 2>/dev/null
}

# function_at OFFSET: the function of misuse.c that a return address lies in.
function_at()
{
	nm --defined-only -n "$program" | awk -v offset="$(($1))" '
		BEGIN { hex = sprintf("%016x", offset) }
		$2 ~ /[tT]/ && $1 < hex { name = $3 }
		END { print name }'
}

# trimmed TEXT: without the blanks around it.
trimmed()
{
	sed 's/^ *//; s/ *$//' <<<"$1"
}

case_check()
{
	local name=$1 want="libmstat: $2: $3" later=$4 status line caller place=' called from '

	line=$(line_of "$name")
	status=$?
	caller=$line
	tap_is "$name ends by SIGABRT" $((128 + 6)) $status
	line=$(sed -E "s/\((0x[0-9a-f]+)\)/(ADDRESS)/; s/,$place.*//" <<<"$line")
	[[ $want = *ADDRESS* ]] || line=${line/ADDRESS/$(sed -E 's/.*\((0x[0-9a-f]+)\).*/\1/' <<<"$caller")}
	tap_is "$name says what is wrong" "$want" "$line"
	if [ "$later" = later ]; then
		tap_is "$name is noticed when it is too late to know the caller" "" \
			"$(grep -o ",$place.*" <<<"$caller")"
	else
		[[ $caller =~ ,${place}(.*)\+(0x[0-9a-f]+)$ ]]
		tap_is "$name names the caller" "$program $name" \
			"${BASH_REMATCH[1]:-} $(function_at "${BASH_REMATCH[2]:-0}")"
	fi
}

while IFS='|' read -r name call what later; do
	name=$(trimmed "$name")
	[ -z "$name" ] || case_check "$name" "$(trimmed "$call")" "$(trimmed "$what")" \
		"$(trimmed "$later")"
done <<<"$table"

diff <("$program" | sort) <(awk 'NF { print $1 }' <<<"$table" | sort) |
	tap_none "every case stands in the table"

{ LD_PRELOAD=$MSTAT_LIBRARY "$program" free_stack 2>&- >/dev/null; } 2>/dev/null
tap_is "with stderr closed it ends in the same way" $((128 + 6)) $?

tap_done
