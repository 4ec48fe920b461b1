#!/usr/bin/env bash
#
# conformance.sh - docs/conformance.md against tests/conformance.
#
# Proves: each row of the tables names a test that is there and is run; each
# conformance test has a row; a rule's number stands in its test's name; each program of
# tests/coro/programs is in the table of those, and each in the table is there.

. "${BASH_SOURCE[0]%/*}/tap.sh"
cd "${MSTAT_SOURCE:-${BASH_SOURCE[0]%/*}/..}" || exit 1

table=docs/conformance.md
suites=(tests/conformance/check_*.c)

# RULE TEST for each row.
rows=$(sed -nE 's/^\| ([A-Z][0-9]+) \|.*\| `([a-z0-9_]+)` \|$/\1 \2/p' "$table")
row_tests=$(cut -d' ' -f2 <<<"$rows" | sort)
defined=$(sed -nE 's/^START_TEST\((test_[a-z0-9_]+)\).*/\1/p' "${suites[@]}" | sort)
run=$(grep -hv '^START_TEST' "${suites[@]}" | grep -oE '\btest_[a-z0-9_]+' | sort)

tap_run "there are rows" [ -n "$rows" ]

grep -E '^\| [A-Z][0-9]+ ' "$table" | grep -vE '^\| [A-Z][0-9]+ \|.*\| `[a-z0-9_]+` \|$' |
	tap_none "each row names a rule, what holds and one test"

comm -23 <(echo "$row_tests") <(echo "$defined") | tap_none "each row's test is there"
comm -13 <(echo "$row_tests") <(echo "$defined") | tap_none "each conformance test has a row"
comm -13 <(echo "$run") <(echo "$defined") | tap_none "each conformance test is run"
uniq -d <<<"$row_tests" | tap_none "no test proves two rows"

while read -r rule name; do
	[[ $name == test_${rule,,}_* ]] || echo "$rule: $name"
done <<<"$rows" | tap_none "a test's name begins with its rule"

# The first columns of the table, and the sources but what they share.
programs=$(sed -n '/^| program |/,/^$/p' "$table" | grep '^| `' | cut -d'|' -f2 | grep -oE '[a-z]+' | sort)
diff <(echo "$programs") <(find tests/coro/programs -name '*.c*' ! -name 'cases.c' -printf '%f\n' | sed 's/\..*//' | sort) |
	grep '^[<>]' | tap_none "the programs of coroutines are those in their table"

tap_done
