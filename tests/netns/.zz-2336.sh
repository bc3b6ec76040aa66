. "$(dirname "$0")/lib.sh"
need_root
net_up
background unshare -U -n sh -c 'echo $$ >'"$tmp"'/userpid; exec sleep 60'
wait_for [ -s $tmp/userpid ]
up=$(cat $tmp/userpid)
wait_for sh -c "! [ /proc/$up/ns/user -ef /proc/self/ns/user ]"
echo "0 100000 65536" >/proc/$up/uid_map; echo "0 100000 65536" >/proc/$up/gid_map
ip link add u0 netns $up type veth peer name u1 netns $S
inu() { _u=$1; shift; nsenter -t $up -U -n -S $_u -G $_u "$@"; }
inu 0 ip link set lo up; inu 0 ip addr add 10.8.0.1/24 dev u0; inu 0 ip link set u0 up; ins ip addr add 10.8.0.2/24 dev u1; ins ip link set u1 up
mkdir -p $tmp/rules; echo "block out user 7 to port 7002" > $tmp/rules/a.rules; chmod -R 777 $tmp
mkdir -m 777 $tmp/ust
inu 0 env XTABLES_LOCKFILE=$tmp/ul $REROUTED --rules $tmp/rules --state $tmp/ust --control $tmp/ust/control 2>$tmp/ulog &
up2=$!; pids="$pids $up2"
wait_for grep -q "ready version" $tmp/ulog; cat $tmp/ulog
inu 5 python3 -c '
import socket,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendto(b"x",("10.8.0.2",7001)); time.sleep(0.5)'
inu 7 python3 -c '
import socket,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendto(b"x",("10.8.0.2",7002)); time.sleep(0.5)'
$REROUTECTL --control $tmp/ust/control --json flows | grep '"dport":700' | cut -c1-700
