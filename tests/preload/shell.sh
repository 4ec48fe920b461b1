#!/usr/bin/env bash
#
# shell.sh - bash and coreutils under the library: scripts, pipes, subshells, many
# short processes.

. "${BASH_SOURCE[0]%/*}/preload.sh"

for program in bash ls sort; do
	bound $program "$program" --version
done

# Text of a size, the same on each call.
lines()
{
	awk -v count="$1" 'BEGIN { for (i = 0; i < count; i++) print (i * 7919) % 10007, "line", i }'
}

same "variables, arrays, functions and arithmetic" bash <<'END'
declare -A seen
for ((i = 0; i < 20000; i++)); do
	seen[key$((i % 997))]=$((${seen[key$((i % 997))]:-0} + i))
done
for key in $(printf '%s\n' "${!seen[@]}" | sort); do echo "$key ${seen[$key]}"; done | md5sum
text=$(printf 'x%.0s' {1..50000}); text=${text//x/yz}; echo ${#text}
fact() { (($1 < 2)) && echo 1 || echo $(($1 * $(fact $(($1 - 1))))); }
fact 15
exit 3
END

same "substitutions, subshells, pipes and jobs" bash <<'END'
for i in {1..60}; do echo "$(echo "$(echo $i)")" | cat | tr 0-9 a-j; done
for i in {1..20}; do (echo $((i * i)) >/dev/null; exit $i) & wait $!; echo $?; done
coproc CAT { cat; }; echo hello >&"${CAT[1]}"; read -r line <&"${CAT[0]}"; echo "$line"
kill "$CAT_PID"; wait "$CAT_PID"
diff <(seq 1 1000) <(seq 2 1001) | wc -l
trap 'echo bye' EXIT; trap 'echo usr1' USR1; kill -USR1 $$; sleep 0.1 & wait
END

lines 200000 | same "sort" sort -n
lines 200000 | same "sort on several threads, through files" \
	sort -k1,1n -k3,3nr --parallel=4 -S 2M -T "$scratch"
lines 20000 | same "cut, tr, uniq, comm and join in one pipe" bash -c '
	tee >(sort -u >"$0/a") | cut -d " " -f 1 | sort | uniq -c | sort -rn | head -n 50
	wait; sleep 0.2; comm -12 "$0/a" "$0/a" | tail -n 3; join "$0/a" "$0/a" | wc -l' "$scratch"
lines 50000 | same "awk" awk '{ n[$1] += $3; s = s substr($0, 1, 3) } END { for (k in n) t += n[k] * k; print t, length(s) }'
lines 50000 | same "sed" sed -E 's/([0-9]+) line ([0-9]+)/\2:\1/; /7$/d; y/0123456789/9876543210/'
lines 100000 | same "md5sum, sha256sum and cksum" bash -c 'tee >(md5sum >&2) | sha256sum | cksum'
same "find and xargs" bash -c 'find "$0" -name "*.[ch]" -print0 | sort -z | xargs -0 -n 3 wc -l' \
	"$MSTAT_SOURCE/heap" </dev/null
same "ls, stat, du and dd" bash -c '
	ls -lR "$0"/heap; stat -c "%n %s" "$0"/base/*; du -a "$0"/stats | sort
	dd if=/dev/zero bs=4M count=8 status=none | md5sum' "$MSTAT_SOURCE" </dev/null
lines 300000 | same "gzip, bzip2 and xz there and back" bash -c '
	gzip | gunzip | bzip2 | bunzip2 | xz -T2 -1 | unxz | md5sum'
same "tar" bash -c 'tar -C "$0" -cf - heap base stats | tar -tvf - | wc -l' "$MSTAT_SOURCE" </dev/null

tap_done
