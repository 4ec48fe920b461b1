#!/usr/bin/env bash
#
# perl.sh - perl under the library: what its own allocations are made of.
#
# Proves: hashes that grow and are cut down, strings that grow by bytes and by
# doubling, regular expressions that recurse, sorts; Storable there and back, closures
# and weak references; threads, each a clone of the whole interpreter; fork and pipes.

. "${BASH_SOURCE[0]%/*}/programs.sh"

needs perl

bound_everywhere perl 5 perl -e '
	for (1 .. 4) { my $pid = fork // die; exec $^X, "-e", "my %h = map { \$_ => 1 } 1 .. 1000" if !$pid; waitpid $pid, 0 }'

work "hashes, strings, regular expressions, sorting" perl - <<'END'
use strict; use warnings; use Digest::MD5 'md5_hex';
my (%h, %words); my ($seed, $n) = (1, 0);
sub random { $seed = ($seed * 1103515245 + 12345) % 2147483648; return ($seed >> 8) % $_[0] }
for my $round (1 .. 6) {
	$h{random(400000)} .= "v" x random(60) for 1 .. 250000;
	delete @h{grep { $_ % 3 == $round % 3 } keys %h};
	print scalar(keys %h), " ", md5_hex(join ",", map { "$_=$h{$_}" } sort { $a <=> $b } keys %h), "\n";
}
undef %h;
my @strings = map { my $s = ""; $s .= chr(97 + random(26)) for 1 .. random(2000); $s } 1 .. 3000;
print md5_hex(join "|", sort @strings), "\n";
print md5_hex(join "|", sort { length $a <=> length $b || $b cmp $a } @strings), "\n";
my $text = join " ", @strings;
$n++ while $text =~ /([aeiou])([^aeiou ]{3,9})\1/g;
print "$n\n";
(my $swapped = $text) =~ s/(\w)(\w)/$2$1/g;
print md5_hex($swapped), "\n";
print "nested\n" if "(" x 2000 . "x" . ")" x 2000 =~ /^(\((?:[^()x]++|x|(?1))*+\))$/ || 1;
$words{$_}++ for map { substr $_, 0, 3 } grep { length > 2 } split /[qxz]+/, $text;
print scalar keys %words, "\n";
my $big = "";
$big .= "x" x 1000 for 1 .. 50000;
substr($big, 1000, 20000000) = "short";
print length $big, "\n";
my @deck = 1 .. 200000;
splice @deck, random(100000), 50, 1 .. 70 for 1 .. 200;
my $total = 0;
$total += $_ for @deck;
print scalar @deck, " $total\n";
(my $wide = $text) =~ tr/a-z/\x{100}-\x{119}/;
utf8::encode($wide);
print length $wide, " ", md5_hex($wide), "\n";
print md5_hex(sprintf "%s" x 1000, @strings[0 .. 999]), "\n";
END

work "Storable, closures, weak references, objects" perl - <<'END'
use strict; use warnings; use Storable qw(freeze thaw dclone store retrieve); use Scalar::Util 'weaken';
use Digest::SHA 'sha1_hex'; use List::Util 'sum'; use Data::Dumper; use Encode; use MIME::Base64;
$Storable::canonical = $Data::Dumper::Sortkeys = $Data::Dumper::Indent = 1;
my ($count, $live) = (0, 0);
my $tree = { map { my $i = $_; "k$i" => { list => [map { "i$_" } 1 .. $i % 30], name => "n" x ($i % 100),
	kids => { map { ("c$_" => ["d$_"]) } 1 .. $i % 9 } } } 1 .. 20000 };
print sha1_hex(freeze($tree)), "\n";
$tree = thaw(freeze(dclone($tree))) for 1 .. 4;
print sha1_hex(freeze($tree)), "\n";
store $tree, "tree";
print sha1_hex(freeze(retrieve("tree"))), "\n", sha1_hex(Dumper($tree)), "\n";
my @nodes = map { { id => $_ } } 1 .. 50000;
for (1 .. $#nodes) {
	weaken($nodes[$_]{parent} = $nodes[$_ / 2]);
	push @{ $nodes[$_ / 2]{kids} }, $nodes[$_];
}
my @todo = (my $root = $nodes[0]);
undef @nodes;
while (my $node = shift @todo) { $count++; push @todo, @{ $node->{kids} || [] } }
undef $root;
my @adders = map { my $n = $_; sub { $n += $_[0] } } 1 .. 50000;
$_->(3) for @adders;
print "$count ", sum(map { $_->(0) } @adders), "\n";
my $wide = join "", map { chr } 0x100 .. 0x2fff;
print sha1_hex(encode_base64(encode("UTF-16LE", decode("UTF-8", encode("UTF-8", $wide))))), "\n";
for (1 .. 2000) {
	my $code = eval "sub { my \$x = shift; \$x * $_ + " . join("+", 1 .. 40) . " }" or die $@;
	$count += $code->(2);
}
print "$count\n";
sub Counted::new { $live++; bless { data => "x" x 100 }, shift }
sub Counted::DESTROY { $live-- }
{ my @objects = map { Counted->new } 1 .. 30000; splice @objects, 100, 20000; print "$live\n" }
print "$live\n";
END

work "threads, each with a clone of the interpreter" perl - <<'END'
use strict; use warnings; use threads; use threads::shared; use Thread::Queue; use Digest::MD5 'md5_hex';
my %data = map { $_ => [("x$_") x ($_ % 20)] } 1 .. 5000;
my %results : shared;
my $queue = Thread::Queue->new(1 .. 64);
$queue->end;
my @workers = map { threads->create(sub {
	while (defined(my $n = $queue->dequeue)) {
		my %mine = map { $_ * $n => $data{$_} } 1 .. 2000;
		my $sum = md5_hex(join ",", map { "$_:@{$mine{$_}}" } sort { $a <=> $b } keys %mine);
		lock %results;
		$results{$n} = $sum;
	}
}) } 1 .. 8;
$_->join for @workers;
print "$_ $results{$_}\n" for sort { $a <=> $b } keys %results;
for (1 .. 40) {
	my ($thread) = threads->create(sub { my @a = map { { a => $_ } } 1 .. 3000; scalar @a });
	print $thread->join, "\n";
}
END

work "fork, pipes, sockets, IPC::Open3" perl - <<'END'
use strict; use warnings; use IPC::Open3; use Socket; use POSIX ();
my %kept = map { $_ => "y" x ($_ % 300) } 1 .. 50000;
for my $i (1 .. 40) {
	pipe my $r, my $w or die;
	my $pid = fork // die;
	if (!$pid) {
		$kept{$_} .= "z" x 50 for 1 .. 5000;
		syswrite $w, keys(%kept) . " " . length $kept{$i};
		$i % 2 ? exit 0 : POSIX::_exit(0);
	}
	close $w;
	print <$r>, "\n";
	waitpid $pid, 0;
	print "$?\n";
}
for (1 .. 20) {
	my $pid = open3(my $in, my $out, undef, "sort", "-r");
	print $in "$_\n" for 1 .. 500;
	close $in;
	my @lines = <$out>;
	waitpid $pid, 0;
	print @lines[0 .. 2];
}
socketpair my $a, my $b, AF_UNIX, SOCK_STREAM, 0 or die;
my $pid = fork // die;
if (!$pid) {
	close $a;
	my $n = 0;
	while (sysread $b, my $buffer, 65536) { $n += length $buffer }
	POSIX::_exit($n == 8000000 ? 7 : 8);
}
close $b;
print { $a } "q" x 100000 for 1 .. 80;
close $a;
waitpid $pid, 0;
print $? >> 8, "\n";
END

programs_done
