#!/usr/bin/env bash
#
# python3.sh - thirty modules of Python's own test suite under the library: more of them
# than tests/preload/python3.sh has time for.
#
# Proves: each runs as many tests as without the library, skips as many, and fails in none
# that does not fail without it; so too with hinted strings while Python leaves every
# object to malloc (PYTHONMALLOC).

. "${BASH_SOURCE[0]%/*}/programs.sh"

python=/usr/bin/python3
[ -d "$($python -c 'import os, test; print(os.path.dirname(test.__file__))')/test_json" ] ||
	tap_skip_all "Python's test suite is not installed"
export PYTHONDONTWRITEBYTECODE=1

modules=(test_threading test_thread test_threadsignals test_concurrent_futures
	test_multiprocessing_fork test_multiprocessing_spawn test_asyncio.test_tasks
	test_asyncio.test_streams test_asyncio.test_subprocess test_subprocess
	test_fork1 test_posix test_signal test_os test_socket test_ssl test_io test_mmap
	test_ctypes test_gc test_weakref test_tracemalloc test_pickle test_json
	test_re test_unicode test_bytes test_zlib test_bz2 test_lzma)
if [ -n "${MODULES:-}" ]; then
	read -ra modules <<<"$MODULES"
fi

bound_everywhere "python3, and a child that spawns" 2 $python -c '
import subprocess, sys
subprocess.run([sys.executable, "-c", "pass"], check=True)'

# run_module WAY MODULE: what counts goes to a file.  In a virtual machine the tests of its
# sockets to the host wait for ever, or for the other way's that has their only port.
run_module()
{
	local folder=$scratch/python-$1

	rm -rf "$folder"
	mkdir "$folder"
	cd "$folder" || return
	(with "$1" timeout -k 10 900 $python -m test -v -i "*VSOCK*" "$2") >log 2>&1 </dev/null
	{
		echo "status $?"
		# Of tests that fail in each way the one that failed is the same.
		sed -nE 's/^(Ran [0-9]+ tests?).*/\1/p; /^(OK|FAILED)/p; /^(FAIL|ERROR): /p' log
	} >result
	grep -aE 'libmstat|ld\.so: ' log >>"$scratch/said/$2-$1"
}

# module NAME WAY...: some of these tests give another process a tenth of a second: on a
# busy machine they fail, with the library or without.  What fails thrice, fails.
module()
{
	local module=$1 way try result=() count

	shift
	for try in 1 2 3; do
		run_module plain "$module" &
		run_module "$1" "$module"
		wait
		result=("$1")
		for way in "${@:2}"; do
			run_module "$way" "$module"
			result+=("$way")
		done
		for way in "${result[@]}"; do
			cmp -s "$scratch/python-plain/result" "$scratch/python-$way/result" || continue 2
		done
		break
	done
	count=$(grep -h ^Ran "$scratch/python-plain/result")
	[[ $count == "Ran "[1-9]* ]]
	tap_result $? "$module without the library: $count"
	for way in "${result[@]}"; do
		diff "$scratch/python-plain/result" "$scratch/python-$way/result" |
			tap_none "$module, $way: $(grep -h ^Ran "$scratch/python-$way/result")$([ "$try" = 1 ] || echo ", try $try")"
		cmp -s "$scratch/python-plain/result" "$scratch/python-$way/result" ||
			tail -n 30 "$scratch/python-$way/log" | tap_note
	done
	boxes_are_of_the_dead "$module" # there are tests of children that are killed
}

for name in "${modules[@]}"; do
	module "$name" preloaded
done

# Every object from malloc, and strings hinted.
export PYTHONMALLOC=malloc
if [ -z "${MODULES:-}" ]; then
	modules=(test_threading test_gc test_json test_pickle test_unicode test_io test_multiprocessing_fork
		test_ctypes test_asyncio.test_tasks)
fi
for name in "${modules[@]}"; do
	module "$name" hinted
done

programs_done
