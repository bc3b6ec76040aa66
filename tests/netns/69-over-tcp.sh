#!/bin/bash
# An upstream over TCP, by whichever c-ares is here: a slow answer after quick
# ones, what is not known to it, an address with a scope, and nothing that it
# keeps for itself.
#
#     c: rerouted      s: a server that says what it was asked
. "$(dirname "$0")/lib.sh"
need_root
need python3 dig
net_up
cat >"$tmp/server.py" <<'PY'
# server.py ADDR[%DEVICE]: over TCP, names that begin so after so many seconds
import asyncio, socket, struct, sys

def answer(msg, end):
    kind = struct.unpack_from(">H", msg, end - 4)[0]
    data = {1: bytes([192, 0, 2, 1])}.get(kind, b"\0\xc0\x0c\xff?")
    return msg[:2] + b"\x85\x80\0\1\0\1\0\0\0\0" + msg[12:end] + b"\xc0\x0c" + \
        struct.pack(">HHIH", kind, 1, 300, len(data)) + data

async def one(msg, out):
    at, labels = 12, []
    while msg[at]:
        labels.append(msg[at + 1:at + 1 + msg[at]].decode().lower())
        at += 1 + msg[at]
    print(".".join(labels), flush=True)
    await asyncio.sleep({"busy": 0.05, "slow": 0.9}.get(labels[0][:4], 0))
    reply = answer(msg, at + 5)
    if not out.is_closing():
        out.write(struct.pack(">H", len(reply)) + reply)

async def serve(inp, out):
    try:
        while True:
            size, = struct.unpack(">H", await inp.readexactly(2))
            asyncio.ensure_future(one(await inp.readexactly(size), out))
    except (asyncio.IncompleteReadError, ConnectionError):
        out.close()

async def main():
    await asyncio.start_server(serve, sys.argv[1], 53)
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
PY
linklocal() { # NAMESPACE DEVICE
	inns "$1" ip -6 address show dev "$2" scope link |
		sed -n 's/.*inet6 \([^/]*\).*/\1/p' | head -n 1
}
ready() { [ -n "$(linklocal "$S" s0)" ] && [ -n "$(linklocal "$C" c0)" ]; }
wait_for ready
near=$(linklocal "$S" s0)
for at in 10.9.0.2 "$near%s0"; do
	background ins python3 "$tmp/server.py" "$at" >"$tmp/asked.${at%\%*}"
	wait_for has_text ready "$tmp/asked.${at%\%*}"
done
settings '[resolver]' 'upstream = tcp://10.9.0.2' \
    '[forward "near.example"]' "upstream = tcp://[$near%c0]"
rules "default out accept" "default in accept"
check "the daemon starts" daemon_start

says() { # ANSWER NAME [TYPE]
	said=$(inc dig +short +tries=1 +timeout=15 @127.0.0.1 "$2" "${3:-A}")
	echo "$said"
	[ "$said" = "$1" ]
}
asked() { # NAME TIMES
	grep -cx "$1" "$tmp/asked.10.9.0.2"
	[ "$(grep -cx "$1" "$tmp/asked.10.9.0.2")" = "$2" ]
}
# Twenty, each with a port of its own: dig sets SO_REUSEPORT, and of two that
# the kernel gives one port, one gets the answers of both.
at_once() { # WORD
	local i pids=
	for i in $(seq 20); do
		inc dig +short +tries=1 +timeout=15 -b 127.0.0.1#$((20000 + i)) \
		    @127.0.0.1 $1$i.example >"$tmp/said.$i" &
		pids="$pids $!"
	done
	wait $pids
	cat "$tmp"/said.* | sort | uniq -c
	[ "$(cat "$tmp"/said.* | grep -cx 192.0.2.1)" = 20 ]
}
for round in a b c d; do
	check "quick ones" at_once busy$round
done
check "slow ones after them" at_once slow
check "a type that nobody knows, as it came" \
    says '\# 5 00C00CFF3F' odd.example TYPE65280
check "a name" says 192.0.2.1 again.example
check "is forgotten" ctl cache flush again.example
check "and asked again" says 192.0.2.1 again.example
check "of the upstream" asked again.example 2
check "an upstream with a scope" says 192.0.2.1 host.near.example
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
