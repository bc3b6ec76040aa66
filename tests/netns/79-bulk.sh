#!/bin/bash
# Many connections that move all they can through tunnels, and many sockets that
# are sent datagrams: packets are judged, and names resolved, between them, not
# behind all of them.
. "$(dirname "$0")/lib.sh"
need_root
check "one turn of the loop is no turn of each connection" "$BUILDDIR/turns"
check "urgent bytes, the end of TLS, and resets behind an end, arrive" "$BUILDDIR/relayed"
finish
