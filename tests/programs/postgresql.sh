#!/usr/bin/env bash
#
# postgresql.sh - PostgreSQL under the library: its own server, of an ordinary user.
#
# Proves: initdb, pgbench of eight clients, queries that sort, hash, aggregate, recurse and
# run in parallel workers and in compiled code, a checkpoint, a restart, and what amcheck
# and pg_dump say of it all: the same as without the library.  The dump signal reaches
# the postmaster and each of its children under load.

. "${BASH_SOURCE[0]%/*}/programs.sh"

bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
PATH=$bin:$PATH
needs initdb postgres pgbench psql pg_dump
as_nobody

mkdir -m 777 "$scratch/pg"
export PGHOST=$scratch/pg PGUSER=test PGDATABASE=postgres PGTZ=UTC TZ=UTC

# start WAY: on a socket in the scratch folder alone.
start()
{
	(with "$1" postgres -D "$scratch/pg/$1" -c listen_addresses= -c unix_socket_directories="$PGHOST" \
		-c fsync=off -c shared_buffers=24MB -c work_mem=2MB -c max_parallel_workers_per_gather=3 \
		-c min_parallel_table_scan_size=0 -c parallel_setup_cost=0 -c parallel_tuple_cost=0 \
		-c autovacuum_naptime=1s -c log_min_messages=warning) \
		>>"$scratch/said/server-$1" 2>&1 </dev/null &
	postmaster=$!
	waits_for 60 pg_isready -q
}

# stop HOW: of postgres's three.
stop()
{
	kill "-$1" $postmaster
	ended 60 $postmaster
}

query()
{
	(with "$way" psql -X -q -A -t -v ON_ERROR_STOP=1 "$@") 2>>"$scratch/said/psql-$way"
}

# What is the same each time: no order that threads decide.
queries()
{
	cat <<-'END'
	CREATE TABLE item AS SELECT i AS id, 'item ' || (i * 7919 % 100003) AS name, i % 997 AS kind,
		jsonb_build_object('n', i, 'list', jsonb_build_array(i % 7, 'x' || i % 13)) AS doc FROM generate_series(1, 60000) i;
	CREATE INDEX ON item (kind, name); CREATE INDEX ON item USING gin (doc); CREATE INDEX ON item USING hash (name); ANALYZE item;
	SELECT count(*), sum(id), max(name), min(doc::text) FROM item;
	SELECT md5(string_agg(name, ',' ORDER BY name COLLATE "C" DESC, id)) FROM item;
	SELECT kind % 10, count(DISTINCT name), sum(length(doc::text)), array_length(array_agg(id), 1) FROM item GROUP BY 1 ORDER BY 1;
	SELECT sum(a.id), count(*) FROM item a JOIN item b ON a.kind = b.kind AND a.id < b.id;
	SELECT md5(string_agg(r::text, ',' ORDER BY id)) FROM (SELECT id, rank() OVER (PARTITION BY kind ORDER BY name, id) r FROM item) t;
	WITH RECURSIVE tree (id, path) AS (SELECT 1, '1' UNION ALL SELECT id * 2 + n, path || '.' || n FROM tree, (VALUES (0), (1)) v (n) WHERE id < 8192)
		SELECT count(*), md5(string_agg(path, ',' ORDER BY id)) FROM tree;
	SELECT count(*) FROM item WHERE doc @> '{"list": [3, "x5"]}';
	SELECT count(*), sum(length(m[1])) FROM item, regexp_matches(name || ' ' || kind, '(\d+)', 'g') m;
	SELECT sum(length(regexp_replace(repeat(name, 20), '[1-5]+', '<\&>', 'g'))) FROM item WHERE id < 5000;
	SELECT length(string_agg(xmlelement(name e, id)::text, '')) FROM item;
	SET jit = on; SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0;
	SELECT sum(id * 2 + kind), avg(kind)::numeric(10, 4), count(*) FILTER (WHERE kind BETWEEN 10 AND 500 OR name LIKE '%9%') FROM item;
	SELECT kind % 3, sum(id::numeric * id) FROM item WHERE id % 2 = 0 GROUP BY 1 ORDER BY 1;
	SET jit = off;
	CREATE FUNCTION churn(n int) RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE words text[] := '{}'; total bigint := 0;
	BEGIN
		FOR i IN 1 .. n LOOP
			words := words || repeat('w', i % 50); total := total + length(words[1 + i % array_length(words, 1)]);
			BEGIN
				IF i % 100 = 0 THEN RAISE EXCEPTION 'at %', i; END IF;
			EXCEPTION WHEN others THEN total := total + 1; END;
		END LOOP;
		RETURN total;
	END $$;
	SELECT churn(3000);
	BEGIN; DELETE FROM item WHERE id % 3 = 0; SAVEPOINT s; DELETE FROM item; ROLLBACK TO s; COMMIT;
	UPDATE item SET name = name || ' again', doc = doc || '{"more": true}' WHERE id % 5 = 0;
	VACUUM FULL item; REINDEX TABLE CONCURRENTLY item; CLUSTER item USING item_kind_name_idx;
	SELECT count(*), md5(string_agg(doc::text, ',' ORDER BY id)) FROM item;
	CREATE EXTENSION amcheck;
	SELECT count(*) FROM (SELECT bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
		WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p') t WHERE false;
	SELECT count(*) FROM verify_heapam('item') UNION ALL SELECT count(*) FROM verify_heapam('pgbench_accounts');
	END
}

# The same seed gives each client the same transactions: so the sums are the same.
balances()
{
	query -c "SELECT count(*), sum(delta) FROM pgbench_history" \
		-c "SELECT sum(abalance) FROM pgbench_accounts" -c "SELECT sum(tbalance) FROM pgbench_tellers" \
		-c "SELECT sum(bbalance) FROM pgbench_branches"
}

# The processes that serve a client each, by what they call themselves.
backends()
{
	local child

	for child in $(children $postmaster); do
		[[ $(tr '\0' ' ' <"/proc/$child/cmdline") != "postgres: test postgres "* ]] || echo "$child"
	done
}

has_backends()
{
	[ "$(backends | wc -l)" -eq 8 ]
}

bench()
{
	(with "$way" pgbench -n -c 8 -j 2 --random-seed=7 "$@") 2>>"$scratch/said/pgbench-$way" |
		grep -E '^(number of (transactions actually|failed)|transaction type)'
}

# A command, and what it has to do with before and after.
life()
{
	(with "$way" initdb -D "$scratch/pg/$way" -U test -A trust --no-sync --locale=C -E UTF8) \
		>/dev/null 2>>"$scratch/said/initdb-$way"
	tap_is "$way: initdb" 0 $?
	start "$way"
	tap_is "$way: the server starts" 0 $?
	(with "$way" pgbench -q -i -s 5) >/dev/null 2>>"$scratch/said/pgbench-$way"
	tap_is "$way: pgbench -i" 0 $?
	if [ "$way" != plain ]; then
		kept "$way" $postmaster
		listed "$way" $postmaster
		# Those that look after the log and the buffers, and the eight of this pgbench.
		bench -t 2000 >"$scratch/bench-$way" &
		benching=$!
		waits_for 20 has_backends
		kept "$way, under load" $postmaster $(backends)
		storm $postmaster $(children $postmaster)
		wait $benching
		storm_ends "$way" 100
	else
		bench -t 2000 >"$scratch/bench-plain"
	fi
	{
		cat "$scratch/bench-$way"
		balances
		bench -S -t 500 -M prepared
		queries | query -f - && echo "queries end well"
	} >"$scratch/results-$way"
	query -c CHECKPOINT
	stop INT
	tap_is "$way: the server ends as it is told to" 0 $?
	start "$way"
	{
		balances
		(with "$way" pg_amcheck --no-strict-names --heapallindexed postgres) 2>&1 && echo "amcheck finds nothing"
		(with "$way" pg_dump --exclude-table-data=pgbench_history postgres) | grep -v '^\(--\|\\\)' | sort | sha256sum
	} >>"$scratch/results-$way"
	stop TERM
	tap_is "$way: and once more" 0 $?
	grep -E 'PANIC|FATAL|terminated by signal' "$scratch/said/server-$way" |
		grep -vE 'the database system is starting up|due to administrator command' | tap_none "$way: the server has had no trouble"
}

for way in plain "${ways[@]}"; do
	life
	if [ $way = plain ]; then
		tap_note <"$scratch/results-plain"
		tap_is "without the library all is done" 2 "$(grep -cE 'end well|finds nothing' "$scratch/results-plain")"
	else
		diff "$scratch/results-plain" "$scratch/results-$way" | tap_none "$way: the same results"
	fi
	rm -rf "${scratch:?}/pg/$way"
done

programs_done
