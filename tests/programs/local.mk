# tests/programs/local.mk - real programs at real work, by ./dev programs: too long for
# make check, which has tests/preload.

EXTRA_DIST += $(programs_scripts:%=%D%/%.sh) %D%/programs.sh %D%/run %D%/packages.txt
programs_scripts = chromium ffmpeg gcc git java memcached nginx node openssl perl postgresql \
	python3
