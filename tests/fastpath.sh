#!/usr/bin/env bash
#
# fastpath.sh - the built fast path, as the CPU will see it.
#
# Proves: malloc, free and the plain forms of operator new and delete have no
# stack frame, call nothing but by a tail jump, and lock nothing.  Says how many
# instructions a hit takes: from the entry to the first return, as it is laid out.

. "${BASH_SOURCE[0]%/*}/tap.sh"

library=${MSTAT_LIBRARY:-${1:-build/.libs/libmstat.so}}

command -v objdump >/dev/null || tap_skip_all "no objdump"
command -v nm >/dev/null || tap_skip_all "no nm"
[ -f "$library" ] || tap_skip_all "no $library"

case $(objdump -f "$library" | sed -n 's/^architecture: \([^,]*\).*/\1/p') in
i386:x86-64)
	frame='^(push|pop|enter|leave)|^(sub|add|and|lea) .*,%rsp$'
	call='^call'
	locked='^lock |^xchg .*\('
	return='^(bnd )?(rep )?ret'
	;;
aarch64)
	frame='^(stp|str) .*\[sp, #-[0-9]+\]!|^(ldp|ldr) .*\[sp\], |^(sub|add)\s+sp,'
	call='^blr?\b'
	locked='^(ldaxr|ldxr|stlxr|stxr|casa?l?|ldadda?l?|swpa?l?|dmb)\b'
	return='^ret'
	;;
*)
	tap_skip_all "a machine that this test does not know"
	;;
esac

# The instructions of an exported function, one a line, by its address: several
# names may stand for one body.
body_of()
{
	local address size

	read -r address size < <(nm -D -S --defined-only "$library" |
		awk -v name="$1" '$4 == name { print $1, $2 }')
	[ -n "${size:-}" ] || return 1
	objdump -d --no-show-raw-insn --start-address="0x$address" \
		--stop-address=$((0x$address + 0x$size)) "$library" |
		sed -nE 's/^ *[0-9a-f]+:\t//p' | sed -E 's/[[:space:]]+/ /g; s/ $//'
}

for function in malloc free _Znwm _ZdlPv _ZdlPvm; do
	if ! body=$(body_of $function); then
		tap_result 1 "$function is exported with a size"
		continue
	fi
	grep -E "$frame" <<<"$body" | tap_none "$function has no stack frame"
	grep -E "$call" <<<"$body" | tap_none "$function calls nothing"
	grep -E "$locked" <<<"$body" | tap_none "$function locks nothing"
	awk -v function_name=$function -v ret="$return" '
		{ count++ }
		$0 ~ ret && !hit { hit = count }
		END { printf "# %s: %d instructions to the first return, %d in all\n", function_name, hit, count }
	' <<<"$body"
done

tap_done
