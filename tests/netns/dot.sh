# Sourced by the tests of DNS over TLS: certificates, and servers.
#
#   make_certificates      in $tmp: ca.pem; good, other, expired, stranger, addr
#                          and dns.test (.pem, .key): for dns.test; another
#                          name; out of date; by a CA that nobody knows; for
#                          the address; with dns.test for a common name alone
#   unbound_start WHO NAME CERT ADDR PORT [LINE...]   a server over TLS with
#                          that certificate, plain at PORT + 1; its pid in $pid
#                          (where there is no unbound, which would also start
#                          on the machine itself: dotserver and dnsmasq)
#   dotserver WHO MODE CERT ADDR PORT   one that misbehaves (dotserver.py)

sign() { # NAME CA SUBJECT-ALT-NAMES [OPTION...]
	local name=$1 ca=$2
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$tmp/$name.key" -subj "/CN=$name" \
	    -out "$tmp/$name.csr" 2>/dev/null
	echo "subjectAltName=$3" >"$tmp/$name.ext"
	shift 3
	[ $# -gt 0 ] || set -- -days 2
	# `openssl x509` takes no day in the past, since 3.5
	: >"$tmp/signed"
	cat >"$tmp/ca.conf" <<-EOF
	[ca]
	default_ca = here
	[here]
	database = $tmp/signed
	new_certs_dir = $tmp
	rand_serial = yes
	policy = any
	[any]
	commonName = supplied
	EOF
	openssl ca -batch -notext -md sha256 -config "$tmp/ca.conf" \
	    -cert "$tmp/$ca.pem" -keyfile "$tmp/$ca.key" "$@" \
	    -extfile "$tmp/$name.ext" -in "$tmp/$name.csr" \
	    -out "$tmp/$name.pem" 2>/dev/null
}

make_certificates() {
	for _ca in ca stranger-ca; do
		openssl req -x509 -newkey ec \
		    -pkeyopt ec_paramgen_curve:P-256 -nodes \
		    -keyout "$tmp/$_ca.key" -subj "/CN=The $_ca of the test" \
		    -days 3 -out "$tmp/$_ca.pem" 2>/dev/null
	done
	sign good ca DNS:dns.test
	sign other ca DNS:other.test,DNS:dns.test.example,IP:10.9.0.9
	sign expired ca DNS:dns.test -startdate 20200101000000Z \
	    -enddate 20200102000000Z
	sign stranger stranger-ca DNS:dns.test
	sign addr ca IP:10.9.0.2,IP:fd09::2
	sign dns.test ca IP:10.9.0.9
	[ -s "$tmp/addr.pem" ] && [ -s "$tmp/expired.pem" ]
}

listens() { # WHO ADDR PORT
	case $2 in *:*) set -- "$1" "[$2]" "$3" ;; esac
	"$1" ss -Hltn src "$2:$3" | grep -q .
}

unbound_start() {
	_who=$1 _name=$2 _cert=$3 _addr=$4 _port=$5
	shift 5
	if ! command -v "${UNBOUND:-unbound}" >/dev/null; then
		background "$_who" dnsmasq --no-daemon --conf-file=/dev/null \
		    --no-resolv --no-hosts --user=root --pid-file= \
		    --bind-interfaces --listen-address="$_addr" \
		    --port=$((_port + 1)) --address=/test/192.0.2.7 \
		    --address=/example/192.0.2.7 2>"$tmp/$_name.log"
		dotserver "$_who" good "$_cert" "$_addr" "$_port"
		return
	fi
	cat >"$tmp/$_name.conf" <<-EOF
	server:
	  directory: "$tmp"
	  chroot: ""
	  username: ""
	  pidfile: ""
	  use-syslog: no
	  logfile: "$tmp/$_name.log"
	  interface: $_addr@$_port
	  interface: $_addr@$((_port + 1))
	  tls-port: $_port
	  tls-service-key: "$tmp/$_cert.key"
	  tls-service-pem: "$tmp/$_cert.pem"
	  access-control: 0.0.0.0/0 allow
	  access-control: ::/0 allow
	  incoming-num-tcp: 100
	  module-config: "iterator"
	  local-zone: test. redirect
	  local-data: "test. 60 IN A 192.0.2.7"
	  local-zone: example. redirect
	  local-data: "example. 60 IN A 192.0.2.7"
	EOF
	printf '  %s\n' "$@" remote-control: 'control-enable: no' |
	    sed 's/^  remote/remote/' >>"$tmp/$_name.conf"
	background "$_who" unbound -d -c "$tmp/$_name.conf"
	wait_for listens "$_who" "$_addr" "$_port"
}

dotserver() { # WHO MODE CERT ADDR PORT
	background "$1" python3 "$top/tests/netns/dotserver.py" "$2" \
	    "$tmp/$3.pem" "$tmp/$3.key" "$4" "$5" >"$tmp/dotserver.$5"
	wait_for has_text ready "$tmp/dotserver.$5"
}
