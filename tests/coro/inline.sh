#!/usr/bin/env bash
#
# inline.sh - what is compiled into programs, by each compiler and with options that matter
# to it.
#
# Proves: mstat_coro.h compiles without a warning in old and new C and C++, with and
# without call frame information, exceptions and registers; and nothing is kept over a
# switch in registers that are lost by it.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
flags=(-Wall -Wextra -Wpedantic -Werror -Wno-overlength-strings "-I$MSTAT_SOURCE/include")
target=
[ -z "${MSTAT_HOST:-}" ] || target="--target=$MSTAT_HOST"

cat >"$scratch/calls.c" <<'END'
#include <mstat_coro.h>

#if defined(__cplusplus)
#define NOEXCEPT noexcept
#else
#define NOEXCEPT
#endif

void *resumes(struct coro *co, void *value) NOEXCEPT;
void *yields(void *value);
void *yields_and_throws_nothing(void *value) NOEXCEPT;
void *(*resume)(struct coro *, void *) = coro_resume;
void *(*yield)(void *) = coro_yield;

void *resumes(struct coro *co, void *value) NOEXCEPT
{
	return coro_resume(co, coro_resume(co, value));
}

void *yields(void *value)
{
	return coro_yield(coro_yield(value));
}

void *yields_and_throws_nothing(void *value) NOEXCEPT
{
	return coro_yield(coro_yield(value));
}
END

cat >"$scratch/masks.c" <<'END'
#include <mstat_coro.h>
#include <immintrin.h>

void add(struct coro *co, __m512i *p);
__attribute__((target("avx512f,avx512dq"))) void add(struct coro *co, __m512i *p)
{
	__mmask8 first = _mm512_cmpgt_epi64_mask(p[0], p[1]), second = _mm512_cmpgt_epi64_mask(p[1], p[2]);
	__m512i sum = _mm512_add_epi64(p[0], p[1]);

	coro_resume(co, 0);
	p[0] = _mm512_mask_add_epi64(sum, first, p[0], p[3]);
	p[1] = _mm512_mask_add_epi64(p[1], second, p[0], p[3]);
}
END

# compiles COMPILER LANGUAGE FLAG...: at two levels.
compiles()
{
	local compiler=$1 language=$2

	shift 2
	$compiler "$@" -O0 "${flags[@]}" -x "${language%% *}" "-std=${language##* }" -c -o /dev/null \
		"$scratch/calls.c" &&
		$compiler "$@" -O2 "${flags[@]}" -x "${language%% *}" "-std=${language##* }" -c -o /dev/null \
			"$scratch/calls.c"
}

# all_languages COMPILER FLAG...
all_languages()
{
	local compiler=$1

	shift
	for language in 'c c90' 'c gnu89' 'c c99' 'c gnu17' 'c++ c++11' 'c++ gnu++20'; do
		compiles "$compiler" "$language" "$@" || return
	done
}

# What the compiler wrote to memory before the switch alone is read after it.
keeps_no_mask()
{
	$1 -O2 "${@:2}" -w "-I$MSTAT_SOURCE/include" -S -o "$scratch/masks.s" "$scratch/masks.c" || return
	[ "$(sed -n '/^add:/,/notrack jmp/ { /kmov[a-z]*.*(%rsp)/p; }' "$scratch/masks.s" | wc -l)" -eq 2 ]
}

if [ -n "${MSTAT_HOST:-}" ]; then
	compilers=("$MSTAT_HOST-gcc" "clang $target")
else
	compilers=(gcc clang)
fi

for compiler in "${compilers[@]}"; do
	if ! command -v "${compiler%% *}" >/dev/null; then
		tap_skip "$compiler" "there is none"
		continue
	fi
	for options in '' -fno-asynchronous-unwind-tables '-fno-asynchronous-unwind-tables -fno-exceptions' \
		'-fno-asynchronous-unwind-tables -fexceptions' '-fno-asynchronous-unwind-tables -g' \
		'-fno-omit-frame-pointer -fPIC'; do
		# shellcheck disable=SC2086
		tap_run "$compiler $options" all_languages "$compiler" $options
	done
	[ -z "$target" ] && [ "$(uname -m)" = x86_64 ] || continue
	for options in -mno-80387 -mgeneral-regs-only -mavx512f; do
		tap_run "$compiler $options" compiles "$compiler" 'c gnu17' $options
	done
	tap_run "$compiler, masks of a file" keeps_no_mask "$compiler" -mavx512f -mavx512dq
done
if [ -z "$target" ] && [ "$(uname -m)" = x86_64 ] && command -v clang >/dev/null; then
	tap_run "clang, masks of a function" keeps_no_mask clang
fi

tap_done
