#!/bin/bash
# reroutectl top, in a terminal of tmux's: processes and hosts by traffic, its
# keys; and what it prints where there is none.
#
#     c 10.9.0.1, daemon, programs  ---- veth ----  s 10.9.0.2, web server
# Tries reroutectl itself.
. "$(dirname "$0")/lib.sh"
need_root
need tmux curl busybox python3
net_up
mkdir "$tmp/www"
head -c 1000000 /dev/zero >"$tmp/www/million"
background ins busybox httpd -f -p '[::]:8000' -h "$tmp/www"
background ins "$BUILDDIR/probe" serve 7001 10.9.0.2 fd09::2 >"$tmp/serve"
wait_for ins nc -z 10.9.0.2 8000
wait_for has_text ready "$tmp/serve"
rules "default out accept" "default in accept" "block out to port 7009"
check "the daemon starts" daemon_start
cp "$BUILDDIR/probe" "$tmp/talker"
inc curl -sS -o "$tmp/got" http://10.9.0.2:8000/million
inc "$tmp/talker" udp 10.9.0.2 7001 >"$tmp/probe.out"
for n in 1 2 3; do inc "$tmp/talker" tcp fd09::2 7009 >"$tmp/probe.out"; done

# -- no terminal --
ctl top >"$tmp/out"
check "top into a file: the most first" sh -c \
    "sed -n 2p $tmp/out | grep -q '/curl\['"
check "top --once --hosts" sh -c "$REROUTECTL --control $tmp/control top \
    --once --hosts | sed -n 2p | grep -q '^10.9.0.2 '"
check "top --sort blocked" sh -c "$REROUTECTL --control $tmp/control top \
    --sort=blocked | sed -n 2p | grep -q talker"
ctl top --json >"$tmp/out"
check "top --json" python3 -c '
import json, sys
x = [json.loads(line) for line in open(sys.argv[1])]
assert x[0]["bytes_in"] > 1000000 and x[0]["process"]["exe"].endswith("/curl")' \
    "$tmp/out"
check_not "top --sort something" ctl top --sort trafic
check_not "top without a daemon" "$REROUTECTL" --control "$tmp/none" top --once

# -- a terminal --
screen() { tmux -L "rr$unique" -f /dev/null "$@"; }
at_end() { screen kill-server 2>/dev/null; }
LSAN_OPTIONS=detect_leaks=0 # ncurses keeps what it has
ASAN_OPTIONS=detect_leaks=0
export LSAN_OPTIONS ASAN_OPTIONS
screen new-session -d -x 80 -y 12 "$REROUTECTL --control $tmp/control top;
    echo left with \$? >$tmp/left"
shows() { screen capture-pane -p >"$tmp/screen"; cat "$tmp/screen"
	grep -qE -- "$1" "$tmp/screen"; }
line_shows() { screen capture-pane -p | sed -n "$1p" | grep -qE -- "$2"; }
check "the screen" wait_for shows '^processes by traffic now'
check "… with its titles" shows '^PROGRAM .*IN/s .*BLOCKED'
check "the most first" wait_for line_shows 4 '/curl\['
check "… fits the terminal" sh -c "[ \$(wc -L <$tmp/screen) -le 80 ]"
check_not "… and nothing moves" line_shows 4 ' [1-9][0-9.]*M .*M '
background sh -c "while :; do nsenter --net=/run/netns/$C \
    curl -sS -o /dev/null http://10.9.0.2:8000/million; done"
load=$pid
screen send-keys h
check "hosts" wait_for shows '^HOST '
check "traffic as it moves" wait_for line_shows 4 \
    '^10.9.0.2 +[0-9.]+[KMG] +[0-9.]+[KMG]? '
stop $load
screen send-keys Tab
check "processes again" wait_for shows '^PROGRAM '
screen send-keys /
screen send-keys -l talker
screen send-keys Enter
check "a filter" wait_for shows 'filter: talker$'
check "… shows those" wait_for shows '/talker\['
shows_not() { ! shows "$1"; }
check "… and no others" wait_for shows_not '/curl\['
screen send-keys / Escape
check "taken away" wait_for shows '/curl\['
for n in 1 2 3 4; do screen send-keys s; done
check "by what was blocked" wait_for shows '^processes by blocked'
check "… those first" wait_for line_shows 4 'talker.* [1-3]$'
screen send-keys r
check "turned round" wait_for shows 'least first'
screen send-keys Space
check "paused" wait_for shows PAUSED
screen send-keys Space
screen resize-window -x 60 -y 20
check "a terminal of another size" wait_for sh -c "
    tmux -L rr$unique capture-pane -p >$tmp/screen
    [ \$(wc -L <$tmp/screen) -le 60 ] && grep -q BLOCKED $tmp/screen"
screen send-keys q
check "q leaves, with 0" wait_for has_text 'left with 0' "$tmp/left"
rm "$tmp/left"
screen new-session -d -x 80 -y 12 "$REROUTECTL --control $tmp/control top;
    echo left with \$? >$tmp/left; stty -a >$tmp/stty; tail -f /dev/null"
wait_for shows '^processes by traffic now'
daemon_stop
check "a daemon that goes: exit 3" wait_for has_text 'left with 3' "$tmp/left"
check "… it is told" wait_for shows 'the daemon has closed'
check "… and the terminal is as it was" wait_for grep -qE '(^| )echo ' "$tmp/stty"
finish
