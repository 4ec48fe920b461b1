#!/usr/bin/env bash
#
# git.sh - git under the library on a repository that is made here.
#
# Proves: init, commit, log, diff, merge, clone, repack on several threads, gc,
# fsck and fast-export give the same with the library as without.

. "${BASH_SOURCE[0]%/*}/preload.sh"

export HOME=$scratch GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='2020-01-01T00:00:00Z'
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
export GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE

bound git git --version

# A history of 60 commits on two branches; the whole of it runs in one folder
# that is removed before, so that both runs see the same paths.
same "a repository's life" bash -e -o pipefail <<END
rm -rf "$scratch/work" && mkdir "$scratch/work" && cd "$scratch/work"
git init -q -b main made && cd made
for ((i = 0; i < 60; i++)); do
	for ((j = 0; j < 8; j++)); do
		seq \$((i * j)) \$((i * j + 400)) >file\$j
	done
	mkdir -p dir\$((i % 7)) && cp file3 dir\$((i % 7))/copy\$i
	git add -A && git commit -qm "commit \$i"
	[ \$i -ne 30 ] || git branch side
done
git log --stat --format='%H %s' | md5sum
git log -p -M -C --follow -- dir3/copy3 | md5sum
git checkout -q side && echo side >side && git add side && git commit -qm side
git merge -q -m merged main && git log --graph --oneline -n 5
git diff --word-diff main~20 side -- | md5sum
git blame file3 | md5sum
git grep -n --threads=4 399 -- 'file*' | wc -l
cd .. && git clone -q --no-local made copy && cd copy
git repack -q -a -d -f --threads=4 --window=40 && git count-objects -v | grep -E 'in-pack|packs'
git gc -q --prune=now && git fsck --full && git rev-list --all --objects | sort | md5sum
git fast-export --all | md5sum
git archive HEAD | tar -t | wc -l
git rebase -q --force-rebase HEAD~5 && git rev-parse HEAD
echo more >>file3 && git stash -q && git stash list && git stash pop -q && git status --short
END

tap_done
