#include <string.h>
#include <strings.h>

#include "src/core/schema.h"

/* What the keys of other resolvers and proxies are called here: of dnsmasq,
 * unbound, systemd-resolved, AdGuard Home, redsocks and sing-box. */

struct peer_key {
	const char *section;
	const char *keys; /* with blanks between */
	const char *here;
};

#define OWN_NAMES                                                              \
	"no key: names of one's own stand in the file of 'hosts', wildcards, " \
	"aliases and other records in a zone that is a [list \"NAME\"]"
#define BY_RULE "no key, but a rule: "

static const struct peer_key peer_keys[] = {
	{ "forward", "forward-tls-upstream", "upstream = tls://ADDRESS#NAME" },
	{ "forward", "forward-first fallthrough",
	    "no key: nobody else is asked for these names" },
	{ "forward", "device interface", "via = TUNNEL, which has the device" },
	{ "forward", "server servers nameserver dns forward-addr forward-host",
	    "upstream = ADDRESS, ..." },
	{ "resolver",
	    "server servers nameserver nameservers dns fallbackdns "
	    "forward-addr "
	    "forward-host bootstrap-dns upstream-dns",
	    "upstream = ADDRESS, ..., and for a domain and what is below it a "
	    "section [forward \"DOMAIN\"] with its own" },
	{ "resolver", "resolv-file no-resolv",
	    "upstream = ADDRESS, ..., or system" },
	{ "resolver", "forward forward-zone stub-zone domains route-domain",
	    "no key, but a section: [forward \"DOMAIN\"]" },
	{ "resolver", "forward-tls-upstream dnsovertls tls-upstream",
	    "no key: upstream = tls://ADDRESS#NAME" },
	{ "resolver", "all-servers upstream-mode", "policy = parallel" },
	{ "resolver", "strict-order", "policy = order" },
	{ "resolver", "interface listen-address bind dnsstublistenerextra port",
	    "listen = ADDRESS, or ADDRESS:PORT" },
	{ "resolver", "access-control allowed-clients", "allow = PREFIX, ..." },
	{ "resolver", "min-cache-ttl cache-min-ttl cache-ttl-min",
	    "min-ttl = TIME" },
	{ "resolver",
	    "max-cache-ttl cache-max-ttl cache-ttl-max neg-ttl "
	    "cache-max-negative-ttl max-negative-ttl",
	    "max-ttl = TIME" },
	{ "resolver",
	    "serve-expired serve-expired-ttl use-stale-cache cache-optimistic "
	    "optimistic",
	    "serve-stale = TIME" },
	{ "resolver", "prefetch prefetch-key",
	    "no key: what is used is asked for again before it ends" },
	{ "resolver", "private-domain rebind-domain-ok",
	    "allow-private = DOMAIN, ..." },
	{ "resolver", "private-address stop-dns-rebind rebind-localhost-ok",
	    "no key: answers with private addresses are not believed, but for "
	    "names of 'allow-private'" },
	{ "resolver", "tls-cert-bundle tls-upstream-ca ca-file",
	    "tls-ca = FILE" },
	{ "resolver",
	    "address cname host-record local-data local-data-ptr local-zone "
	    "local rewrites ptr-record srv-host txt-record mx-host",
	    OWN_NAMES },
	{ "resolver", "addn-hosts hostsdir readetchosts no-hosts",
	    "hosts = FILE, which is one, or none" },
	{ "resolver",
	    "leases dhcp-leasefile dhcp-range dhcp-host dhcp-hostsfile "
	    "read-ethers",
	    "no key: of a DHCP server that answers names its domain is asked, "
	    "[forward \"lan\"] with upstream = ADDRESS:PORT; else it writes "
	    "the file of 'hosts'" },
	{ "resolver", "expand-hosts domain search",
	    "no key: a name is looked for as it is asked; the file of 'hosts' "
	    "may have it with and without its domain" },
	{ "resolver", "bogus-priv domain-needed",
	    "no key: reverse zones of private networks and names of one label "
	    "are asked of nobody but a [forward \"DOMAIN\"]" },
	{ "resolver", "bogus-nxdomain ignore-address",
	    BY_RULE "block out to ADDRESS" },
	{ "resolver", "filter-aaaa filter-a do-ip6 aaaa-disabled",
	    BY_RULE "block out qtype AAAA (or A)" },
	{ "resolver", "log-queries querylog log-local-actions",
	    "no key: 'reroutectl queries' and 'reroutectl watch' show them, as "
	    "many as history = N says" },
	{ "resolver", "rpz blocklist blocklists filters filter conf-file",
	    "no key, but a section: [list \"NAME\"] with source = FILE, and a "
	    "rule that says what it is for: block out list NAME" },
	{ "list", "url urls zonefile file path",
	    "source = FILE, ...: files are read and watched; a timer or cron "
	    "fetches them" },
	{ "resolver", "dnssec trust-anchor module-config validation",
	    "no key: signatures are asked of the upstream, and not checked "
	    "here" },
	{ "resolver", "blocking-mode block-mode blocked-response",
	    "block-answer = null, nxdomain, refused, nodata or ADDRESS" },
	{ "tunnel", "type ip proxy login method server server_port port",
	    "upstream = socks5://HOST:PORT, or what it is" },
	{ "tunnel", "proxy_dns proxydns proxy-dns remote_dns", "dns = fake" },
	{ "tunnel", "bypass localnet exclude no_proxy",
	    "no key, but in the rule: 'reroute via NAME not to lan'" },
	{ "tunnel", "fallback", "failover = TUNNEL, ..." },
	{ "tunnel", "kill-switch killswitch kill_switch strict_route",
	    "no key: a tunnel that is down is never a direct connection" },
	{ "tunnel", "username login-name", "user = NAME" },
	{ "tunnel", "outbounds", "failover = TUNNEL, ..." },
	{ "tunnel", "interface bind-interface bind_interface",
	    "device = NAME" },
	{ "tunnel", "routing-mark routing_mark mark", "fwmark = NUMBER" },
	{ "firewall", "default-policy default", BY_RULE "default out block" },
};

static bool
has_word(const char *words, const char *word, size_t len)
{
	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		if (n == len && strncasecmp(words, word, len) == 0)
			return true;
		words += n + (words[n] == ' ');
	}
	return false;
}

const char *
conf_key_of_peer(const char *section, const char *key)
{
	for (size_t i = 0; i < sizeof(peer_keys) / sizeof(peer_keys[0]); i++)
		if (strcmp(peer_keys[i].section, section) == 0 &&
		    has_word(peer_keys[i].keys, key, strlen(key)))
			return peer_keys[i].here;
	return NULL;
}
