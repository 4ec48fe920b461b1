#!/usr/bin/env bash
#
# nginx.sh - nginx under the library, under ab.
#
# Proves: a master and its workers - of another user, if root starts them - serve
# files small and large, compressed, included, passed on and by TLS, with the same
# figures as without the library; reloads under load lose no request, and no worker
# ends by a signal; dumps asked for meanwhile are whole.  nginx has a use of its own for
# SIGUSR2: mstat dump does not send it.

. "${BASH_SOURCE[0]%/*}/programs.sh"

PATH=$PATH:/usr/sbin
needs nginx ab openssl

port=$(/usr/bin/python3 -c '
import random, socket
while True:
    port = random.randrange(20000, 32000)
    try:
        for n in range(2):
            with socket.socket() as s:
                s.bind(("127.0.0.1", port + n))
        print(port)
        break
    except OSError:
        pass')
site=$scratch/site
mkdir -p "$site/html" "$site/temp"
chmod -R 777 "$site"
seq 1 300 >"$site/html/small"
seq 1 300000 >"$site/html/large"
for ((i = 0; i < 30; i++)); do echo "<!--#include virtual=\"/small\" --><!--#echo var=\"uri\" -->"; done \
	>"$site/html/parts.shtml"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$site/key.pem" -out "$site/cert.pem" \
	-subj /CN=localhost -days 2 2>/dev/null

# Root's workers give up their rights, as those of a service do.
cat >"$site/nginx.conf" <<END
$([ "$(id -u)" -ne 0 ] || echo "user nobody $(id -gn nobody);")
daemon off;
worker_processes 2;
worker_shutdown_timeout 10s;
pid $site/nginx.pid;
error_log $site/error.log warn;
events { worker_connections 512; }
http {
	access_log $site/access.log;
	client_body_temp_path $site/temp/1; proxy_temp_path $site/temp/2; fastcgi_temp_path $site/temp/3;
	uwsgi_temp_path $site/temp/4; scgi_temp_path $site/temp/5;
	proxy_cache_path $site/temp/6 keys_zone=kept:1m;
	limit_req_zone \$binary_remote_addr zone=limit:1m rate=1000000r/s;
	upstream self { server 127.0.0.1:$port; keepalive 8; }
	server {
		listen 127.0.0.1:$port;
		listen 127.0.0.1:$((port + 1)) ssl;
		ssl_certificate $site/cert.pem; ssl_certificate_key $site/key.pem;
		ssl_session_cache shared:tls:1m;
		root $site/html;
		default_type text/plain;
		ssi on;
		keepalive_requests 1000000;
		limit_req zone=limit burst=1000 nodelay;
		location /packed/ { alias $site/html/; gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; }
		location /passed/ { proxy_pass http://self/; proxy_http_version 1.1; proxy_set_header Connection ""; }
		location /cached/ { proxy_pass http://self/packed/; proxy_cache kept; proxy_cache_valid 1s; }
		location /moved { return 301 /small; }
	}
}
END

# request COUNT PATH AB-ARGUMENT...: what came of it, without times.
request()
{
	local count=$1 path=$2

	shift 2
	ab -q -s 60 -n "$count" -c 20 -H 'Accept-Encoding: gzip' "$@" "http${tls:+s}://127.0.0.1:$((port + ${tls:-0}))$path" 2>&1 |
		grep -E '^(Document (Path|Length)|Complete requests|Failed requests|Non-2xx|Total transferred|HTML transferred)'
}

load()
{
	request 6000 /small -k
	request 300 /large
	request 2000 /packed/small -k
	request 40 /packed/large
	request 1000 /parts.shtml
	request 2000 /passed/small
	request 100 /passed/large -k
	request 2000 /cached/parts.shtml
	request 2000 /nowhere
	request 2000 /moved
	tls=1 request 1500 /small
	tls=1 request 100 /large -k
}

# start WAY: its pid is $master.
start()
{
	(with "$1" nginx -p "$site" -e "$site/error.log" -c "$site/nginx.conf") >/dev/null 2>"$scratch/said/nginx-$1" </dev/null &
	master=$!
	waits_for 20 is_served
	sleep 0.3
}

is_served()
{
	[ "$(ab -q -n 1 "http://127.0.0.1:$port/small" 2>&1 | grep -c '^Complete requests: *1$')" = 1 ]
}

# Beside the workers there are one process or two that look after the cache.
workers()
{
	local child

	for child in $(children $master); do
		[[ $(tr '\0' ' ' <"/proc/$child/cmdline") != "nginx: worker process "* ]] || echo "$child"
	done
}

has_two_workers()
{
	[ "$(workers | wc -l)" -eq 2 ] && ! grep -qa 'shutting down' $(printf '/proc/%s/cmdline ' $(workers))
}

bound_everywhere nginx 1 nginx -t -p "$site" -e "$site/error.log" -c "$site/nginx.conf"

start plain
load >"$scratch/plain"
tap_is "without the library each page was asked for" 12 "$(grep -c '^Document Path' "$scratch/plain")"
kill -QUIT $master
ended 20 $master

for way in "${ways[@]}"; do
	: >"$site/error.log"
	start "$way"
	tap_is "$way: there are two workers" 2 "$(workers | wc -l)"
	storm $master $(children $master)
	load >"$scratch/$way"
	storm_ends "$way" 100
	kept "$way" $master $(workers)
	diff "$scratch/plain" "$scratch/$way" | tap_none "$way: the figures of each page are the same"

	request 30000 /passed/small >"$scratch/reloaded" &
	requests=$!
	for _ in {1..8}; do
		kill -HUP $master
		sleep 0.4
	done
	wait $requests
	tap_is "$way: eight reloads under load lose no request" "30000 0" \
		"$(sed -nE 's/^(Complete|Failed) requests: *//p' "$scratch/reloaded" | xargs)"
	waits_for 20 has_two_workers
	tap_result $? "$way: old workers are gone"
	request 200 /parts.shtml >/dev/null
	kept "$way, after reloads" $master $(workers)
	listed "$way, after reloads" $master $(workers)
	storm $master $(children $master)
	storm_ends "$way, at rest" 100

	kill -USR1 $master # logs are opened again
	kill -QUIT $master
	ended 20 $master
	tap_is "$way: the server ends as it is told to" 0 $?
	find "$boxes" -name "$master.box" | tap_none "$way: and its box is gone"
	grep -E '\[(alert|emerg|crit)\]|exited on signal' "$site/error.log" | tap_none "$way: and has had no trouble"
done

more_conf=signal:USR2
start preloaded
"$MSTAT_TOOL" dump "$master" >"$scratch/dumped" 2>&1
tap_is "SIGUSR2 is nginx's own: mstat dump sends none" \
	"the program has a handler of its own" "$(sed -n 's/.*SIGUSR2: //p' "$scratch/dumped")"
sed 's/^/dump said: /' "$scratch/dumped" | head -n 2 | tap_note
tap_is "and no new binary was started" 2 "$(workers | wc -l)"
kill -QUIT $master
ended 20 $master

cp "$site/error.log" "$scratch/said/nginx.error"
# A worker of root's that was slow to give up its rights had a box already, which it may
# not remove any more; that of a process that kept its rights is gone, see above.
[ "$(id -u)" -ne 0 ] || rm -vf "$boxes"/mstat-0/*.box | tap_note
programs_done
