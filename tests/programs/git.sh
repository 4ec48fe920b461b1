#!/usr/bin/env bash
#
# git.sh - git under the library, on a history larger than that of tests/preload/git.sh.
#
# Proves: an aggressive gc and repacks on several threads, with little memory for
# windows and with delta islands, leave the same objects; so do a clone over a pipe,
# filters that are a process for each blob, and worktrees made side by side.

. "${BASH_SOURCE[0]%/*}/programs.sh"

needs git perl

export HOME=$scratch GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='2020-01-01T00:00:00Z'
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
export GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE

# For git fast-import: 300 files, of which each commit changes twenty.
perl - 1500 >"$scratch/history" <<'END'
my ($commits) = @ARGV;
my @files = map { [map { "line $_ of it\n" } 1 .. 40 + $_ % 200] } 0 .. 299;
my $seed = 1;
sub random { $seed = ($seed * 1103515245 + 12345) % 2147483648; return ($seed >> 8) % $_[0] }
for my $commit (1 .. $commits) {
	print "commit refs/heads/main\nmark :$commit\n";
	print "committer a <a\@example.org> ", 1577836800 + $commit, " +0000\ndata <<.\ncommit $commit\n.\n";
	for (1 .. 20) {
		my $n = random(300);
		my $lines = $files[$n];
		$lines->[random(scalar @$lines)] = "changed in $commit by " . random(1000000) . "\n";
		splice @$lines, random(scalar @$lines), 0, "new $commit\n" if random(3) == 0;
		my $text = join "", @$lines;
		print "M 100644 inline dir", $n % 17, "/file$n\ndata ", length $text, "\n$text\n";
	}
	print "\n";
	print "reset refs/heads/branch$commit\nfrom :$commit\n\n" if $commit % 100 == 0;
}
END

bound_everywhere "a gc with its children" 6 bash -e -c '
	rm -rf "$1" && git init -q "$1" && cd "$1" && git fast-import --quiet <"$0" &&
	git gc -q --aggressive' "$scratch/history" "$scratch/bound.git"
rm -rf "$scratch/bound.git"

work "fast-import, gc --aggressive, repack on threads" bash -e -o pipefail <<END
git init -q -b main made && cd made
git config pack.threads 4
git fast-import --quiet <"$scratch/history"
git count-objects -v | grep in-pack
git gc -q --aggressive --prune=now
git fsck --full --strict 2>&1
git rev-list --all --objects | sort | sha256sum
git cat-file --batch-all-objects --batch | sha256sum
git repack -q -a -d -f --threads=8 --window=100 --depth=20 --window-memory=1m
git config pack.island 'refs/heads/branch(.*)'
git repack -q -a -d -f -i --threads=4 --write-bitmap-index
git verify-pack -v .git/objects/pack/*.idx | awk '/^[0-9a-f]{40}/ { print \$1, \$2, \$3 }' | sort | sha256sum
git rev-list --all --use-bitmap-index --count
git multi-pack-index write && git multi-pack-index verify
git commit-graph write --reachable --changed-paths && git commit-graph verify
END

work "clone, fetch, filters, worktrees, blame" bash -e -o pipefail <<END
git init -q -b main made && git -C made fast-import --quiet <"$scratch/history"
git -C made config uploadpack.allowFilter true
git clone -q --no-local --depth 200 made shallow && git -C shallow rev-list --all --count
git -C shallow fetch -q --unshallow && git -C shallow rev-list --all --count
git clone -q --no-local --filter=blob:none --bare made partial && git -C partial rev-list --all --count
cd made && git checkout -q main
git config filter.turn.clean 'tr a-z b-za' && git config filter.turn.smudge 'tr b-za a-z'
echo '* filter=turn' >dir1/.gitattributes && touch dir1/* && git add -A && git commit -qm filtered
rm -rf dir1 && git checkout -q -- dir1 && git status --short | wc -l
git rev-parse 'HEAD^{tree}'
for i in 1 2 3 4; do git worktree add -q ../tree\$i branch\${i}00; done
for i in 1 2 3 4; do git -C ../tree\$i grep --threads=4 -c changed >../found\$i & done; wait
sort ../found? | sha256sum
git log --stat -M -C --find-copies-harder -n 60 | sha256sum
git blame -w -M -C -C dir3/file20 | sha256sum
git log -S'of it' --oneline -n 20 -- dir5 | sha256sum
git diff --patience branch100 branch1500 | sha256sum
git bundle create -q ../all.bundle --all && git bundle verify -q ../all.bundle && echo verified
END

programs_done
