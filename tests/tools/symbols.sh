#!/usr/bin/env bash
#
# symbols.sh - tools/symbols.c on files that were taken apart.
#
# Proves: debugging information in a file of its own is found by the build id and by the
# name that the program's file has for it, under a root too, and only if it is the right
# one; a file without it has names still; no file that another names makes it hang.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

teller=${MSTAT_BUILD:?}/tests/tools/symbol_teller
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset DEBUGINFOD_URLS
export LC_ALL=C

for tool in strip objcopy; do
	command -v "$tool" >/dev/null || {
		echo "1..0 # SKIP there is no $tool"
		exit 0
	}
done

read -r address id < <("$teller" sample C)
read -r cxx_address _ < <("$teller" sample C++)
cp "$teller" "$work/whole"
objcopy --only-keep-debug "$work/whole" "$work/debug"
strip -o "$work/bare" "$work/whole"

# told ROOT PATH ID ADDRESS: the state and the functions, in one line.
told()
{
	timeout 20 "$teller" tell "$@" | sed -E 's/:[0-9]+$/:N/' | paste -sd' '
}

lines='lines sample_inner symbol_sample.c:N sample_outer symbol_sample.c:N'
names='symbols sample_outer ?:N'

tap_is "a whole file" "$lines" "$(told - "$work/whole" "$id" "$address")"

strip -g -o "$work/names" "$work/whole"
tap_is "names alone" "$names" "$(told - "$work/names" "$id" "$address")"
told - "$work/names" "$id" "$cxx_address" | # perhaps one of its clones
	grep -qF 'symbols sample::holder<int>::taken(std::pair<int, char const*>)'
tap_result $? "names alone are those of C++ too"

told - "$work/bare" "$id" "$address" | grep -qE "^(stripped|symbols) bare\+$address \?:N$"
tap_result $? "of a stripped file nothing is told but the place"

# By the build id.
place=$work/root/usr/lib/debug/.build-id/${id:0:2}
mkdir -p "$place" "$work/root/bin"
cp "$work/debug" "$place/${id:2}.debug"
tap_is "a debug file by its build id, under a root" "$lines" \
	"$(told "$work/root" "$work/bare" "$id" "$address")"
tap_is "the same without the program's file" "$lines" \
	"$(told "$work/root" /nowhere/bare "$id" "$address")"
cp "$work/whole" "$work/root/bin/program"
tap_is "another file there, and the debug file of the one that was" "other program+$address ?:N" \
	"$(told - "$work/root/bin/program" "00${id:2}" "$address")"
rm -r "${work:?}/root"

# By the name in the program's file.
(cd "$work" && objcopy --add-gnu-debuglink=debug bare linked)
tap_is "a debug file beside the program" "$lines" "$(told - "$work/linked" "$id" "$address")"
mkdir "$work/.debug"
mv "$work/debug" "$work/.debug/debug"
tap_is "a debug file in .debug" "$lines" "$(told - "$work/linked" "$id" "$address")"
mkdir -p "$work/root/bin" "$work/root/usr/lib/debug/bin"
cp "$work/linked" "$work/root/bin/program"
mv "$work/.debug/debug" "$work/root/usr/lib/debug/bin/debug"
tap_is "a debug file below usr/lib/debug of the root" "$lines" \
	"$(told "$work/root" /bin/program "$id" "$address")"

mkfifo "$work/debug"
told - "$work/linked" "$id" "$address" | grep -q "linked+$address"
tap_result $? "a FIFO in its place is not waited for"
rm "$work/debug"

# Without a build id the checksum tells.
objcopy --remove-section=.note.gnu.build-id "$work/whole" "$work/plain"
tap_is "neither the module nor the file has a build id" "$lines" \
	"$(told - "$work/plain" "" "$address")"
objcopy --only-keep-debug "$work/plain" "$work/debug"
(cd "$work" && strip plain && objcopy --add-gnu-debuglink=debug plain linked)
tap_is "a debug file by its checksum" "$lines" "$(told - "$work/linked" "" "$address")"
objcopy --remove-section=.comment "$work/debug" "$work/debug.other"
printf x >>"$work/debug.other"
mv "$work/debug.other" "$work/debug"
told - "$work/linked" "" "$address" | grep -q "linked+$address"
tap_result $? "one with another checksum is none"

# What dwz put apart, of two files that are the same.
if command -v dwz >/dev/null; then
	cp "$work/whole" "$work/one"
	cp "$work/whole" "$work/two"
	(cd "$work" && dwz -m "$work/shared" one two)
	tap_is "a file that dwz made of several" "$lines" "$(told - "$work/one" "$id" "$address")"
	rm "$work/shared"
	tap_is "without it the names are left" "$names" "$(told - "$work/one" "$id" "$address")"
	mkfifo "$work/shared"
	tap_is "a FIFO in its place is not waited for either" "$names" \
		"$(told - "$work/one" "$id" "$address")"
fi

tap_done
