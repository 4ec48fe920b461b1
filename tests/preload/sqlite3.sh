#!/usr/bin/env bash
#
# sqlite3.sh - sqlite3 under the library, in memory and on disk.

. "${BASH_SOURCE[0]%/*}/preload.sh"

bound sqlite3 sqlite3 --version

script()
{
	cat <<-'END'
	PRAGMA cache_size = 4000;
	CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, size INTEGER, body BLOB);
	CREATE INDEX item_size ON item (size, name);
	WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
		INSERT INTO item SELECT i, 'item ' || (i * 7919 % 100003), i * 104729 % 5003,
			substr(hex(zeroblob(i % 400)), 1, i % 700) FROM n;
	SELECT count(*), sum(size), max(length(body)) FROM item;
	SELECT size, count(*), min(name), max(name) FROM item GROUP BY size ORDER BY 2 DESC, 1 LIMIT 20;
	BEGIN; DELETE FROM item WHERE id % 3 = 0; UPDATE item SET name = name || ' again' WHERE id % 5 = 0; COMMIT;
	BEGIN; DELETE FROM item; ROLLBACK;
	SELECT a.name, b.name FROM item a JOIN item b ON a.size = b.size AND a.id < b.id ORDER BY a.id, b.id LIMIT 30;
	SELECT json_group_array(name) FROM (SELECT name FROM item ORDER BY name LIMIT 100);
	CREATE VIRTUAL TABLE words USING fts5 (text);
	INSERT INTO words SELECT name || ' ' || size FROM item WHERE id < 20000;
	SELECT count(*) FROM words WHERE words MATCH 'again';
	VACUUM;
	PRAGMA integrity_check;
	END
}

script | same "in memory" sqlite3 :memory:
script | same "on disk" bash -c 'rm -f "$0" && sqlite3 "$0" && sqlite3 "$0" .dump | md5sum' "$scratch/disk.db"
script | same "on disk, with a write-ahead log" bash -c '
	rm -f "$0"* && { echo "PRAGMA journal_mode = WAL;"; cat; } | sqlite3 "$0" && sqlite3 "$0" .dump | md5sum' \
	"$scratch/wal.db"

tap_done
