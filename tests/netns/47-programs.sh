#!/bin/bash
# Who sent it: real programs, and rules that name them in every way that there
# is, as the programs feel it and as `flows` shows it. What pretends to be
# another program does not pass for it.
#
#     c 10.9.0.1, programs  ---- veth ----  s 10.9.0.2, echo on 7001-7020
. "$(dirname "$0")/lib.sh"
need_root
need python3 setpriv unshare
net_up
bin=$tmp/bin
mkdir -m 755 "$bin" "$bin/all"
for name in probe allowed denied only evil2 spoof all/one gone server; do
	cp "$BUILDDIR/probe" "$bin/$name"
done
cp "$(readlink -f /bin/bash)" "$bin/boss"
cp "$bin/boss" "$bin/going"
cp "$bin/boss" "$bin/going (deleted)"
ln -s denied "$bin/link"
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')

# a unit of our own
groups_up
slice=$groups/rerouted-test-$unique.slice unit=rerouted-test-$unique.service
at_end() { rmdir "$slice/$unit" "$slice"; } 2>/dev/null
check "there are control groups" mkdir -p "$slice/$unit"

# $BPF: where the kernel says who sends, nobody is unknown for being gone
bpf=${BPF:-no}
settings "[rerouted]" "bpf = $bpf"

rules \
    "define HERE = $bin" \
    "block out exe $bin/denied to port 7001          label \"by exe\"" \
    "block out exe $bin/all/* to port 7001           label \"by glob\"" \
    "block out user 65533 to port 7001               label \"by user\"" \
    "block out user nobody to port 7001              label \"by name\"" \
    "block out group 65532 to port 7001              label \"by group\"" \
    "block out parent $bin/boss to port 7001         label \"by parent\"" \
    "block out unit $unit to port 7001               label \"by unit\"" \
    "block out unit rerouted-test-$unique.slice to port 7002 label \"by slice\"" \
    "block out cmd \"**--secret**\" to port 7001       label \"by cmd\"" \
    "block out comm evil2 to port 7001               label \"by comm\"" \
    "block out process unknown to port 7003          label \"nobody known\"" \
    "block in process kernel proto icmp to 10.9.0.1  label \"no ping\"" \
    "block out to 10.9.0.2 port 7005                 label \"by address\"" \
    "accept out exe $bin/only to port 7006           label \"that one\"" \
    "block out to port 7006                          label \"no other\"" \
    "accept out exe \"$bin/going (deleted)\", $bin/going to port 7007" \
    "block out to port 7007                          label \"not deleted\"" \
    "accept out exe /memfd:*, /memfd:** to port 7008" \
    "block out to port 7008                          label \"no memfd\"" \
    "block out exe /bin/bash cmd \"**$bin/script **\" to port 7001 label \"script\"" \
    "accept in exe $bin/server to port 8001-8002     label \"the server\"" \
    "block in to port 8001-8002                      label \"not a server\"" \
    "default out accept" "default in accept"
background ins "$bin/probe" serve \
    7001,7002,7003,7004,7005,7006,7007,7008,7009,7010,4789 10.9.0.2 fd09::2 \
    >"$tmp/serve.s"
background inc "$bin/server" serve 8001 10.9.0.1 fd09::1 >"$tmp/serve.server"
background inc "$bin/allowed" serve 8002 10.9.0.1 fd09::1 >"$tmp/serve.allowed"
for name in s server allowed; do
	wait_for has_text ready "$tmp/serve.$name"
done
check "the daemon starts" daemon_start

# row NAME PORT WORD FLOW COMMAND...: what it feels, and how its flow is shown;
# FLOW is python about x, the youngest flow to that port
row() {
	local name=$1 port=$2 word=$3 flow=$4
	shift 4
	check "$name: $word" felt "$word" "$@"
	check "$name: shown" flows "(lambda x: $flow)([x for x in f if
		x['dport'] == $port and x['proto'] != 'icmp'][0])"
}
refused=EHOSTUNREACH
to() { # to PORT [PROGRAM]: the words that try it
	echo "${2:-$bin/allowed} udp 10.9.0.2 $1 20000"
}
P="p := x['process']" # the program of the flow

# -- each word of a rule --
row "another program" 7001 ok \
    "($P) and x['verdict'] == 'accept' and x['label'] is None and
	p['exe'] == '$bin/allowed' and p['comm'] == 'allowed' and
	p['cmd'] == '$(to 7001)' and p['uid'] == 0 and p['gid'] == 0 and
	p['user'] == 'root' and p['pid'] > 1 and p['start'] > 0 and
	any(y['pid'] == $$ for y in p['parents'])" inc $(to 7001)
row "by exe" 7001 $refused "x['exe'] == '$bin/denied' and
	x['label'] == 'by exe'" inc $(to 7001 "$bin/denied")
row "by exe, through a link" 7001 $refused "x['exe'] == '$bin/denied' and
	x['label'] == 'by exe'" inc $(to 7001 "$bin/link")
row "by exe, TCP over IPv6" 7001 EACCES "x['exe'] == '$bin/denied' and
	x['proto'] == 'tcp'" inc "$bin/denied" tcp fd09::2 7001
row "by a glob" 7001 $refused "x['label'] == 'by glob'" \
    inc $(to 7001 "$bin/all/one")
row "by user" 7001 $refused "x['label'] == 'by user' and
	x['process']['uid'] == 65533" \
    inc setpriv --reuid 65533 --clear-groups $(to 7001)
row "by user's name" 7001 $refused "x['label'] == 'by name' and
	x['process']['user'] == 'nobody'" \
    inc setpriv --reuid 65534 --clear-groups $(to 7001)
row "by group" 7001 $refused "x['label'] == 'by group' and
	x['process']['gid'] == 65532" \
    inc setpriv --regid 65532 --clear-groups $(to 7001)
row "by parent" 7001 $refused "x['label'] == 'by parent' and
	x['process']['parents'][0]['exe'] == '$bin/boss'" \
    inc "$bin/boss" -c "$(to 7001); true"
row "by grandparent" 7001 $refused "x['label'] == 'by parent' and
	x['process']['parents'][1]['exe'] == '$bin/boss'" \
    inc "$bin/boss" -c "sh -c '$(to 7001); true'; true"
row "by command line" 7001 $refused "x['label'] == 'by cmd' and
	x['process']['cmd'].endswith(' --secret')" inc $(to 7001) --secret
row "by short name" 7001 $refused "x['label'] == 'by comm' and
	x['process']['comm'] == 'evil2'" inc $(to 7001 "$bin/evil2")
in_unit() {
	inc sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$slice/$unit" "$@"
}
row "by unit" 7001 $refused "x['label'] == 'by unit' and
	x['process']['unit'] == '$unit'" in_unit $(to 7001)
row "by slice" 7002 $refused "x['label'] == 'by slice'" in_unit $(to 7002)
row "outside of it" 7002 ok "x['label'] is None" inc $(to 7002)

# -- sockets of every kind --
cat >"$tmp/mapped.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(20)
s.connect(("::ffff:10.9.0.2", int(sys.argv[1])))
try:
    s.send(b"hello")
    s.recv(16)
    print("ok")
except OSError as e:
    print(__import__("errno").errorcode[e.errno])
PY
row "a mapped address, allowed" 7004 ok "x['dst'] == '10.9.0.2' and
	x['exe'] == '$python'" inc python3 "$tmp/mapped.py" 7004
row "a mapped address, blocked by IPv4's" 7005 $refused "x['dst'] == '10.9.0.2'
	and x['label'] == 'by address' and x['exe'] == '$python'" \
    inc python3 "$tmp/mapped.py" 7005
for addr in 10.9.0.1 fd09::1; do
	refused_in=$([ $addr = 10.9.0.1 ] && echo EHOSTUNREACH || echo EACCES)
	for proto in tcp udp; do
		row "in: the server, $proto, $addr" 8001 ok "x['exe'] ==
			'$bin/server' and x['label'] == 'the server' and
			x['direction'] == 'in'" ins "$bin/probe" $proto $addr 8001
		row "in: another, $proto, $addr" 8002 $refused_in "x['exe'] ==
			'$bin/allowed' and x['label'] == 'not a server'" \
		    ins "$bin/probe" $proto $addr 8002
	done
done

# -- nobody --
gone() { # PORT: its sender is gone before it is looked for
	kill -STOP $daemon
	inc python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"once", ("10.9.0.2", int(sys.argv[1])))' "$1"
	kill -CONT $daemon
}
nobody() { # PORT VERDICT, however it was judged
	flows "any(x['dport'] == $1 and x['verdict'] == '$2' for x in f) and
	    all(x['exe'] == 'unknown' and x['verdict'] == '$2' and
	    x['process']['pid'] is None for x in f if x['dport'] == $1)"
}
is_nobody() { # one is looked for in vain within a share of the time: until then
	gone "$1"
	wait_for all_judged
	nobody "$@"
}
if [ "$bpf" = no ]; then
	check "sent and gone: unknown, and its rule" wait_for is_nobody 7003 block
	check "sent and gone: unknown, not another's" wait_for is_nobody 7011 accept
else
	gone 7003
	gone 7004
	check "sent and gone: named" wait_for flows "all(x['exe'] == '$python'
		for x in f if x['dport'] in (7003, 7004)) and
		any(x['dport'] == 7004 for x in f)"
fi
check "a ping is the kernel's: $refused" \
    felt $refused ins "$bin/probe" icmp 10.9.0.1 0
check "a ping is shown as the kernel's" flows "any(x['proto'] == 'icmp' and
	x['exe'] == 'kernel' and x['label'] == 'no ping' for x in f)"
if inc ip link add vx0 type vxlan id 7 remote 10.9.0.2 dstport 4789 dev c0 \
    2>/dev/null; then
	inc ip address add 10.7.0.1/24 dev vx0
	inc ip link set vx0 up
	inc "$bin/probe" udp 10.7.0.2 7001 10 >"$tmp/vxlan"
	check "a tunnel of the kernel is the kernel's" wait_for flows "
		any(x['dport'] == 4789 and x['exe'] == 'kernel' and
		x['direction'] == 'out' for x in f)"
else
	echo "# no vxlan here: no socket of the kernel's"
fi

# -- a script --
cat >"$bin/script" <<'SCRIPT'
#!/bin/bash
exec 3<>"/dev/udp/10.9.0.2/$1"
echo hello >&3
read -r -n 1 -t 20 word <&3 2>/dev/null && echo ok || echo refused
SCRIPT
cp "$bin/script" "$bin/other"
chmod 755 "$bin/script" "$bin/other"
row "a script, by its command line" 7001 refused "x['label'] == 'script' and
	x['exe'].endswith('/bash') and '$bin/script' in x['process']['cmd']" \
    inc "$bin/script" 7001
row "another script" 7001 ok "x['label'] is None and
	x['exe'].endswith('/bash')" inc "$bin/other" 7001

# -- pretenders --
row "the one that may" 7006 ok "x['label'] == 'that one'" \
    inc $(to 7006 "$bin/only")
row "one that may not" 7006 $refused "x['label'] == 'no other'" \
    inc $(to 7006 "$bin/spoof")
mounted() { # in a mount namespace of a user that is nobody
	inc setpriv --reuid 65533 --regid 65533 --clear-groups unshare -Urm sh -c \
	    'mount --bind "$1" "$2" && exec "$2" udp 10.9.0.2 "$3" 20000' sh "$@"
}
if mounted "$bin/allowed" "$bin/probe" 7002 >"$tmp/out" 2>&1; then
	row "mounted over the one that may" 7006 $refused \
	    "x['label'] == 'no other' and x['process']['uid'] == 65533" \
	    mounted "$bin/spoof" "$bin/only" 7006
	row "… which may as before" 7006 ok "x['label'] == 'that one'" \
	    inc $(to 7006 "$bin/only")
else
	echo "# no user namespaces for users here"
fi
row "the one that may, in a namespace of its own" 7006 ok \
    "x['label'] == 'that one'" inc unshare -m $(to 7006 "$bin/only")
row "the same pid, before exec" 7009 ok "x['exe'] == '$bin/boss'" \
    inc "$bin/boss" -c "exec 3<>/dev/udp/10.9.0.2/7009; echo hello >&3
	read -r -n 1 -t 20 word <&3; exec $(to 7010)"
check "the same pid, after it: another program" flows "(lambda a, b:
	a['process']['pid'] == b['process']['pid'] and
	a['exe'] == '$bin/boss' and b['exe'] == '$bin/allowed')(
	*[[x for x in f if x['dport'] == n][0] for n in (7009, 7010)])"
speak="exec 3<>/dev/udp/10.9.0.2/7007; echo hello >&3
	read -r -n 1 -t 20 word <&3 2>/dev/null && echo ok || echo refused"
row "not deleted yet" 7007 ok "x['exe'] == '$bin/going'" \
    inc "$bin/going" -c "$speak"
row "deleted: not the file of that name" 7007 refused \
    "x['label'] == 'not deleted' and x['exe'] == '$bin/going (deleted)'" \
    inc "$bin/going" -c "rm $bin/going; $speak"
cat >"$tmp/memfd.py" <<'PY'
import os, sys
fd = os.memfd_create("only", 0)
os.write(fd, open(sys.argv[1], "rb").read())
os.execv(f"/proc/self/fd/{fd}", sys.argv[2:])
PY
row "from memory: not what it is called" 7008 $refused "x['label'] == 'no memfd'
	and x['exe'] == '/memfd:only (deleted)'" \
    inc python3 "$tmp/memfd.py" "$bin/only" $(to 7008 "$bin/only")
row "from memory: not the one that may" 7006 $refused "x['label'] == 'no other'" \
    inc python3 "$tmp/memfd.py" "$bin/only" $(to 7006 "$bin/only")

# -- as a person sees it --
ctl flows >"$tmp/out"
check "labels are shown, and where they stand" \
    grep -q 'denied\[[0-9]*\] .*10.9.0.2:7001 .*by exe (10.rules:2)' "$tmp/out"
check "the kernel is shown" grep -q '(kernel)' "$tmp/out"
[ "$bpf" != no ] || check "nobody is shown" grep -q '(unknown)' "$tmp/out"

# -- links that lead elsewhere, as after an upgrade: no reload is needed --
mkdir -m 755 "$bin/v1" "$bin/v2" "$bin/v3"
for name in v1 v2 v3; do
	cp "$bin/probe" "$bin/$name/prog"
done
ln -s v1 "$bin/now"
rules "accept out exe $bin/now/prog to port 7007" "block out to port 7007" \
    "block out exe $bin/now/prog, $bin/later/* to port 7001"
daemon_reload
check "by a link" felt $refused inc $(to 7001 "$bin/now/prog")
check "… where it does not lead" felt ok inc $(to 7001 "$bin/v2/prog")
ln -s v2 "$bin/next"
mv -T "$bin/next" "$bin/now"
check "it leads elsewhere" wait_for felt $refused \
    inc $(to 7001 "$bin/now/prog")
check "… what runs from there before is denied still" felt $refused \
    inc $(to 7001 "$bin/v1/prog")
tried() { ctl --json status | grep -q '"trying":"'; }
over() { ! tried; }
echo "block out exe $bin/now/prog to port 7001" >"$tmp/try.rules"
ctl rules try "$tmp/try.rules" --for 1s >/dev/null
check "… while other rules are tried" sh -c "
    nsenter --net=/run/netns/$C $(to 7001 "$bin/v1/prog") | grep -q ^$refused"
wait_for over
check "… and when those before are back" felt $refused \
    inc $(to 7001 "$bin/v1/prog")
check "… what is there now is accepted for it" felt ok \
    inc $(to 7007 "$bin/now/prog")
check "… what was there before is not" felt $refused \
    inc $(to 7007 "$bin/v1/prog")
mkdir "$bin/many"
rules "accept out exe $bin/now/prog to port 7007" "block out to port 7007" \
    "block out exe $(printf "$bin/many/%d, " $(seq 1100)) $bin/now/prog to port 7001" \
    "block out exe $bin/later/* to port 7001"
daemon_reload
check "more of them than can be watched: that is told" wait_for log_has \
    "not all paths of the rules can be watched"
ln -s v1 "$bin/next"
mv -T "$bin/next" "$bin/now"
check "… it leads elsewhere" wait_for felt $refused \
    inc $(to 7001 "$bin/v1/prog")
check "a folder that is not there" felt ok inc $(to 7001 "$bin/v3/prog")
ln -s v3 "$bin/later"
check "… comes, by a link" wait_for felt $refused inc $(to 7001 "$bin/later/prog")

# -- defaults for who is nobody --
rules "default unknown block" "default kernel block" "default out accept"
daemon_reload
kill -STOP $daemon
inc python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"once", ("10.9.0.2", 7010))'
kill -CONT $daemon
[ "$bpf" != no ] ||
	check "default unknown" wait_for flows "any(x['dport'] == 7010 and
	    x['reason'] == 'default-unknown' and x['verdict'] == 'block' for x in f)"
check "default kernel" felt $refused ins "$bin/probe" icmp 10.9.0.1 0
check "default out" felt ok inc $(to 7001)
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
