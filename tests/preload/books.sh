#!/usr/bin/env bash
#
# books.sh - the books of real processes against an independent count: of one
# thread (books_one.c) and of many (books_many.c).

. "${BASH_SOURCE[0]%/*}/preload.sh"

adopt "one thread" "$programs/books_one"
adopt "many threads" "$programs/books_many"

tap_done
