#!/usr/bin/env bash
#
# coro_collect.sh - collections in a program that has coroutines: coro_collect.c.

. "${BASH_SOURCE[0]%/*}/preload.sh"

adopt coro_collect "$programs/coro_collect"

tap_done
