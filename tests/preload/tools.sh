#!/usr/bin/env bash
#
# tools.sh - other programs, each with a heap of its own kind: perl, jq, openssl,
# make, interpreters.  One that is not installed is skipped by name.

. "${BASH_SOURCE[0]%/*}/preload.sh"

# has PROGRAM: or a line that says that it is missing.
has()
{
	command -v "$1" >/dev/null && return
	tap_skip "$1" "not installed"
	return 1
}

bound perl perl -e 1
same "perl: hashes, strings, sorting, regular expressions, fork" perl - <<'END'
my (%seen, @lines);
for my $i (0 .. 60000) {
	my $key = ($i * 7919) % 5003;
	$seen{$key} .= chr(97 + $i % 26);
	push @lines, "$key:" . ("x" x ($i % 50));
}
print join(",", map { length $seen{$_} } sort { $a <=> $b } keys %seen), "\n";
my $text = join "\n", sort @lines;
my $count = () = $text =~ /^(\d+):(x{10,20})$/mg;
print "$count ", length $text, "\n";
$text =~ s/(\d+)/<$1>/g;
print length $text, "\n";
my @tree = map { { name => $_, kids => [ map { { id => $_ } } 1 .. 20 ] } } 1 .. 3000;
print scalar(grep { $_->{kids}[3]{id} == 4 } @tree), "\n";
for my $i (1 .. 10) {
	my $pid = fork;
	if (!$pid) { my %h = map { $_ => "$_$_" } 1 .. 2000; exit($h{7} eq "77" ? $i : 99) }
	waitpid $pid, 0; print $? >> 8, "\n";
}
END

if has jq; then
	bound jq jq --version
	seq 1 30000 | same "jq" jq -s 'map({id: ., name: "n\(.)", tags: [range(. % 7)]}) | group_by(.tags | length) | map({n: length, first: .[0], last: .[-1]})'
fi
if has openssl; then
	bound openssl openssl version
	head -c 3000000 /dev/zero | same "openssl: digests and ciphers" bash -c '
		openssl enc -aes-256-cbc -pbkdf2 -S 0011223344556677 -pass pass:x | openssl dgst -sha512'
fi
if has make; then
	bound make make --version
	same "make" make -s -j4 -f - <<'END'
list := $(foreach i,1 2 3 4 5 6 7 8,$(foreach j,a b c d e f g h,t$(i)$(j)))
all: $(list) ; @echo $(words $(list)) $(sort $^) done
$(list): ; @true $@
END
fi
if has lua5.4; then
	same "lua" lua5.4 - <<'END'
local t = {}
for i = 1, 200000 do t[i % 1000 + 1] = ("x"):rep(i % 100) .. i end
local n = 0
for _, s in ipairs(t) do n = n + #s end
print(n, #table.concat(t))
END
fi
if has tclsh; then
	same "tcl" tclsh <<'END'
for {set i 0} {$i < 50000} {incr i} { dict lappend d [expr {$i % 997}] [string repeat y [expr {$i % 40}]] }
puts [dict size $d]; puts [string length $d]
END
fi
if has node; then
	same "node" node - <<'END'
const m = new Map();
for (let i = 0; i < 200000; i++) m.set("k" + i % 5003, Buffer.alloc(i % 300, i));
let n = 0; for (const b of m.values()) n += b.length;
console.log(m.size, n, require("zlib").gzipSync(Buffer.alloc(1 << 20)).length);
END
fi
if has zstd; then
	seq 1 300000 | same "zstd on several threads" bash -c 'zstd -q -T4 -9 | zstd -dq | md5sum'
fi
if has gdb; then
	same "gdb reads this library's symbols" gdb -batch -nx -ex 'ptype struct cache' "$MSTAT_LIBRARY" </dev/null
fi

tap_done
