#!/usr/bin/env bash
#
# family.sh - the malloc family's semantics (family.c), and what its printed
# reports look like from outside.

. "${BASH_SOURCE[0]%/*}/preload.sh"

adopt family "$programs/family"

(preload "$programs/family" malloc_info) >"$scratch/info.xml"
tap_run "malloc_info is well-formed XML, and its bins are sums" /usr/bin/python3 -c '
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "malloc" and root.get("version") == "1", root.attrib
bins = root.findall("heap/bin")
assert len(bins) > 1
live = sum(int(b.findtext("nmalloc")) - int(b.findtext("ndalloc")) for b in bins)
total = root.find("total[@type=\"live\"]")
assert live == int(total.get("count")), (live, total.attrib)
' "$scratch/info.xml"

tap_done
