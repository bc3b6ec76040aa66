#!/bin/bash
# A plain upstream that is asked over TCP alone (tcp://), and does not know EDNS:
# no question comes to it that is not whole, each no more often than it takes;
# closed, stalled and cut connections.
#
#     c: rerouted      s: an upstream that notes what comes, in hex
. "$(dirname "$0")/lib.sh"
need_root
need dig python3
net_up
settings "[resolver]" "upstream = tcp://10.9.0.2"
rules "default out accept"
cat >"$tmp/up.py" <<'END_PY'
import socket, struct, sys, threading
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("10.9.0.2", 53))
s.listen(9)
log = open(sys.argv[1], "w", 1)
closed = set()
def serve(c):
    f = c.makefile("rb")
    while True:
        head = f.read(2)
        if len(head) < 2:
            return
        q = f.read(struct.unpack(">H", head)[0])
        log.write(q.hex() + "\n")
        end = 12
        while end < len(q) and q[end]:
            end += q[end] + 1
        name = q[13:13 + q[12]].lower()
        if name == b"shut" and name not in closed: # once
            closed.add(name)
            c.close()
            return
        if name == b"stall":
            continue
        bad = name[:3] == b"bad" or q[10:12] != b"\0\0" or end + 5 > len(q)
        r = q[:2] + (b"\x81\x81" if bad else b"\x81\x80") + b"\0\1" + \
            (b"\0\0" if bad else b"\0\1") + b"\0\0\0\0" + q[12:end + 5]
        if not bad:
            r += b"\xc0\x0c\0\1\0\1\0\0\1\0\0\4\xcb\0\x71\1"
        if name == b"cut":
            c.sendall(struct.pack(">H", len(r)) + r[:20])
            c.close()
            return
        c.sendall(struct.pack(">H", len(r)) + r)
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
END_PY
background ins python3 "$tmp/up.py" "$tmp/asked"
listens() { [ -n "$(ins ss -Hltn src 10.9.0.2:53)" ]; }
check "the upstream is up" wait_for listens
check "the daemon starts" daemon_start

# says NAME WORD: what is answered
says() { inc dig +time=15 +tries=1 @127.0.0.1 "$1.example" >"$tmp/dig"
	cat "$tmp/dig"; grep -q "$2" "$tmp/dig"; }
# asked NAME HOW...: how many of them came, each with EDNS (e) or without (p),
# or cut off (x)
asked() {
	[ "$(python3 - "$tmp/asked" "$1" <<'END_PY'
import sys
for line in open(sys.argv[1]):
    q = bytes.fromhex(line)
    name = sys.argv[2].encode()
    if q[13:13 + q[12]].lower() != name:
        continue
    whole = 12 + 1 + len(name) + 1 + 7 + 1 + 4
    print({(whole, 0): "p", (whole + 11, 1): "e"}.get((len(q), q[11]), "x"),
          end="")
END_PY
	)" = "$2" ]
}
check "an answer" says one 203.0.113.1
check "without EDNS in the end" asked one ep
check "a second one" says two 203.0.113.1
check "a name that it does not like" says bad1 FORMERR
check "… is asked for in both ways" asked bad1 ep
check "a third one" says three 203.0.113.1
check "… three have shown how it is asked" asked three ep
check "a fourth one" says four 203.0.113.1
check "… at once without" asked four p
check "a name that it does not like" says bad2 FORMERR
check "… is asked for once, and whole" asked bad2 p
check "a connection that is closed: another one" says shut 203.0.113.1
began=$(now_ms)
check "an answer that is cut off is none" says cut SERVFAIL
check "no answer at all" says stall SERVFAIL
check "… is told of in time" [ $(($(now_ms) - began)) -lt 9900 ]
check "another one meanwhile" says five 203.0.113.1
inc ip link set c0 down
began=$(now_ms)
check "no route leads there: it says so" says six SERVFAIL
check "… at once" [ $(($(now_ms) - began)) -lt 3900 ]
inc ip link set c0 up
check_judged
check "the daemon ends well" daemon_stop
finish
