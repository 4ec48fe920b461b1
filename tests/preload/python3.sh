#!/usr/bin/env bash
#
# python3.sh - Python and modules of its own test suite under the library.
#
# Proves: each module runs as many tests with the library as without, skips as many,
# and none fails; so too when Python leaves every object to malloc.

. "${BASH_SOURCE[0]%/*}/preload.sh"

python=/usr/bin/python3
[ -d "$($python -c 'import os, test; print(os.path.dirname(test.__file__))')/test_json" ] ||
	tap_skip_all "Python's test suite is not installed"

bound python3 $python -c pass

# module_run HOW MODULE: "plain" or "preloaded"; what counts goes to a file.
module_run()
{
	mkdir -p "$scratch/$1-$2"
	cd "$scratch/$1-$2" || return
	(
		[ "$1" = plain ] || export LD_PRELOAD=$MSTAT_LIBRARY
		exec timeout 280 $python -m test -v "$2"
	) >log 2>&1 </dev/null
	{
		echo "status $?"
		# The loader's own lines: a child that gave up its rights may not reach
		# a library that lies below somebody's home.
		sed -nE '/^ERROR: ld\.so: /d; s/^(Ran [0-9]+ tests).*/\1/p; /^(OK|FAILED)/p; /^(FAIL|ERROR): /p' log
	} >result
}

module()
{
	local name="$1${PYTHONMALLOC:+ with PYTHONMALLOC=$PYTHONMALLOC}"

	# Some of these tests give another process a tenth of a second: on a busy
	# machine they fail, with the library or without.  What fails thrice, fails.
	for try in 1 2 3; do
		module_run plain "$1" &
		module_run preloaded "$1"
		wait
		cmp -s "$scratch/plain-$1/result" "$scratch/preloaded-$1/result" && break
		echo "try $try of $name: $(tr '\n' ' ' <"$scratch/preloaded-$1/result")" | tap_note
	done
	if ! tap_is "$name" "$(cat "$scratch/plain-$1/result")" \
		"$(cat "$scratch/preloaded-$1/result")"; then
		tail -n 30 "$scratch/preloaded-$1/log" | tap_note
	fi
	grep -q '^Ran [1-9]' "$scratch/preloaded-$1/result"
	tap_result $? "$name: $(grep -h ^Ran "$scratch/preloaded-$1/result")"
}

module test_json
module test_gc
module test_threading
module test_subprocess
module test_multiprocessing_fork
PYTHONMALLOC=malloc module test_json
PYTHONMALLOC=malloc module test_gc
PYTHONMALLOC=malloc module test_threading

same "a job of many objects and threads" $python - <<'END'
import concurrent.futures, hashlib, json, zlib

def work(seed):
    words = [("%x" % (seed * 7919 + i * 104729)) * (1 + i % 9) for i in range(20000)]
    index = {}
    for i, word in enumerate(words):
        index.setdefault(word[:3], []).append(i)
    text = json.dumps(index, sort_keys=True).encode()
    return hashlib.sha256(zlib.decompress(zlib.compress(text))).hexdigest()

with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for line in pool.map(work, range(24)):
        print(line)
END

tap_done
