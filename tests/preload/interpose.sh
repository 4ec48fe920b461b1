#!/usr/bin/env bash
#
# interpose.sh - other libraries that stand in for libc's functions, before ours and after
# it: tracer.c, officious.c, other allocators; auditors; plugins that are bound to
# libc first: deepbound.c, loaders.c; and the library loaded late: late.c.

. "${BASH_SOURCE[0]%/*}/preload.sh"

modules=$programs/.libs
multiarch=$(dirname "$(ldd /bin/sh | awk '/libc\.so/ { print $3 }')")

# in_order NAME LIBRARIES CMD...: what CMD prints, and its status, are as without any.
in_order()
{
	local name=$1 libraries=$2 want got

	shift 2
	want=$(timeout 60 "$@" 2>&1 </dev/null; echo "status $?")
	got=$(LD_PRELOAD=$libraries timeout 60 "$@" 2>&1 </dev/null; echo "status $?")
	tap_is "$name" "$want" "$got"
}

# Allocates by C, by C++, in threads and in children.
perl_job='my %h; $h{$_ % 4999} .= "x" x ($_ % 700) for 1 .. 40000; print length(join "", values %h), "\n";
	for (1 .. 3) { my $p = fork; exit scalar(@{[map { $_ x 9 } 1 .. 999]}) % 7 if !$p; waitpid $p, 0; print $? >> 8, "\n" }'
python_job='
import threading, zlib
def work(i): out[i] = sum(zlib.crc32(str(n).encode() * 50) for n in range(3000))
out = {}
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sorted(out.items()), len([bytes(n * 100) for n in range(3000)]))'

both_orders()
{
	local name=$1 library=$2 libraries

	for libraries in "$library:$MSTAT_LIBRARY" "$MSTAT_LIBRARY:$library"; do
		[ "${libraries%%:*}" = "$MSTAT_LIBRARY" ] && name="$1 after ours" || name="$1 before ours"
		in_order "$name: sh and sort" "$libraries" sh -c 'sort "$0" | cksum' "$MSTAT_SOURCE/configure.ac"
		in_order "$name: perl" "$libraries" perl -e "$perl_job"
		PYTHONMALLOC=malloc in_order "$name: python3" "$libraries" /usr/bin/python3 -c "$python_job"
		[[ $library != "$multiarch"/* || $name == *after* ]] || continue # that one's to show
		# The other library may have called new first.
		in_order "$name: operators of a program's own" "$libraries" bash -o pipefail -c \
			'"$0" | sed "s/: [0-9]* /: /"' "$programs/operators"
		in_order "$name: a malloc of a program's own" "$libraries" "$programs/ownmalloc"
	done
}

# ---- wrappers ----------------------------------------------------------------

export TRACED=$scratch/traced
both_orders "a wrapper of malloc that looks names up" "$modules/tracer.so"
LD_PRELOAD=$modules/tracer.so:$MSTAT_LIBRARY perl -e "$perl_job" >/dev/null
tap_is "what the program asks for came by it" yes "$([ "$(cat "$TRACED")" -gt 40000 ] && echo yes)"
LD_PRELOAD=$MSTAT_LIBRARY:$modules/tracer.so perl -e "$perl_job" >/dev/null
tap_is "and nothing does if it comes after ours" 0 "$(cat "$TRACED")"

both_orders "wrappers of system calls that allocate" "$modules/officious.so"
LD_PRELOAD=$modules/officious.so:$MSTAT_LIBRARY perl -e "$perl_job" >/dev/null
tap_is "they were called" yes "$([ "$(cat "$TRACED")" -gt 3 ] && echo yes)"
unset TRACED
for order in "$modules/officious.so:$modules/tracer.so" "$modules/tracer.so:$modules/officious.so"; do
	in_order "both before ours" "$order:$MSTAT_LIBRARY" perl -e "$perl_job"
	in_order "both after ours" "$MSTAT_LIBRARY:$order" perl -e "$perl_job"
done

# ---- other allocators ----------------------------------------------------------

for library in libjemalloc.so.2 libmimalloc.so.2.0 libtcmalloc_minimal.so.4 libc_malloc_debug.so.0; do
	if [ -e "$multiarch/$library" ]; then
		both_orders "$library" "$multiarch/$library"
	else
		tap_skip "$library" "not installed"
	fi
done

# ---- auditors ------------------------------------------------------------------

for libraries in "$modules/auditor.so" "$MSTAT_LIBRARY" "$modules/auditor.so:$MSTAT_LIBRARY"; do
	what=$(sed "s,[^:]*/,,g" <<<"$libraries")
	LD_AUDIT=$libraries in_order "LD_AUDIT=$what: perl" "$MSTAT_LIBRARY" perl -e "$perl_job"
	LD_AUDIT=$libraries in_order "LD_AUDIT=$what: python3" "$MSTAT_LIBRARY" /usr/bin/python3 -c "$python_job"
	LD_AUDIT=$libraries in_order "LD_AUDIT=$what: C++" "$MSTAT_LIBRARY" "$programs/operators"
done

# ---- plugins that are bound to libc first -----------------------------------------

adopt deepbound "$programs/deepbound" "$modules/deepplugin.so"
LD_PRELOAD=$modules/tracer.so:$MSTAT_LIBRARY "$programs/deepbound" "$modules/deepplugin.so" \
	>"$scratch/traced" 2>&1 </dev/null
tap_is "and so it does with a wrapper before ours, which malloc is bound to then" \
	"not ok 1 - malloc is bound to libmstat.so" "$(grep -vE '^ok|^1\.\.' "$scratch/traced")"

adopt "loaded by dlmopen" "$programs/loaders" dlmopen "$modules/deepplugin.so"
for i in {1..4}; do cp "$modules/deepplugin.so" "$scratch/plugin$i.so"; done
for _ in {1..100}; do
	preload "$programs/loaders" "$scratch"/plugin{1..4}.so 2>&1 </dev/null || echo "status $?"
done | grep -vE '^ok|^1\.\.' | tap_none "four threads load the first ones at the same moment"

# ---- loaded late ---------------------------------------------------------------

export MSTAT_CONF=dir:$scratch
for mode in local global; do
	tap_is "loaded late, $mode" "its functions work
free() takes what is hinted
a child works
what was before is as it was
status 0" "$(timeout 60 "$programs/late" "$MSTAT_LIBRARY" "$mode" 2>&1 </dev/null; echo "status $?")"
done
for number in {0..63}; do
	cp "$modules/hog_large.so" "$scratch/hog_large.so.$number"
	cp "$modules/hog_small.so" "$scratch/hog_small.so.$number"
done
tap_is "loaded late, where no static thread-local memory is left" "refused: static TLS
what was before is as it was
status 0" "$(timeout 60 "$programs/late" "$MSTAT_LIBRARY" local "$scratch/hog_large.so" \
	"$scratch/hog_small.so" 2>&1 </dev/null; echo "status $?")"

tap_done
