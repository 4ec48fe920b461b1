#!/usr/bin/env bash
#
# tags.sh - tags (tags.c), in processes that are checked or not, and what mstat says of them.

. "${BASH_SOURCE[0]%/*}/preload.sh"

for conf in "" sample:4k check:full check:sample,check_every:1,sample:16k efence:1 tiny:0; do
	MSTAT_CONF=$conf adopt "tags ${conf:-as it is}" "$programs/tags"
done
MSTAT_CONF=tags:all adopt "tags tags:all" "$programs/tags" all

tap_done
