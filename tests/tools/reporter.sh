#!/usr/bin/env bash
#
# reporter.sh - mstat itself, on boxes and processes that box_maker plays.
#
# Proves: each error is one sentence on stderr and its documented status; no file
# of any kind makes it hang; a living process's figures are exact and its ledger
# adds up to RSS; nothing is sent to a process whose handler is not libmstat's;
# a dead process's box is shown, kept, and cleared when asked for; JSON parses.

. "${BASH_SOURCE[0]%/*}/../tap.sh"

mstat=${MSTAT_TOOL:?} maker=${MSTAT_BUILD:?}/tests/tools/box_maker
work=$(mktemp -d) || exit 1
holders=()
trap 'exec 9>&- 2>/dev/null; kill "${holders[@]}" 2>/dev/null; rm -rf "$work"' EXIT
unset MSTAT_CONF LD_PRELOAD XDG_RUNTIME_DIR
export LC_ALL=C TZ=UTC

# run ARG...: mstat, with its status, output and what it says in these.
run()
{
	out=$(timeout 20 "$mstat" "$@" 2>"$work/stderr" </dev/null)
	status=$?
	err=$(cat "$work/stderr")
}

# fails NAME STATUS SENTENCE ARG...: as stated, with nothing on stdout.
fails()
{
	local name=$1 want=$2 sentence=$3

	shift 3
	run "$@"
	tap_is "$name" "$want|$sentence|" "$status|$err|$out"
}

# matches NAME PATTERN: a line of the last output.
matches()
{
	printf '%s\n' "$out" | grep -qE -- "$2"
	tap_result $? "$1"
	printf '%s\n' "$out" | grep -qE -- "$2" || printf '%s\n' "no line $2 in" "$out" | tap_note
}

# field KEY: a number of the last JSON output.
field()
{
	printf '%s\n' "$out" | sed -nE 's/^ *"'"$1"'": (-?[0-9]+|true|false|null),?$/\1/p' | head -n 1
}

# hold DIR [STATE]: starts a process that has a box; sets pid and box.
hold()
{
	local line

	[ -p "$work/stdin" ] || { mkfifo "$work/stdin"; exec 9<>"$work/stdin"; }
	rm -f "$work/path"
	mkfifo "$work/path"
	"$maker" hold "$@" <"$work/stdin" >"$work/path" 9>&- &
	pid=$!
	holders+=("$pid")
	read -r line <"$work/path"
	box=$line
}

json_is_sound()
{
	printf '%s\n' "$out" | python3 -c 'import json, sys; json.load(sys.stdin)' 2>"$work/json" ||
		! command -v python3 >/dev/null
	tap_result $? "$1"
}

# ---- the command line -------------------------------------------------------

for command in run ls show dump diff prof post top set conf; do
	run "$command" --help
	tap_is "$command --help" "0|Usage: mstat $command" "$status|$(grep -o "^Usage: mstat $command" <<<"$out")"
done
run --help
tap_is "--help" "0|10" "$status|$(grep -cE '^  (run|ls|show|dump|diff|prof|post|top|set|conf) ' <<<"$out")"
run --version
matches "--version" '^mstat [0-9]+\.[0-9]+\.[0-9]+$'
run
tap_is "no command is a usage error" 2 "$status"
fails "an unknown command" 2 "mstat: unknown command frobnicate
Try 'mstat --help'." frobnicate
fails "an unknown option" 2 "mstat show: unknown option --wat
Try 'mstat show --help'." show --wat 1
fails "a missing argument" 2 "mstat show: one PID, BOX or DUMP is needed, not 0
Try 'mstat show --help'." show
fails "a time that is none" 2 "mstat dump: soon is no time
Try 'mstat dump --help'." dump --timeout soon 1
fails "a rate that is none" 2 "mstat set: sample:much is no sample:BYTES, as sample:64k
Try 'mstat set --help'." set 1 sample:much
fails "a rate that is too much" 2 "mstat set: sample:2g is no sample:BYTES, as sample:64k
Try 'mstat set --help'." set 1 sample:2g
fails "another key" 2 "mstat set: tiny:0 is no sample:BYTES, as sample:64k
Try 'mstat set --help'." set 1 tiny:0
fails "a PID that is none" 2 "mstat dump: self is no PID
Try 'mstat dump --help'." dump self
fails "an option without its value" 2 "mstat ls: --dir needs a value
Try 'mstat ls --help'." ls --dir
fails "a key that is none" 2 "mstat prof: --by is function, file, line, dso or tag, not size
Try 'mstat prof --help'." prof --by size 1
fails "a number that is none" 2 "mstat prof: -1 is no number
Try 'mstat prof --help'." prof --top -1 1
fails "two things on one output" 2 \
	"mstat prof: only one of --folded, --json, --pprof - and --flame - can go to the output
Try 'mstat prof --help'." prof --json --folded 1
fails "a change of one" 2 "mstat prof: --diff needs two, A and B, and nothing more
Try 'mstat prof --help'." prof --diff 1
run conf
matches "conf lists the keys" '^exit_report:0$'
tap_none "no line of conf is longer than 80 columns" < <(awk 'length > 80' <<<"$out")
run conf --json
json_is_sound "conf --json parses"
if [ -c /dev/full ]; then
	timeout 20 "$mstat" --help >/dev/full 2>/dev/null
	tap_is "a full disk is not success" 1 $?
fi

# ---- files that are no box --------------------------------------------------

cd "$work" || exit 1
mkfifo fifo
mkdir folder
: >empty
echo hello >hello
truncate -s 65M huge
printf 'mstat dump 1\nalloc 5\n' >cut.dump
printf '{"mstat_dump":1,"totals":{' >cut.json
for kind in dead version header truncated identity events hostile sites grown; do
	"$maker" box $kind $kind.box || exit 1
done

fails "a file that is not there" 1 "mstat: there is no file nowhere" show nowhere
fails "a FIFO" 3 "mstat: fifo is no regular file, so neither a box nor a dump" show fifo
fails "a folder" 3 "mstat: folder is no regular file, so neither a box nor a dump" show folder
fails "a device" 3 "mstat: /dev/zero is no regular file, so neither a box nor a dump" show /dev/zero
fails "an empty file" 3 "mstat: empty is empty" show empty
fails "a huge file" 3 "mstat: huge has 68157440 bytes, more than any box or dump" show huge
fails "some other file" 3 "mstat: hello is neither a box nor a dump" show hello
fails "a box of another layout" 3 \
	"mstat: the box version.box has layout version 9, this mstat reads version 8" show version.box
fails "a box with a corrupt header" 3 "mstat: the box header.box is corrupt: its header" show header.box
size=$(stat -c %s truncated.box)
fails "a truncated box" 3 "mstat: the box truncated.box is truncated: $size of $((2 * size)) bytes" \
	show truncated.box
fails "a box that does not say whose it is" 3 \
	"mstat: the box identity.box is corrupt: it does not say whose it is" show identity.box
fails "a truncated dump" 3 'mstat: the dump cut.dump is truncated: it does not end with "end"' \
	show cut.dump
fails "a truncated JSON dump" 3 "mstat: the dump cut.json is truncated: its JSON does not end" \
	show cut.json
fails "diff names the file that is wrong" 3 "mstat: hello is neither a box nor a dump" \
	diff dead.box hello
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	chmod 711 "$work"
	chmod 600 dead.box
	err=$(timeout 20 setpriv --reuid=65534 --clear-groups "$mstat" show "$work/dead.box" 2>&1)
	tap_is "a box of another user" "1|mstat: no permission to read $work/dead.box" "$?|$err"
else
	tap_skip "a box of another user" "not root"
fi

# ---- a dead process's box ---------------------------------------------------

run show dead.box
tap_is "a dead process's box is shown" "0|" "$status|$err"
matches "it is said to be dead, and since when" '^sample \(4711\)  dead, last heard of 2026-01-01 01:00:00$'
matches "the command is one line" '^command   /usr/bin/sample --with an argument$'
matches "the books alone add up to the mapped heap" '^= heap, address space +1\.2 MiB$'
tap_none "no line is longer than 80 columns" < <(awk 'length > 80' <<<"$out")
tap_none "no colour without a terminal" < <(grep $'\033' <<<"$out")
run show --bytes --classes --threads dead.box
matches "--bytes shows them all" '^  live objects +209,792  1,531 objects$'
matches "--classes has a row a class" '^ *1,024 +30 +30,720 +1,024 +1,024 +1 +'
matches "--threads shows each" '^4712 +34,560 .* live +worker$'
tap_none "no line is longer than 80 columns, all told" < <(awk 'length > 80' <<<"$out")
run show --json dead.box
json_is_sound "show --json parses"
tap_is "JSON has the same numbers" "209792|2560|1310720|false" \
	"$(field live_bytes)|$(field magazine_bytes)|$(field heap_mapped_bytes)|$(field resident_known)"
run show events.box
matches "what went wrong is shown" '^2026-01-01 01:00:00  refused  no memory for 4096 bytes$'
matches "in its order" '^2026-01-01 01:00:01  fatal  free\(\): 0x10 twice$'
run show --threads --classes hostile.box
tap_is "a box that lies is shown all the same" "0|" "$status|$err"
tap_none "no escape sequence reaches the terminal" < <(grep -aP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$out")
run show --json hostile.box
json_is_sound "JSON of a box that lies parses"
fails "a dead process takes no dump" 1 "mstat: there is no process 999999999" dump 999999999

# ---- call sites --------------------------------------------------------------

has_go()
{
	command -v go >/dev/null && go tool pprof -help >/dev/null 2>&1
}

run prof sites.box
tap_is "call sites are shown" "0|" "$status|$err"
matches "of what rate" '^rate      1 sample in 512\.0 KiB$'
matches "of how many samples" '^samples   4,160 of 5,000 taken are of it$'
matches "their sum has its error" '^live      4\.1 MiB ± 64\.5 KiB in 66,560 objects; '
matches "a function has what it asked for" \
	'^ *4\.0 MiB +± 64\.0 KiB +98\.5 % +4\.0 MiB +98\.5 % +65,536 +4,096  fill_identity'
matches "and what it called" '^ *0 B +± 0 B +0\.0 % +3\.0 MiB +73\.8 % .*  make_box'
matches "what is not known says so" '  \[unknown\]$'
run prof --top 1 --total --bytes sites.box
matches "--total" '^total     42,598,400 ± [0-9,]+ in 665,600 objects; '
matches "--top tells of the others" '^3 more; --top 0 shows all$'
run prof --peak sites.box
matches "what no peak is known of was alive then" '^at peak   4\.1 MiB '
matches "when the peak was" '^peak      8\.0 MiB in spans, 2026-01-01 00:01:00$'
run prof --by dso sites.box
matches "--by dso" '  box_maker$'
run prof --sites sites.box
matches "--sites shows what is asked for" '^3\.0 MiB ± 55\.4 KiB, 73\.8 %, 49,152 objects, 3,072 samples$'
matches "and who asked" '^    make_box'
matches "as far as is known" '^    \[cut\]$'
run prof --folded sites.box
tap_is "--folded" "make_box;fill_identity 3145728
[cut];fill_identity 1048576
[unknown] 65536" "$out"
run prof --diff sites.box grown.box
matches "--diff tells what grew" '^ *\+1\.0 MiB .*  fill_identity'
matches "in all" '^change    \+1\.0 MiB ± 96\.7 KiB of what is alive, '
run prof --diff sites.box sites.box
matches "of the same nothing" '^Nothing differs\.$'
run prof --diff sites.box --folded grown.box
tap_is "--folded has what grew" "[cut];fill_identity 1048576" "$out"
run prof --json sites.box
json_is_sound "prof --json parses"
tap_is "with the same numbers" "524288|5000" "$(field rate_bytes)|$(field samples)"
matches "and a site a line" '^    \{"live":\{"samples":3072,.*"function":"fill_identity",'
run prof --json --diff sites.box grown.box
json_is_sound "prof --json --diff parses"
run prof --flame flame.svg --pprof profile.gz sites.box
tap_is "files are written without a word" "0||" "$status|$err|$out"
if command -v xmllint >/dev/null; then
	tap_run "the flame graph is sound" xmllint --noout flame.svg
else
	tap_skip "the flame graph is sound" "no xmllint"
fi
tap_run "the profile is gzipped" gzip -t profile.gz
if has_go; then
	out=$(HOME=$work go tool pprof -top profile.gz 2>"$work/stderr")
	matches "pprof reads the profile" '^ *4096kB 98\.46% .* fill_identity$'
	run prof --pprof change.gz --diff sites.box grown.box
	out=$(HOME=$work go tool pprof -top change.gz 2>"$work/stderr")
	matches "and that of a change" '^ *1MB +100% .* fill_identity$'
else
	tap_skip "pprof reads the profile" "no go"
	tap_skip "and that of a change" "no go"
fi
out=$("$mstat" prof --pprof - sites.box | gzip -dc | tr -d '\0' | grep -ac fill_identity)
tap_is "--pprof - is the output" 1 "$((out > 0))"
run prof dead.box
matches "without samples it tells why" "^No samples: sampling is off\\.  'mstat set PID sample:512k'"
run prof --folded dead.box
tap_is "and on stderr, where lines are expected" "0||1" "$status|$out|$(grep -c 'sampling is off' <<<"$err")"
printf 'mstat dump 1\nalloc 5\nend\n' >whole.dump
fails "a dump in text has no call sites" 1 \
	"mstat: whole.dump is a dump in text, which has no call sites: dump_format:json writes them" \
	prof whole.dump
"$maker" dump sites sites.json && "$maker" dump grown grown.json || exit 1
for form in '' --sites --by\ dso --total --folded; do
	run prof $form sites.box
	want=$(grep -v '^peak' <<<"$out")
	run prof $form sites.json
	tap_is "prof $form of a dump in JSON is that of its box" "0||$want" "$status|$err|$out"
done
run prof --diff sites.box --folded grown.json
tap_is "a change from a box to a dump" "[cut];fill_identity 1048576" "$out"
run prof --diff sites.json --folded grown.box
tap_is "and from a dump to a box" "[cut];fill_identity 1048576" "$out"
run prof --json sites.json
json_is_sound "prof --json of a dump parses"
tap_is "with the numbers of its box" "524288|5000|0" \
	"$(field rate_bytes)|$(field samples)|$(field damaged_parts)"
sed 's/^\[\([0-9]*\),0,1\]/[\1,0,9]/' sites.json >callers.json
run prof callers.json
matches "a caller that does not stand before is damage" '^          1 part is damaged, counted as nothing$'
sed 's/"call_sites":/"later":/' sites.json >later.json
fails "a dump of another library" 1 \
	"mstat: the dump later.json has no call sites: another version of libmstat wrote it" prof later.json
sed 's/"frames":\[/"frames":3,"x":[/' sites.json >frames.json
fails "call sites that are none" 3 "mstat: the dump frames.json is corrupt: its call sites" \
	prof frames.json
fails "a file that cannot be written" 1 "mstat: there is no file nowhere/f.svg" \
	prof --flame nowhere/f.svg sites.box
if [ -c /dev/full ]; then
	fails "a disk that is full" 1 "mstat: cannot write /dev/full: No space left on device" \
		prof --flame /dev/full sites.box
fi
run prof hostile.box
tap_is "a box that lies is read all the same" "0|" "$status|$err"

# ---- how it ended -----------------------------------------------------------

run post dead.box
tap_is "post of a dead process's box" "0|" "$status|$err"
matches "whose it was" '^sample \(4711\)  dead$'
matches "when it began" '^began     2026-01-01 00:00:00$'
matches "when it was last heard of" '^last      2026-01-01 01:00:00, 60 min later, by its books$'
matches "that the machine was booted anew" '^  The machine was booted anew since: it ended then at the latest\.$'
matches "that nothing else is known" '^  It is not known how: '
matches "what it held" '^  live +204\.9 KiB  1,531 objects$'
matches "what was resident of that at the most" '^  resident, at the most +576\.0 KiB '
matches "why nobody is named" '^  No samples: sampling is off\.'
tap_none "no line is longer than 80 columns" < <(grep -v '^box ' <<<"$out" | awk 'length > 80')
run post events.box
matches "what the library ended it for" '^  libmstat ended it\.$'
matches "in its words" '^    event log, 2026-01-01 01:00:01: free\(\): 0x10 twice$'
matches "its errors in their order" '^  2026-01-01 01:00:00 refused no memory for 4096 bytes$'
run post --top 1 sites.box
matches "who held the memory" '^ *4\.0 MiB +± 64\.0 KiB +98\.5 % .*  fill_identity'
matches "and no more than asked for" '^3 more; --top 0 shows all$'
matches "how it grew" '^2026-01-01 00:01:00 +60 s +8\.0 MiB +0 B +0$'
matches "the largest stack" '^3\.0 MiB ± 55\.4 KiB, 73\.8 %, 49,152 objects, 3,072 samples$'
run post --json sites.box
json_is_sound "post --json parses"
tap_is "with the same numbers" "4711|524288|5000|false" \
	"$(field pid)|$(field rate_bytes)|$(field samples)|$(field known)"
run post hostile.box
tap_is "a box that lies is told of all the same" "0|" "$status|$err"
tap_none "without an escape sequence" < <(grep -aP '[\x00-\x08\x0b-\x1f\x7f]' <<<"$out")
run post --json hostile.box
json_is_sound "nor in JSON, which parses"
fails "a dump did not end" 1 "mstat: whole.dump is a dump in text, which has no call sites: \
dump_format:json writes them" post whole.dump
fails "nor did one in JSON" 1 "mstat: sites.json is a dump, and a process that ended left a box" \
	post sites.json
fails "of whom there is no box" 1 "mstat: there is no box of a process 999999999: it was none under \
libmstat, or ended by itself ('mstat ls --all' lists those that there are)" post 999999999
fails "nothing to look at" 2 "mstat post: one PID or BOX is needed, not 0
Try 'mstat post --help'." post

# ---- a living process -------------------------------------------------------

mkdir boxes
hold "$work/boxes"
run show "$pid"
tap_is "a living process is shown" "0|" "$status|$err"
matches "its magazines were read" '^figures   exact: '
matches "live is one object a class more than is published" '^  live objects +[0-9.]+ KiB  1,534 objects$'
matches "its dump signal is ready" '^  dump signal +SIGUSR2, ready$'
run show --json "$pid"
json_is_sound "JSON of a living process parses"
tap_is "live and in magazines are exact" "$((209792 + 16 + 64 + 1024))|$((2560 - 16 - 64 - 1024))|true" \
	"$(field live_bytes)|$(field magazine_bytes)|$(field exact)"
rss=$(field rss_bytes) remainder=$(field remainder_bytes)
sum=$(($(field heap_resident_bytes) + $(field program_bytes) + $(field stacks_bytes) +
	$(field box_bytes) + $(field brk_bytes) + $(field anonymous_bytes) + $(field shared_bytes) +
	remainder))
tap_is "the lines add up to RSS" "$rss" "$sum"
heap=$(($(field live_bytes) + $(field magazine_bytes) + $(field span_free_bytes) +
	$(field idle_bytes) + $(field metadata_bytes) - $(field untouched_bytes) -
	$(field released_bytes) - $(field swapped_bytes)))
tap_is "the lines add up to the resident heap" "$(field heap_resident_bytes)" "$heap"
tap_is "what is resident of the heap is what was touched" \
	$((262144 + 65536 + 131072)) "$(field heap_resident_bytes)"
tap_is "the remainder is at most 1 % of RSS" 1 $((remainder * 100 <= rss && -remainder * 100 <= rss))
run show "$box"
matches "its box by name is the same" '^figures   exact: '
run ls
matches "ls finds it wherever its box is" "^ *$pid +"
run ls --json --dir "$work/boxes"
json_is_sound "ls --json parses"
cp "$box" copy.box
run show copy.box
matches "a copy of its box is told from the box" '^sample \([0-9]+\)  replaced: '
run prof "$pid"
matches "its call sites are named" '  fill_identity'
fails "that it lives is what there is to tell" 1 "mstat: process $pid lives: 'mstat show $pid' tells \
where its memory is, 'mstat prof $pid' who holds it" post --dir "$work/boxes" "$pid"
fails "of its box too" 1 "mstat: sample ($pid) lives: 'mstat show $pid' tells where its memory is, \
'mstat prof $pid' who holds it" post "$box"
run dump "$pid"
tap_is "dump asks, waits and prints" "0|mstat dump 1
pid 1
alloc 42
end" "$status|$out"
run dump --json "$pid"
json_is_sound "dump --json parses"
tap_is "and holds the dump's numbers" 42 "$(field alloc)"
run diff dead.box "$pid"
matches "diff shows what changed" '^alloc +204\.9 KiB +206\.0 KiB +\+1\.1 KiB$'
run diff "$pid" "$pid"
matches "diff of one with itself" '^Nothing differs\.$'
run diff --json dead.box "$pid"
json_is_sound "diff --json parses"
kill -STOP "$pid"
run show "$pid"
tap_is "a stopped process is shown" 0 "$status"
run dump --timeout 50ms "$pid"
tap_is "a stopped process does not answer" \
	"1|mstat: sample ($pid) has not answered: it is stopped, and will dump when it goes on" \
	"$status|$err"
run ls --clear --dir "$work/boxes"
tap_run "a living process's box is never cleared" test -e "$box"
kill -CONT "$pid"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
fails "a process that ended" 1 "mstat: there is no process $pid" show "$pid"
run show "$box"
matches "its box tells of it" '  dead, last heard of '
run ls --dir "$work/boxes"
matches "ls lists the dead" "^$box +ended "
tap_run "a box that is not old is kept" test -e "$box"
matches "and who tells more of them" "^'mstat post' tells of each "
run post --dir "$work/boxes" "$pid"
tap_is "post finds it by its pid" "0|" "$status|$err"
matches "as of this boot" '^  (The kernel.s log|In its control group|Whether its control group) '

hold "$work/boxes"
rm -f "$box"
run show "$pid"
if [ "$(id -u)" -eq 0 ]; then
	tap_is "a process whose box was removed is shown" 0 "$status"
	run ls
	matches "and listed" "^ *$pid +"
else
	tap_is "a process whose box was removed" \
		"1|mstat: the box of process $pid (box_maker) was removed while it runs" "$status|$err"
fi

# ---- nothing is sent to those whose handler is not ours ---------------------

refuse="nothing was sent: sample"
hold "$work/boxes" 2
fails "a program with a handler of its own" 1 \
	"mstat: $refuse ($pid) would not answer SIGUSR2: the program has a handler of its own" dump "$pid"
tap_run "and it lives on" kill -0 "$pid"
hold "$work/boxes" 3
fails "a program that ignores the signal" 1 \
	"mstat: $refuse ($pid) would not answer SIGUSR2: the program ignores it" dump "$pid"
hold "$work/boxes" 4
fails "a program that took the handler away" 1 \
	"mstat: $refuse ($pid) would not answer SIGUSR2: the program took libmstat's handler away" dump "$pid"
hold "$work/boxes" 0
fails "signal:none" 1 "mstat: sample ($pid) has no dump signal: it runs with signal:none" dump "$pid"
fails "nor is anything set" 1 "mstat: sample ($pid) has no dump signal: it runs with signal:none" \
	set "$pid" sample:64k
hold "$work/boxes" 5
fails "a handler that the kernel does not know of" 1 \
	"mstat: $refuse ($pid) would not answer SIGUSR2: it has no handler any more" dump "$pid"
tap_run "and the process lives on" kill -0 "$pid"
hold "$work/boxes" 7
fails "a box of an unknown state" 1 \
	"mstat: $refuse ($pid) would not answer SIGUSR2: the program took libmstat's handler away" dump "$pid"
fails "a process without libmstat" 1 "mstat: process $$ (bash) does not run under libmstat" show $$
fails "nor is a signal sent to it" 1 "mstat: process $$ (bash) does not run under libmstat" dump $$

# ---- clearing ---------------------------------------------------------------

folder=${box%/*}
touch "$folder/999999999-1.dump" "$folder/999999999-1.json" "$folder/notes"
"$maker" box dead "$folder/4711-123456.box"
"$maker" box truncated "$folder/999999999-5.box"
touch -d '8 days ago' "$folder/999999999-1.dump" "$folder/4711-123456.box"
run ls --dir "$work/boxes"
tap_is "old dumps go by themselves, as do old boxes" "no no yes" \
	"$(for file in 999999999-1.dump 4711-123456.box 999999999-1.json; do
		[ -e "$folder/$file" ] && echo yes || echo no; done | tr '\n' ' ' | sed 's/ $//')"
run ls --dir "$work/boxes" --json
matches "a damaged box is listed as such" '"state": "damaged"'

# Whose number a file bears is known only where every process is seen.
gone=yes
[ "$(readlink /proc/self/ns/pid)" = 'pid:[4026531836]' ] && gone=no

# --clear looks into every folder of the machine: here, of a view of its own.
if unshare -m true 2>/dev/null; then
	unshare -m bash -c '
		for dir in /dev/shm /run; do mount -t tmpfs none $dir; done
		exec "$0" ls --clear --dir "$1"' "$mstat" "$work/boxes" >/dev/null
	tap_is "--clear removes the dead and their dumps, not other files" "$gone $gone yes" \
		"$(for file in 999999999-1.json 999999999-5.box notes; do
			[ -e "$folder/$file" ] && echo yes || echo no; done | tr '\n' ' ' | sed 's/ $//')"
	tap_run "the living keep theirs" test -e "$box"
else
	tap_skip "--clear removes the dead and their dumps, not other files" "no mount namespace"
fi

# ---- run --------------------------------------------------------------------

touch library.so
export MSTAT_LIBRARY=$work/library.so
# The loader complains of a library that is none, and goes on without it.
run run -- sh -c 'echo "$LD_PRELOAD $MSTAT_CONF"'
tap_is "run preloads the library" "0|$work/library.so " "$status|$out"
out=$(LD_PRELOAD=/other.so MSTAT_CONF=box:1 "$mstat" run -o signal:USR1 -o dump_format:json \
	env 2>/dev/null | grep -E '^(LD_PRELOAD|MSTAT_CONF)=' | sort)
tap_is "what is in the environment stays" "LD_PRELOAD=/other.so:$work/library.so
MSTAT_CONF=box:1,signal:USR1,dump_format:json" "$out"
out=$(LD_PRELOAD=$work/library.so "$mstat" run env 2>/dev/null | grep '^LD_PRELOAD=')
tap_is "it is preloaded once" "LD_PRELOAD=$work/library.so" "$out"
"$mstat" run -- sh -c 'exit 42' 2>/dev/null
tap_is "run's status is the command's" 42 $?
fails "a command that is not there" 127 "mstat: cannot run /nowhere: No such file or directory" run /nowhere
fails "a key that is not there" 2 "mstat run: -o colour:red: unknown key
Try 'mstat run --help'." run -o colour:red true
fails "a value that is none" 2 "mstat run: -o box:maybe: bad value
Try 'mstat run --help'." run -o box:maybe true
fails "no command" 2 "mstat run: a command is needed
Try 'mstat run --help'." run -o box:1
MSTAT_LIBRARY=/nowhere.so fails "a library that is not there" 1 \
	"mstat: there is no library /nowhere.so, which MSTAT_LIBRARY names" run true
mkdir "$work/a b"
touch "$work/a b/libmstat.so"
MSTAT_LIBRARY="$work/a b/libmstat.so" fails "a path that the loader cannot take" 1 \
	"mstat: the loader cannot preload $work/a b/libmstat.so: a blank or colon in its path" run true

tap_done
