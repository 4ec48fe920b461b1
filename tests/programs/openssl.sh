#!/usr/bin/env bash
#
# openssl.sh - openssl under the library.
#
# Proves: speed -multi, whose children report over pipes, measures all that it was asked
# for; keys, certificates, signatures and containers verify; a TLS server
# serves handshakes side by side.  (What is random is not compared, but verified.)

. "${BASH_SOURCE[0]%/*}/programs.sh"

needs openssl

bound_everywhere "openssl speed -multi" 1 openssl speed -multi 2 -seconds 1 -bytes 1024 sha256

# The figures are the machine's; which rows there are is not.
work "speed -multi" bash -e -o pipefail <<'END'
rows() { openssl speed -mr -seconds 1 "$@" 2>/dev/null | grep '^+F' | cut -d: -f1-3; }
rows -multi 2 sha256 md5
rows -multi 3 rsa2048 ecdsap256 ecdhx25519
rows -multi 4 -evp aes-256-gcm
rows -async_jobs 8 -bytes 4096 -evp aes-128-cbc
END

work "keys, certificates, signatures, containers" bash -e -o pipefail <<'END'
{
for kind in "RSA -pkeyopt rsa_keygen_bits:2048" "EC -pkeyopt ec_paramgen_curve:P-384" ED25519 X448; do
	openssl genpkey -algorithm $kind -out key.pem
	openssl pkey -in key.pem -pubout -outform DER | wc -c >&3
done
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 30
for i in {1..12}; do
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $i.key -out $i.csr -subj /CN=host$i
	openssl x509 -req -in $i.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 10 -out $i.pem
	openssl verify -CAfile ca.pem $i.pem >&3
	head -c $((i * 300000)) /dev/zero >data
	openssl dgst -sha384 -sign $i.key -out data.sig data
	openssl x509 -in $i.pem -pubkey -noout >pub
	openssl dgst -sha384 -verify pub -signature data.sig data >&3
	openssl cms -encrypt -binary -aes-256-cbc -in data -outform DER -out data.cms $i.pem
	openssl cms -decrypt -inform DER -in data.cms -recip $i.pem -inkey $i.key | openssl dgst -sha256 >&3
	openssl pkcs12 -export -in $i.pem -inkey $i.key -passout pass:x -out $i.p12
	openssl pkcs12 -in $i.p12 -passin pass:x -nodes | openssl x509 -noout -subject >&3
done
} 3>&1 >/dev/null
openssl prime -generate -bits 512 | wc -l
openssl rand 5000000 | wc -c
openssl kdf -keylen 32 -kdfopt pass:x -kdfopt salt:saltsalt -kdfopt n:16384 -kdfopt r:8 -kdfopt p:1 SCRYPT
END

# ---- a server ----------------------------------------------------------------

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$scratch/key.pem" -out "$scratch/cert.pem" \
	-subj /CN=localhost -days 2 2>/dev/null

clients=4
handshakes=60

client()
{
	for ((i = 0; i < handshakes; i++)); do
		printf 'GET / HTTP/1.0\r\n\r\n' |
			timeout 30 openssl s_client -connect "127.0.0.1:$port" -quiet 2>/dev/null |
			grep -c '^HTTP/1.0 200 ok'
	done
}

# It takes a port that is free and says which, and ends by itself after as many connections.
for way in plain "${ways[@]}"; do
	rm -f "$scratch/server" # which the one before wrote
	(with "$way" openssl s_server -accept 127.0.0.1:0 -cert "$scratch/cert.pem" \
		-key "$scratch/key.pem" -www -naccept $((clients * handshakes))) \
		>"$scratch/server" 2>"$scratch/said/server-$way" </dev/null &
	server=$!
	waits_for 20 grep -q '^ACCEPT' "$scratch/server"
	port=$(sed -n 's/^ACCEPT 127.0.0.1://p' "$scratch/server")
	if [ $way != plain ]; then
		kept "a TLS server, $way" $server
		listed "a TLS server, $way" $server
		storm $server
	fi
	pids=()
	for ((c = 0; c < clients; c++)); do
		client >"$scratch/client$c" &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ $way = plain ] || storm_ends "a TLS server, $way" 20
	tap_is "a TLS server, $way, answers each of its clients" "$((clients * handshakes)) 1" \
		"$(sort "$scratch"/client? | uniq -c | xargs)"
	ended 10 $server
	tap_is "a TLS server, $way, ends well" 0 $?
done

programs_done
