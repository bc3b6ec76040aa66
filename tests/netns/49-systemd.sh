#!/bin/bash
# The unit under a systemd that runs, in namespaces of its own: it comes up at
# boot with its sandbox, judges, knows who it was, reloads; what the service
# manager makes of a daemon that hangs, is killed, can't start; its end.
#
#     c 10.9.0.1, systemd, daemon  ---- veth ----  s 10.9.0.2, echo on 7001, …
#     vpn, in the systemd: 10.77.0.2, echo on 7005
. "$(dirname "$0")/lib.sh"
need_root
need python3 make setpriv unshare systemctl journalctl iptables-legacy
[ -x /lib/systemd/systemd ] || skip "needs systemd"
grep -qw cgroup2 /proc/filesystems || skip "needs cgroup v2"
net_up
probe=$BUILDDIR/probe
background ins "$probe" serve 7001,7002,7003 10.9.0.2 fd09::2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
inc ip route add 10.77.0.2 via 10.9.0.2
save >"$tmp/before"

# -- what is installed, and a program to be judged --
host=$tmp/host
etc=$host/etc/systemd/system
mkdir -p "$etc" "$host/etc/rerouted/rules.d" "$host/local/bin"
make -C "$BUILDDIR" -s install DESTDIR="$host/inst" prefix=/usr/local \
    sysconfdir=/etc >"$tmp/make" 2>&1 || { cat "$tmp/make"; exit 99; }
sed -i 's|[^ =]*/sbin/rerouted|/usr/local/sbin/rerouted|' \
    "$host"/inst/usr/local/lib/systemd/system/rerouted*.service
cp "$probe" "$host/local/bin/"
cat >"$etc/try@.service" <<'UNIT'
[Service]
Type=oneshot
User=nobody
ExecStart=-/usr/local/bin/probe tcp 10.9.0.2 %i 2000
StandardOutput=truncate:/run/%p.%i
UNIT
sed 's/10.9.0.2/10.77.0.2/' "$etc/try@.service" >"$etc/far@.service"
cat >"$etc/vpn.service" <<'UNIT'
[Service]
ExecStartPre=ip netns add vpn
ExecStartPre=ip -n vpn link set lo up
ExecStartPre=ip -n vpn address add 10.77.0.2/32 dev lo
ExecStart=ip netns exec vpn /usr/local/bin/probe serve 7005 10.77.0.2
UNIT
cat >"$etc/woken.socket" <<'UNIT'
[Socket]
ListenStream=10.9.0.1:7031
ListenDatagram=10.9.0.1:7031
UNIT
cat >"$etc/woken.service" <<'UNIT'
[Service]
User=nobody
ExecStart=python3 /usr/local/bin/woken.py
UNIT
cat >"$host/local/bin/woken.py" <<'PY'
import select, socket
tcp, udp = (socket.socket(fileno=fd) for fd in (3, 4))
while True:
    for s in select.select([tcp, udp], [], [])[0]:
        if s is tcp:
            peer, _ = s.accept()
            peer.sendall(peer.recv(99))
            peer.close()
        else:
            bytes, peer = s.recvfrom(99)
            s.sendto(bytes, peer)
PY
# what the sanitizers look for at an end takes tracing, which is forbidden
mkdir -p "$host/etc/systemd/system.conf.d"
cat >"$host/etc/systemd/system.conf.d/test.conf" <<'CONF'
[Manager]
DefaultEnvironment=ASAN_OPTIONS=detect_leaks=0
CONF
echo "block out to port 7002" >"$host/etc/rerouted/rules.d/20.rules"

# -- it boots --
background inc setpriv --pdeathsig TERM unshare -m --propagation private \
    "$top/tests/netns/boot.sh" "$host" "rerouted-test-$unique" >"$tmp/boot" 2>&1
booted=$pid
sd() { # CMD...: in there
	nsenter -t "$(cat "$host/pid1")" -m -u -i -n -p -C -r -w -- env -i \
	    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	    ASAN_OPTIONS=detect_leaks=0 "$@"
}
ctl() { sd reroutectl "$@"; }
state() { # UNIT STATE
	[ "$(sd systemctl show -P ActiveState "$1")" = "$2" ]
}
if ! wait_for state basic.target active; then
	cat "$tmp/boot"
	sd journalctl --no-pager -b | tail -n 60
	check "a systemd boots" false
	finish
fi
log_on_failure() {
	[ "$failures" != 0 ] || return
	sd journalctl --no-pager -b -q -o cat -u 'rerouted*' >"$tmp/journal"
	{ # the first end that was none, and the last
		grep -a -m 1 -B 40 -A 5 'code=exited' "$tmp/journal"
		tail -n 40 "$tmp/journal"
	} | sed 's/^/#   | /'
}
property() { sd systemctl show -P "$1" rerouted; }
is() { # PROPERTY VALUE
	_got=$(property "$1")
	echo "$_got"
	[ "$_got" = "$2" ]
}
by_hand() { # start|restart; if not, why
	sd systemctl "$1" rerouted >"$tmp/by_hand" 2>&1 && return
	# as many lines as are shown
	sd journalctl --no-pager -b -q -o cat -u 'rerouted*' | tail -n 11
	return 1
}
said() { # EREGEX: in the journal
	sd journalctl --no-pager -b -q -o cat -u 'rerouted*' | grep -E "$1"
}
times_said() { [ "$(said "$1" | wc -l)" -ge "$2" ]; }
tries() { # WORD UNIT PORT: what a service of that name meets
	sd systemctl start "$2@$3"
	felt "$1" sd cat "/run/$2.$3"
}
main() { # -> $pid: the daemon, as it is numbered in there
	pid=$(property MainPID)
	[ "$pid" -gt 1 ]
}
told() { # EREGEX PROGRAM...: its output has it
	local _want=$1
	shift
	"$@" 2>&1 | tee "$tmp/told" | grep -qE "$_want"
	local _r=$?
	cat "$tmp/told"
	return $_r
}

# -- at boot, before the network --
check "rerouted comes up" wait_for state rerouted active
check "… at the first try" is NRestarts 0
check "… as a service that says when it is ready" is Type notify
check "… and before the network" [ "$(property ActiveEnterTimestampMonotonic)" \
    -le "$(sd systemctl show -P ActiveEnterTimestampMonotonic network-pre.target)" ]
check "its rules are in the tables" sd reroutectl firewall verify
save >"$tmp/with"

# -- what it is --
main
sd cat "/proc/$pid/status" >"$tmp/proc"
uid=$(sd id -u rerouted)
field() { awk -v f="$1:" '$1 == f { print $2 }' "$tmp/proc"; }
check "it runs as rerouted" [ "$(field Uid)" = "$uid" ]
# net_bind_service 10, net_admin 12, net_raw 13, sys_ptrace 19, dac_read_search 2
five=$(printf '%016x' $((1 << 10 | 1 << 12 | 1 << 13 | 1 << 19 | 1 << 2)))
for set in CapPrm CapEff; do
	check "it has five capabilities: $set" [ "$(field $set)" = "$five" ]
done
check "it can gain none" [ "$(field NoNewPrivs)" = 1 ]
check "its system calls are filtered" [ "$(field Seccomp)" = 2 ]
mounts() { sd cat "/proc/$pid/mountinfo"; }
check "it sees the files of the machine for reading" \
    told ' / ro,' mounts
check "nothing was refused that it needs" \
    told '^0$' counter syscalls_refused
check "its exposure is under 2.5" sd systemd-analyze security --no-pager \
    --threshold=24 rerouted
check "the log has its level" told "ready version" \
    sd journalctl -b -q -o cat -u rerouted -p info
check_not "… and no line that is a warning, systemd's neither" told . \
    sd journalctl -b -q -o cat -u 'rerouted*' -p warning

# -- it judges, and knows who it was --
check "a service passes" tries ok try 7001
check "a service is blocked by rule" tries EHOSTUNREACH try 7002
is_try() { # PORT VERDICT SOURCE
	flows 'any(x["dport"] == '"$1"' and x["verdict"] == "'"$2"'" and
	    x["exe"] == "/usr/local/bin/probe" and
	    x["process"]["unit"] == "try@'"$1"'.service" and
	    x["process"]["user"] == "nobody" and
	    x["attributed_by"] in ('"$3"') for x in f)'
}
if said 'attribution: source=bpf' >"$tmp/out"; then
	from='"bpf",'
else
	# it says why there is none
	check "why there is no BPF is said" said 'attribution: .*(BTF|bpf|Linux)'
	from='"sock_diag",'
fi
check "who passed is known" is_try 7001 accept "$from"
check "who was blocked is known" is_try 7002 block "$from"

# -- a service that systemd starts for what comes to its sockets --
is_woken() { # PROTO: the last that came is the service's
	flows 'any(x["dport"] == 7031 and x["proto"] == "'"$1"'" and
	    x["process"]["unit"] == "woken.service" and
	    x["process"]["user"] == "nobody" for x in f)'
}
check "sockets of systemd's" sd systemctl start woken.socket
for proto in udp tcp; do
	check "the service is woken, $proto" \
	    ins "$probe" $proto 10.9.0.1 7031 5000
	check "… and what comes next is the service's" \
	    ins "$probe" $proto 10.9.0.1 7031 5000
	check "… as is shown" is_woken $proto
	sd systemctl stop woken.service
done
sd systemctl stop woken.socket

# -- reload --
rules_in() { # LINE...
	printf '%s\n' "$@" | sd tee /etc/rerouted/rules.d/20.rules >"$tmp/out"
}
rules_in "block out unit try@7003.service"
check "systemctl reload" sd systemctl reload rerouted
check "a rule by unit is in force" wait_for tries EHOSTUNREACH try 7003
check "the old one is not" tries ok try 7002
rules_in "block out to prot 7001"
check "systemctl reload, with a fault" sd systemctl reload rerouted
check "the journal has the fault, as an error" wait_for told '20.rules:1:14: ' \
    sd journalctl -b -q -o cat -u rerouted -p err
check "the service goes on" is ActiveState active
check "… with the rule as it was" tries EHOSTUNREACH try 7003
rules_in "block out to port 7002"
sd systemctl reload rerouted
check "mended" wait_for tries EHOSTUNREACH try 7002

# -- it hangs: the watchdog --
dropin() { # NAME LINE...
	local _name=$1
	shift
	sd mkdir -p /run/systemd/system/rerouted.service.d
	printf '%s\n' "[Service]" "$@" | sd tee \
	    "/run/systemd/system/rerouted.service.d/$_name.conf" >"$tmp/out"
	sd systemctl daemon-reload
	sd systemctl reset-failed rerouted 2>"$tmp/out"
}
no_dropin() {
	sd rm "/run/systemd/system/rerouted.service.d/$1.conf"
	sd systemctl daemon-reload
	sd systemctl reset-failed rerouted 2>"$tmp/out"
}
another() { # PID: there is one, and not this
	state rerouted active && main && [ "$pid" != "$1" ]
}
dropin watchdog WatchdogSec=2
check "restarted by hand" by_hand restart
main
hangs=$pid
sd kill -STOP "$hangs"
check "one that hangs is ended, and another comes up" wait_for another "$hangs"
check "… for that reason" said 'Watchdog timeout'
check "… with the rules left in place meanwhile" \
    said "the service ended with 'watchdog'"
check "… and judges" tries EHOSTUNREACH try 7002
no_dropin watchdog
check "it is restarted" by_hand restart

# -- it is killed --
sd systemctl kill -s KILL --kill-whom=main rerouted
check "one that is killed is followed by another" wait_for another "$pid"
check "… which judges" tries EHOSTUNREACH try 7002
dropin later RestartSec=1h
save >"$tmp/with"
waits() { is SubState auto-restart; }
sd systemctl kill -s KILL --kill-whom=main rerouted
check "until then" wait_for waits
save >"$tmp/now"
check_same "fail = closed: … the rules stay" "$tmp/with" "$tmp/now"
check "fail = closed: … and nothing new passes" tries ETIMEDOUT try 7001
check "stopped then" sd systemctl stop rerouted
gone() { # has it been given back, and is the network as it was?
	save >"$tmp/now"
	diff -u "$tmp/before" "$tmp/now"
}
check "fail = closed: … the rules are gone" wait_for gone
check "fail = closed: … the network is as it was" tries ok try 7002
settings_in() { # LINE...
	printf '%s\n' "$@" | sd tee /etc/rerouted/rerouted.conf >"$tmp/out"
}
settings_in "[firewall]" "fail = open"
check "fail = open: starts" by_hand start
check "fail = open: blocks" tries EHOSTUNREACH try 7002
main
sd kill -STOP "$pid"
check "fail = open: stopped, all passes" wait_for tries ok try 7002
sd kill -CONT "$pid"
check "fail = open: goes on, blocks" wait_for tries EHOSTUNREACH try 7002
sd systemctl kill -s KILL --kill-whom=main rerouted
check "fail = open: killed" wait_for waits
check "fail = open: … the rules are gone" wait_for gone
no_dropin later

# -- it can't start: restarts are given up --
settings_in "[firewall]"
check "it starts" by_hand restart
settings_in "[firewall]" "fial = closed"
sd systemctl reset-failed rerouted
sd systemctl kill -s KILL --kill-whom=main rerouted
check "restarts are given up" wait_for state rerouted failed
check "… why is said" told 'rerouted.conf:2:.*fial' \
    sd journalctl -b -q -o cat -u rerouted -p err
check "… the rules stayed until then" times_said "the rules stay in place" 5
check "… then they are gone" wait_for gone
check "… and that is said" \
    wait_for said "everything of ours is out of the tables"
check "… the network is as it was" tries ok try 7002

# -- a tunnel into another namespace, with what rerouted.conf(5) says --
settings_in '[tunnel "vpn"]' "upstream = direct" "netns = vpn"
rules_in "reroute via vpn to 10.77.0.2" "block out to port 7002"
sed -n '/netns.conf :/,/^\.Ed/p' "$top/conf/rerouted.conf.5" |
	sed -n '/^\[Service\]/,/^[^A-Z[]/p' | sed '/^\./d; /^\[/d' >"$tmp/dropin"
mapfile -t lines <"$tmp/dropin"
sd systemctl start vpn
sd systemctl reset-failed rerouted # or it would be refused for a minute
check "a tunnel into another namespace: starts" by_hand start
check_not "… and works not, without the privilege" tries ok far 7005
dropin netns "${lines[@]}"
check "… with what the manual says: starts" by_hand restart
check "… and works" wait_for tries ok far 7005
main
check "… the daemon has five capabilities" \
    told "^CapPrm:[[:space:]]*$five" sd cat "/proc/$pid/status"
no_dropin netns

# -- the end --
check "systemctl stop" sd systemctl stop rerouted
check "it ended well" is Result success
check "the rules are gone" wait_for gone
check "so are the marks" [ "$(marks)" = 0 ]
check_not "… and its folder" sd test -e /run/rerouted
check "started once more" by_hand start
check "judges" tries EHOSTUNREACH try 7002
check_not "no report of the sanitizers" said 'Sanitizer:|runtime error:'
log_on_failure
over() { ! kill -0 "$booted" 2>/dev/null; }
sd systemctl poweroff
check "the machine goes down" wait_for over
check "it left no rule" gone
check_not "nor a group of processes" told . \
    find /sys/fs/cgroup -maxdepth 2 -name "rerouted-test-$unique"
finish
