#!/bin/sh
# Who may include whom (the layers of the source): each line below is a rule.
# Also: every header compiles alone, and x.c includes x.h first.
set -u
cd "${srcdir:-.}" || exit 1
bad=0

deny() { # deny WHY REGEX-OF-INCLUDE-PATH FILES...
	why=$1 re=$2
	shift 2
	if grep -nE "^#include [<\"]($re)" "$@" /dev/null; then
		echo "layers: $why" >&2
		bad=1
	fi
}

netfilter='linux/|libnetfilter|libnfnetlink|libmnl|libiptc'
deny 'base stands on libc alone' \
	"src/(core|linux|ctl)/|src/[a-z_]+\\.h|dns/|port17/|event2/|ares\\.h|jansson|$netfilter" \
	src/base/*.[ch]
for file in src/base/*.[ch]; do
	[ $file = src/base/tls_peer.c ] ||
		deny 'only tls_peer.c of base knows OpenSSL' 'openssl/' $file
done
deny 'core is pure' \
	"src/(linux|ctl)/|src/[a-z_]+\\.h|dns/|port17/|event2/|ares\\.h|jansson|sys/socket\\.h|$netfilter" \
	src/core/*.[ch]
deny 'linux takes only the value headers of core, and no loop' \
	'src/core/(policy|rules|judge|conf|schema|print|explain|fault|glob)\.h|src/ctl/|src/[a-z_]+\.h|dns/|port17/|event2/|ares\.h|jansson' \
	src/linux/*.[ch]
deny 'port17 knows the world by its own shells alone' \
	"src/ctl/|src/[a-z_]+\\.h|dns/|ares\\.h|jansson|$netfilter" \
	port17/*.[ch]
for file in port17/*.[ch]; do
	case $file in
	*_ev.[ch]) ;;
	*) deny 'only *_ev.c of port17 know the loop and the platform' \
		'event2/|src/linux/' "$file" ;;
	esac
	case $file in
	*_ev.[ch] | port17/tls.[ch] | port17/sock.[ch] | port17/dgram.[ch]) ;;
	*) deny 'the rest of port17 is pure' 'openssl/|sys/socket|unistd' \
		"$file" ;;
	esac
done
deny 'reroutectl speaks to the daemon by its socket alone' \
	"src/linux/|src/[a-z_]+\\.h|event2/|$netfilter" \
	src/ctl/*.[ch]
pure_dns=$(ls dns/*.[ch] | grep -v '_ev\.[ch]$')
deny 'dns is pure but for *_ev.c, and knows neither linux nor the daemon' \
	"src/(linux|ctl)/|src/[a-z_]+\\.h|port17/|jansson|sys/socket\\.h|event2/|ares\\.h|$netfilter" \
	$pure_dns
deny 'shells of dns know the loop, but neither linux nor the daemon' \
	"src/(linux|ctl)/|src/[a-z_]+\\.h|port17/|jansson|$netfilter" \
	dns/*_ev.[ch]
for file in dns/*.[ch]; do
	[ $file = dns/msg.c ] || deny 'only dns/msg.c knows ldns' 'ldns/' $file
	case $file in
	dns/trust.c | dns/tls_conn_ev.c) ;;
	*) deny 'only dns/trust.c and dns/tls_conn_ev.c know OpenSSL' 'openssl/' $file ;;
	esac
	case $file in
	dns/ares_ev.c | dns/ares_sock_ev.[ch]) ;;
	*) deny 'only dns/ares_ev.c and its sockets know c-ares' 'ares\.h|dns/ares_sock_ev' $file ;;
	esac
done
for file in src/*.[ch] src/*/*.[ch]; do
	case $file in
	*_ev.[ch] | src/rerouted.c | src/rerouted_parts.c) ;;
	*) deny 'only *_ev.c and the wiring know the loop' 'event2/' "$file" ;;
	esac
done
deny 'netfilter and netlink stay in src/linux' "$netfilter" \
	src/*.[ch] src/base/*.[ch] src/core/*.[ch] src/ctl/*.[ch]

for header in src/*.h src/*/*.h dns/*.h port17/*.h; do
	[ ! -f "${header%.h}.c" ] || continue # its first include, see below
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -I. ${CPPFLAGS:-} -fsyntax-only \
		-Wno-pragma-once-outside-header -x c "$header" 2>/dev/null || {
		echo "layers: $header does not compile alone" >&2
		bad=1
	}
done

for source in src/*.c src/*/*.c dns/*.c port17/*.c; do
	header=${source%.c}.h
	[ -f "$header" ] || continue
	first=$(sed -n 's/^#include [<"]\(.*\)[>"]$/\1/p' "$source" | head -n 1)
	[ "$first" = "$header" ] || {
		echo "layers: $source includes $first before $header" >&2
		bad=1
	}
done
exit $bad
