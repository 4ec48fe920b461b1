#!/usr/bin/env bash
#
# floors.sh - what grep can prove of the house rules.
#
# Proves: a file includes only from its own floor and from earlier ones; every
# include of the project is written from the root and names a file that is there;
# the library's own floors never call the malloc that they are.

. "${BASH_SOURCE[0]%/*}/tap.sh"
cd "${MSTAT_SOURCE:-${BASH_SOURCE[0]%/*}/..}" || exit 1

# Each floor, the earlier ones before it.
floors=(base stats heap tinyalloc profile check preload)

sources_of()
{
	find "$@" -name '*.[chS]' 2>/dev/null | LC_ALL=C sort
}

# FILE:LINE:NAME for each include in quotes.
includes_of()
{
	local files

	mapfile -t files < <(sources_of "$@")
	[ ${#files[@]} -eq 0 ] ||
		grep -nHoP '^\s*#\s*include\s+"\K[^"]+' "${files[@]}"
}

# includes_outside FOLDER PATTERN: those that the pattern does not allow.
includes_outside()
{
	includes_of "$1" | grep -vE "^[^:]+:[0-9]+:($2)\$"
}

# One line for each call of a name in the pattern $1 in the files that follow, in
# code: comments and literals are blanked first, a member of that name is no call.
calls_of()
{
	local pattern=$1

	shift
	[ $# -eq 0 ] || perl -0777 -ne '
		BEGIN { $pattern = shift @ARGV }
		s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])+\x27)}{ $1 =~ s/[^\n]//gr }gse;
		my @lines = split /\n/;
		for my $i (0 .. $#lines) {
			print "$ARGV:", $i + 1, ":$lines[$i]\n"
				if $lines[$i] =~ /(?<![\w.>])(?:$pattern)\s*\(/;
		}' "$pattern" "$@"
}

allowed='include/[^/]+\.h'
for floor in "${floors[@]}"; do
	allowed="$allowed|$floor/[^/]+\\.h"
	[ "$floor" = base ] && base_allowed="config\\.h|$allowed"
	[ -d "$floor" ] || continue
	includes_outside "$floor" "config\\.h|$allowed" |
		tap_none "$floor includes only from itself and earlier floors"
done

if [ -d coro ]; then
	includes_outside coro "$base_allowed|coro/[^/]+\\.[hS]" |
		tap_none "coro includes only from itself, base and the public headers"
fi
includes_outside tools "$base_allowed|tools/[^/]+\\.h|stats/(box_layout|conf|fields|survey_layout)\\.h" |
	tap_none "tools includes only from itself, base and the published layout"
includes_outside include "mstat_coro(_inline)?\\.h" | tap_none "a public header stands alone, or its two parts together"

includes_of "${floors[@]}" coro tools tests bench | grep -vE ':(config|tools/profile\.pb-c)\.h$' |
	while IFS=: read -r file line name; do
		[ -f "$name" ] || echo "$file:$line: no $name from the root"
	done | tap_none "every include is written from the root"

# These call malloc in glibc, directly or for what they return.
family='malloc|calloc|realloc|reallocarray|free|memalign|posix_memalign|aligned_alloc|valloc|pvalloc'
family="$family|strdup|strndup|asprintf|vasprintf|getline|getdelim|fopen|fdopen|opendir|scandir|qsort|setenv|putenv"
mapfile -t library < <(sources_of base stats heap tinyalloc profile)
calls_of "$family" "${library[@]}" | tap_none "the library never calls malloc"

mapfile -t all < <(sources_of "${floors[@]}" coro tools)
grep -nE '^[[:space:]]*typedef[[:space:]]+(struct|union|enum)\b' "${all[@]}" /dev/null |
	tap_none "no struct hides behind a typedef"
grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${all[@]}" /dev/null |
	tap_none "nothing is left for later"

tap_done
