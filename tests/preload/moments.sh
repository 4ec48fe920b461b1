#!/usr/bin/env bash
#
# moments.sh - malloc at odd moments: moments.c, goodbye.cc, farewell.c, last.c.

. "${BASH_SOURCE[0]%/*}/preload.sh"

adopt moments "$programs/moments"
adopt goodbye "$programs/goodbye"
adopt farewell "$programs/farewell"

# after NAME CMD...: the library's destructor runs, and then another's.
after()
{
	local name=$1 got

	shift
	got=$(
		export LAST_FOLDER=$scratch/mstat-$(id -u) MSTAT_CONF=dir:$scratch
		timeout 60 env LD_PRELOAD="$MSTAT_LIBRARY:$programs/.libs/last.so" "$@" 2>&1 </dev/null
		echo "status $?"
	)
	tap_is "$name: malloc, threads and __libc_freeres() after the library's end" \
		$'box 0 bad 0 threads 8 ends 24\nstatus 0' "$got"
}

after "a program in C" true
after "one with threads" /usr/bin/python3 -c 'import threading; threading.Thread(target=print, args=("",), kwargs=dict(end="")).start()'

tap_done
