#!/bin/bash
. "$(dirname "$0")/lib.sh"
need_root
net_up
rules "default out accept"
settings "[resolver]" "upstream = 10.9.0.2"
daemon_start
ctl explain "bla=1"; echo "rc $?"
ctl explain --bla 1; echo "rc $?"
ctl explain "exe=/bin/true bla=1"; echo "rc $?"
ctl explain "to=notanaddr"; echo "rc $?"
ctl explain --to notanaddr; echo "rc $?"
ctl reload
daemon_stop
