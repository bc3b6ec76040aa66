#!/bin/bash
# Real authorities behind a real resolver that is our upstream: of thousands of
# questions, every type among them, with and without DO, CD and EDNS, what we
# say differs in nothing from what it says.
#
#     c: rerouted      s: unbound .53, which asks nsd .61 and knotd .62 (signed)
. "$(dirname "$0")/lib.sh"
need_root
need dig unbound nsd knotd
net_up
for last in 53 61 62; do ins ip address add 10.9.0.$last/24 dev s0; done
py=$top/tests/netns/authority.py
python3 "$py" zone plain.example >"$tmp/plain.zone"
mkdir "$tmp/knot"
python3 "$py" zone signed.example >"$tmp/knot/signed.zone"

cat >"$tmp/nsd.conf" <<END
server:
 ip-address: 10.9.0.61
 username: ""
 chroot: ""
 zonesdir: "$tmp"
 database: ""
 pidfile: ""
 xfrdfile: "$tmp/xfrd.state"
 zonelistfile: "$tmp/zone.list"
 server-count: 1
 rrl-ratelimit: 0
remote-control:
 control-enable: no
zone:
 name: plain.example
 zonefile: plain.zone
END
cat >"$tmp/knot.conf" <<END
server:
    listen: 10.9.0.62@53
    rundir: $tmp/knot
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: $tmp/knot
policy:
  - id: here
    algorithm: ecdsap256sha256
zone:
  - domain: signed.example
    storage: $tmp/knot
    file: signed.zone
    zonefile-sync: -1
    journal-content: none
    dnssec-signing: on
    dnssec-policy: here
END
unbound_conf 10.9.0.53 <<END
 access-control: 10.9.0.0/24 allow
stub-zone:
 name: plain.example
 stub-addr: 10.9.0.61
stub-zone:
 name: signed.example
 stub-addr: 10.9.0.62
END
background ins nsd -d -c "$tmp/nsd.conf" >"$tmp/nsd.log" 2>&1
background ins knotd -c "$tmp/knot.conf" >"$tmp/knot.log" 2>&1
background ins unbound -d -c "$tmp/unbound.conf" 2>"$tmp/unbound.log"
speaks() { # SERVER NAME TYPE
	ins dig +time=1 +tries=1 +dnssec "@$1" "$2" "$3" | grep -q "IN	$3	"
}
check "nsd answers" wait_for speaks 10.9.0.61 host1.plain.example A
check "knotd answers, and has signed" \
    wait_for speaks 10.9.0.62 signed.example DNSKEY
check "unbound asks them" wait_for speaks 10.9.0.53 host1.plain.example A
check "both" wait_for speaks 10.9.0.53 signed.example DNSKEY

settings "[resolver]" "upstream = 10.9.0.53" "allow-private = plain.example"
rules "default out accept"
check "the daemon starts" daemon_start
# not from c: that would be brought to us
ins python3 "$py" ask 10.9.0.53 plain.example signed.example >"$tmp/theirs"
check "unbound says something of each" \
    [ "$(grep -c ' rcode ' "$tmp/theirs")" -gt 5000 ]
for round in first second; do
	inc python3 "$py" ask 127.0.0.1 plain.example signed.example >"$tmp/ours"
	check "nothing differs, asked for the $round time" \
	    cmp "$tmp/theirs" "$tmp/ours"
	diff "$tmp/theirs" "$tmp/ours" | head -n 20 | cut -c 1-300 | sed 's/^/# /'
done
check "signatures pass" sh -c "nsenter --net=/run/netns/$C dig +dnssec \
    @127.0.0.1 host1.signed.example | grep -q RRSIG"
daemon_stop
check "the daemon ends well" test $? = 0
finish
