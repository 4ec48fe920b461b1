# tests/preload/preload.sh - what the tests under the real libmstat.so share, to
# be sourced.
#
#     preload CMD...            replaces this (sub)shell by CMD under the library
#     adopt NAME CMD...         CMD speaks TAP itself: each of its tests is one here
#     same NAME CMD...          CMD under the library: the same output, the same status
#     bound NAME CMD...         CMD's malloc really is the library's
#
# What a test writes goes below $scratch, which is removed when it ends.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

programs=$MSTAT_BUILD/tests/preload
ulimit -c 0
export LC_ALL=C

scratch=$(mktemp -d "${TMPDIR:-/tmp}/mstat-test.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT

preload()
{
	export LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$MSTAT_LIBRARY"
	exec "$@"
}

# adopt NAME CMD...: under the library; a program that dies or forgets its plan has
# failed.
adopt()
{
	local name=$1 line status plan=0 count=0

	shift
	(preload timeout 300 "$@") >"$scratch/adopted" 2>"$scratch/adopted-stderr" </dev/null
	status=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) tap_result 0 "$name: ${line#ok * - }"; count=$((count + 1)) ;;
		"not ok "*) tap_result 1 "$name: ${line#not ok * - }"; count=$((count + 1)) ;;
		1..*) plan=${line#1..} ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$scratch/adopted"
	tap_is "$name ends well" "status 0, $count of $count tests" \
		"status $status, $count of $plan tests"
	tail -n 5 "$scratch/adopted-stderr" | tap_note
}

# same NAME CMD...: without and with the library, on the same stdin.
same()
{
	local name=$1 want got stdin=$scratch/same-stdin

	shift
	cat >"$stdin"
	timeout 120 "$@" <"$stdin" >"$scratch/same-plain" 2>"$scratch/same-plain-stderr"
	want=$?
	(preload timeout 120 "$@") <"$stdin" >"$scratch/same-preloaded" 2>"$scratch/same-preloaded-stderr"
	got=$?
	if [ $want -eq $got ] && cmp -s "$scratch/same-plain" "$scratch/same-preloaded"; then
		tap_result 0 "$name"
		return
	fi
	tap_result 1 "$name"
	{
		echo "exit status without the library $want, with it $got"
		diff "$scratch/same-plain" "$scratch/same-preloaded" | head -n 15
		tail -n 10 "$scratch/same-preloaded-stderr"
	} | tap_note
}

# bound NAME CMD...: the dynamic linker itself says so.
bound()
{
	local name=$1

	shift
	(
		export LD_DEBUG=bindings LD_DEBUG_OUTPUT=$scratch/bindings
		preload timeout 60 "$@"
	) >/dev/null 2>&1 </dev/null
	grep -hqE "binding file .* to $MSTAT_LIBRARY.*: normal symbol .malloc'" "$scratch"/bindings.*
	tap_result $? "$name is bound to the library"
	rm -f "$scratch"/bindings.*
}
