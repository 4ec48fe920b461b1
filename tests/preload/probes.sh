#!/usr/bin/env bash
#
# probes.sh - the static probes, as profilers of the machine find them: probes.c.
#
# Proves: libmstat.so has notes of otel_memory:alloc(ptr, size, weight) and
# otel_memory:free(ptr), with no semaphore, each argument of 8 bytes and in a register, on
# x86-64 in those of a function's first arguments; each fires when a sample is taken and when
# it ends, with the right arguments, also of checked objects; the weights add up.

. "${BASH_SOURCE[0]%/*}/preload.sh"

grep -q "^#define HAVE_SYS_SDT_H 1" "$MSTAT_BUILD/config.h" ||
	tap_skip_all "libmstat.so was built without <sys/sdt.h>"
command -v readelf >/dev/null || tap_skip_all "no readelf"

# NAME SEMAPHORE ARGUMENTS of each probe of a provider.
notes=$(readelf -n "$MSTAT_LIBRARY" | awk '
	$1 == "Provider:" { provider = $2 }
	$1 == "Name:" { name = $2 }
	/Semaphore:/ { semaphore = $NF }
	$1 == "Arguments:" { sub(/^ *Arguments: */, ""); print provider ":" name, semaphore, $0 }' | sort)
none=0x0000000000000000
tap_is "the probes are these, without a semaphore" \
	"otel_memory:alloc $none
otel_memory:free $none" "$(awk '{ print $1, $2 }' <<<"$notes")"
tap_is "alloc has three arguments of 8 bytes, free one, all in registers" "3 1" \
	"$(awk '{ count = 0
		for (i = 3; i <= NF; i++)
			count += $i ~ /^8@(%r[a-z0-9]+|x[0-9]+)$/
		printf "%s%d", (NR > 1 ? " " : ""), count == NF - 2 ? count : -1 }' <<<"$notes")"
case $(uname -m) in
x86_64)
	tap_is "they are where a function has its arguments" "8@%rdi 8@%rsi 8@%rdx|8@%rdi" \
		"$(cut -d ' ' -f 3- <<<"$notes" | paste -sd '|')"
	;;
esac

export MSTAT_CONF=dir:$scratch,sample:64k
adopt "probes" "$programs/probes" watch "$MSTAT_LIBRARY" "$scratch/steps"
MSTAT_CONF+=,check:sample,check_every:2
adopt "probes of checked objects" "$programs/probes" watch "$MSTAT_LIBRARY" "$scratch/more-steps"

tap_done
