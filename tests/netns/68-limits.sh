#!/bin/bash
# A program that floods the resolver, sends its query byte by byte, or reads no
# answer gets no more than its share, and others notice nothing.
#
#     c: rerouted on 127.0.0.1 and 10.9.0.1, a scripted upstream (upstreams.py)
#        on 127.0.9.1                         s: 10.9.0.2, another host
. "$(dirname "$0")/lib.sh"
need_root
need dig
net_up
limits=$top/tests/netns/limits.py
settings "[resolver]" "upstream = 127.0.9.1" "cache-size = 16M" \
    "listen = 127.0.0.1:53, 10.9.0.1:53" "allow = 10.9.0.0/24"
rules "default out accept"
background inc python3 -B "$top/tests/netns/upstreams.py" 127.0.9.1 >"$tmp/serve"
check "the upstream is up" wait_for has_text ready "$tmp/serve"
check "the daemon starts" daemon_start
number=0
asks() { # DIG-WORD...: another program gets its answer
	number=$((number + 1))
	inc dig +time=15 +tries=1 "$@" @127.0.0.1 ok-$number.other.example \
	    >"$tmp/dig" 2>&1
	cat "$tmp/dig"
	grep -q 'status: NOERROR' "$tmp/dig"
}
is() { # EXPRESSION of s, the resolver's status
	ctl --json status >"$tmp/status" &&
		holds "$tmp/status" "[($1) for s in [x['resolver']]][0]"
}
refused() {
	ctl --json status >"$tmp/status"
	value "$tmp/status" "x['resolver']['tcp']['refused']"
}
served() { # FROM: another host over TCP
	ins dig +tcp +time=15 +tries=1 -b "$1" @10.9.0.1 localhost |
		grep -q 'status: NOERROR'
}
check "all is well" asks
check "an upstream's datagram of more than was asked for: all of it comes" \
    sh -c "nsenter --net=/run/netns/$C dig +tcp +time=15 +tries=1 @127.0.0.1 \
    over20000-all.other.example TXT | grep -q 'ANSWER: 94,'"

# another host, from a port that a program has here for all addresses
background inc python3 -c '
import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 5555))
print("ready", flush=True)
signal.pause()' >"$tmp/bound"
wait_for has_text ready "$tmp/bound"
check "another host asks" sh -c "nsenter --net=/run/netns/$S dig +time=15 \
    +tries=1 -b 10.9.0.2#5555 @10.9.0.1 ok-lan.other.example |
    grep -q 'status: NOERROR'"
check "it is not the program with that port here" sh -c "'$REROUTECTL' \
    --control '$tmp/control' --json queries --domain ok-lan.other.example |
    grep -q '\"attributed_by\": *\"none\"'"

# an address that this host has had for less than a second
inc ip address add 10.9.0.77/24 dev c0
check "from a new address" sh -c "nsenter --net=/run/netns/$C dig +time=15 \
    +tries=1 -b 10.9.0.77 @127.0.0.1 ok-new.other.example |
    grep -q 'status: NOERROR'"
check "it is a program here" sh -c "'$REROUTECTL' --control '$tmp/control' \
    --json queries --domain ok-new.other.example | grep -q '/dig\"'"

# slow: while the rest goes on
background inc python3 "$limits" slow >"$tmp/slow"
slow=$pid

background inc python3 "$limits" flood 3000 flood.example >"$tmp/flood"
flood=$pid
check "a flood: what is over the share is refused" \
    wait_for has_text first "$tmp/flood"
check "others are answered" asks
check "… over TCP" asks +tcp
wait "$flood"
check "with EDE 18, and the rest was waited for" python3 -c '
import re, sys
refused, other = map(int, re.search(r"18 (\d+) other (\d+)",
    open(sys.argv[1]).read()).groups())
print(refused, other)
sys.exit(not (1900 <= refused <= 2600 and refused + other == 3000))' "$tmp/flood"
check "it is counted" is 's["counters"]["limited"] >= 1900 and
    s["counters"]["full"] == 0'
check "the flood over, it may ask again" asks

# who reads nothing
background inc python3 "$limits" hog 240 size20000-big.example \
    >"$tmp/hog"
hog=$pid
check "a program that reads no answers" wait_for has_text waiting "$tmp/hog"
check "others are answered meanwhile" asks +tcp
check "it is cut off" wait_for is 's["tcp"]["cut_behind"] > 100'
check "and holds no more than 4 MiB" is 's["tcp"]["behind"] <= 4 << 20'
check "others are still answered" asks +tcp
stop "$hog" KILL
check "what it held is free again" wait_for is 's["tcp"]["behind"] == 0'
check "a query of 60,000 bytes: FORMERR, and the connection goes on" \
    [ "$(inc timeout 20 python3 "$limits" long)" = "1 0 " ]
wait "$slow"
check "a query byte by byte is cut off after 10 s" python3 -c '
import sys
n, seconds = open(sys.argv[1]).read().split()
print(n, seconds)
sys.exit(not (int(n) <= 20 and float(seconds) > 8))' "$tmp/slow"
check "and counted" is 's["tcp"]["cut_slow"] >= 1'

# programs that start while the daemon stands still take nothing from who asks
# then, which starts then, too; all that start on the machine are told to it
cat >"$tmp/start.py" <<'PY'
"""start.py PROGRAM N: N times, with a command line of 1,000 bytes"""
import os, sys
for _ in range(int(sys.argv[2])):
    os.waitpid(os.posix_spawn(sys.argv[1], [sys.argv[1], "x" * 1000], {}), 0)
PY
cat >"$tmp/one.py" <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(30)
s.connect(("127.0.0.1", 53))
s.send(b"\0\7\1\0\0\1\0\0\0\0\0\0\x09localhost\0\0\1\0\1")
print("sent", flush=True)
print("heard", len(s.recv(512)), flush=True)
PY
asks_amid_starts() {
	kill -STOP "$daemon"
	python3 "$tmp/start.py" "$(type -P true)" 250
	background inc python3 "$tmp/one.py" >"$tmp/one" 2>&1
	wait_for test -s "$tmp/one"
	kill -CONT "$daemon"
	wait $pid
	cat "$tmp/one"
	grep -q '^heard' "$tmp/one"
}
check "250 programs start, and it stands still: who asks then is answered" \
    eval "asks_amid_starts || asks_amid_starts || asks_amid_starts"

# other hosts: a share of each, and one of all
for last in 3 4; do ins ip address add 10.9.0.$last/24 dev s0; done
before=$(refused)
background ins python3 "$limits" share 10.9.0.1 \
    10.9.0.2 10.9.0.3 10.9.0.4 >"$tmp/share"
hosts=$pid
wait_for test -s "$tmp/share" || wait_for test -s "$tmp/share"
check "256 connections of a host, 512 of all" \
    [ "$(cat "$tmp/share")" = "256 256 0 512" ]
check "a program here has its own" asks +tcp
check "the others are counted" [ "$(refused)" -ge $((before + 268)) ]
stop "$hosts"
check "they are gone, and so another host may" wait_for served 10.9.0.4
daemon_stop
check "the daemon ends well" test $? = 0
finish
