#!/usr/bin/env bash
#
# man.sh - the manual pages against the public headers and the list of pages.
#
# Proves: each function, struct, typedef and constant of mstat_coro.h and mstat.h is in a
# page, a function in its synopsis; no synopsis has a function that is in no header; what
# a synopsis has is what the page's first line is about; each page is built; a reference to
# a page of ours leads to one.

. "${BASH_SOURCE[0]%/*}/tap.sh"
cd "${MSTAT_SOURCE:-${BASH_SOURCE[0]%/*}/..}" || exit 1

headers=(include/mstat.h include/mstat_coro.h)
pages=(man/*.scd)

# What macros and inline functions are made of: no program calls or names it.
made_of='coro_(defer_at|frame_return|frame_end|recover_at|record_push|record_take|unwinds_not)'
made_of+='|coro_lexical_(begin|end)|coro_(point|frame|frame_is_here|frame_guard|record|lexical)'

# The code of a file, without comments.
code_of()
{
	perl -0777 -pe 's{/\*.*?\*/}{}gs' "$@"
}

not_made_of()
{
	grep -vxE "$made_of" | LC_ALL=C sort -u
}

# A declaration begins at the margin; so does a macro that is called like a function.
functions_of()
{
	code_of "$@" | grep -oP '^(?!#|\s|static|inline)[^(]*?\b\K(coro|mstat)_\w+(?=\()|^#define \K(coro_\w+|CORO_DEFER)(?=\()' |
		not_made_of
}

types_of()
{
	code_of "$@" |
		grep -oP '^(struct|enum) \K(coro|mstat)_\w+(?= \{)|^typedef .*\b\K(coro|mstat)_\w+(?=;)' | not_made_of
}

constants_of()
{
	code_of "$@" | grep -oP '^(enum \{ |\t)\K(CORO|MSTAT)_[A-Z_]+(?= =)|^#define \K(CORO_FAILED|CORO_FRAME)\b' |
		LC_ALL=C sort -u
}

# section NAME PAGE: its text, plain.
section()
{
	sed -n "/^# $1\$/,/^# /{ /^# /d; p; }" "$2" | tr -d '*\\'
}

# Functions in a page's synopsis; a parameter that is one has a parenthesis before it.
synopsis_of()
{
	section SYNOPSIS "$1" | grep -oP '(?<!\(|\w)((coro|mstat)_\w+|CORO_DEFER)(?=\()' | LC_ALL=C sort -u
}

# What a page is of.
names_of()
{
	section NAME "$1" | tr '\n' ' ' | sed 's/ - .*//' | grep -oE '\w+' | LC_ALL=C sort -u
}

all_synopses()
{
	for page in "${pages[@]}"; do
		synopsis_of "$page"
	done | LC_ALL=C sort -u
}

tap_run "there are functions" [ -n "$(functions_of "${headers[@]}")" ]

comm -23 <(functions_of "${headers[@]}") <(all_synopses) | tap_none "each function is in a synopsis"
comm -13 <(functions_of "${headers[@]}") <(all_synopses) | tap_none "each function in a synopsis is in a header"

{
	types_of "${headers[@]}"
	constants_of "${headers[@]}"
} | while read -r name; do
	cat "${pages[@]}" | grep -qw -- "$name" || echo "$name"
done | tap_none "each type and constant is in a page"

for page in "${pages[@]}"; do
	comm -13 <(names_of "$page") <(synopsis_of "$page") | sed "s|^|$page: |"
done | tap_none "a page's first line names what its synopsis has"

for page in "${pages[@]}"; do
	grep -qF "%D%/$(basename "$page" .scd)" man/local.mk || echo "$page"
done | tap_none "each page is built"

# NAME(SECTION) in bold is a page, or in the first line of one.
for page in "${pages[@]}"; do
	grep -oP '\*\K(coro\w*|mstat\w*|libmstat|CORO_\w+)\*\([1-8]\)' "$page" | tr -d '*' |
		while IFS='()' read -r name section; do
			[ -f "man/$name.$section.scd" ] && continue
			for other in man/*."$section".scd; do
				names_of "$other" | grep -qx "$name" && continue 2
			done
			echo "$page: $name($section)"
		done
done | tap_none "each reference leads to a page"

tap_done
