#include "src/core/schema.h"

#include <string.h>

#include "src/base/name.h"
#include "src/core/rule_word.h"
#include "src/core/schema_check.h"
#include "src/core/schema_hint.h"

#define ROW(section_, key_, type_, field_)                                     \
	.section = section_, .key = key_, .type = type_,                       \
	.offset = offsetof(struct conf, field_)

#define ITEM(section_, struct_, key_, type_, field_)                           \
	.section = section_, .key = key_, .type = type_,                       \
	.offset = offsetof(struct struct_, field_)

#define FORWARD(key_, type_, field_)                                           \
	ITEM("forward", conf_forward, key_, type_, field_)
#define LIST(key_, type_, field_) ITEM("list", conf_list, key_, type_, field_)
#define TUNNEL(key_, type_, field_)                                            \
	ITEM("tunnel", conf_tunnel, key_, type_, field_)

/* In the order of the file; the rows of a section stand together. */
const struct conf_row conf_rows[] = {
	{ ROW("rerouted", "log-level", CONF_ENUM, log_level),
	    .words = "error warning info debug", .dflt = "info",
	    .help = "What goes to the log: this and what is more urgent." },
	{ ROW("rerouted", "log-format", CONF_ENUM, log_format),
	    .words = "text json", .dflt = "text",
	    .help = "How a line of the log looks: key=value text, or one "
		    "JSON object." },
	{ ROW("rerouted", "control-group", CONF_STRING, control_group),
	    .min = 1, .max = 32, .restart = true, .dflt = "rerouted",
	    .help = "Members of this group, and root, may use the control "
		    "socket." },
	{ ROW("rerouted", "watch", CONF_ENUM, watch), .words = "no yes",
	    .restart = true, .dflt = "no",
	    .help = "Whether the rules are loaded again by themselves when a "
		    "file of them changes." },
	{ ROW("rerouted", "bpf", CONF_ENUM, bpf), .words = "no auto",
	    .restart = true, .dflt = "auto",
	    .help = "Whether programs in the kernel say who sends a packet, "
		    "where they can be loaded. Without them those that send "
		    "and end at once are unknown." },
	{ ROW("rerouted", "flows-max", CONF_NUMBER, flows_max), .min = 1024,
	    .max = 1048576, .restart = true, .dflt = "65536",
	    .help = "Flows that are remembered. When there are more, the one "
		    "that was quiet longest is forgotten." },
	{ ROW("rerouted", "processes-max", CONF_NUMBER, processes_max),
	    .min = 64, .max = 65536, .restart = true, .dflt = "1024",
	    .help = "Processes that are remembered. Each takes one file "
		    "descriptor." },
	{ ROW("rerouted", "history", CONF_NUMBER, history), .max = 65536,
	    .restart = true, .dflt = "1024",
	    .help = "Decisions that are kept for who watches later "
		    "(reroutectl watch --backlog)." },
	{ ROW("firewall", "backend", CONF_ENUM, backend),
	    .words = "auto libiptc iptables-restore", .restart = true,
	    .dflt = "auto",
	    .help = "How the rules get into the kernel: through libiptc into "
		    "the legacy tables, or through iptables-restore into "
		    "nf_tables; auto: libiptc where there are such tables." },
	{ ROW("firewall", "ipv6", CONF_ENUM, ipv6), .words = "auto yes no",
	    .restart = true, .dflt = "auto",
	    .help = "Whether IPv6 is judged too; auto: where the kernel has "
		    "it." },
	{ ROW("firewall", "fail", CONF_ENUM, fail), .words = "closed open",
	    .restart = true, .dflt = "closed",
	    .help = "What happens to new connections while the daemon is "
		    "dead: closed drops them, open lets them pass." },
	{ ROW("firewall", "accept", CONF_ENUM, accept),
	    .words = "auto final continue", .restart = true, .dflt = "auto",
	    .help = "Whether an accepted packet is done with (final), or the "
		    "rules of others in the same tables have their say too "
		    "(continue); auto: final while there are none." },
	{ ROW("firewall", "queue-length", CONF_NUMBER, queue_length),
	    .min = 256, .max = 1048576, .restart = true, .dflt = "8192",
	    .help = "Packets that may wait in each queue of the kernel for a "
		    "verdict. What does not fit is dropped." },
	{ ROW("firewall", "receive-buffer", CONF_SIZE, receive_buffer),
	    .min = 64 << 10, .max = 256 << 20, .restart = true, .dflt = "8M",
	    .help = "Receive buffer of the socket that the queues are read "
		    "from." },
	{ ROW("resolver", "listen", CONF_TEXTS, resolver.listen),
	    .check = schema_is_listen, .hint = schema_hint_port,
	    .expected = "addresses with or without a port, such as "
			"127.0.0.1:53, or none",
	    .dflt = "127.0.0.1:53, [::1]:53",
	    .help = "Where the resolver answers, UDP and TCP. none: there is "
		    "no resolver, and no query is captured." },
	{ ROW("resolver", "allow", CONF_TEXTS, resolver.allow),
	    .check = schema_is_prefix, .hint = schema_hint_prefix,
	    .expected = "prefixes such as 192.168.1.0/24, or none",
	    .dflt = "none", .help = "Who may ask besides this host." },
	{ ROW("resolver", "upstream", CONF_TEXTS, resolver.upstreams),
	    .check = schema_is_system_or_upstream, .hint = schema_hint_dns,
	    .expected = "servers by address with commas between, such as "
			"192.0.2.53, 192.0.2.54:5353 or "
			"tls://9.9.9.9#dns.quad9.net, or system",
	    .dflt = "system",
	    .help = "Servers that are asked; system: those that the network "
		    "gave this host." },
	{ ROW("resolver", "tls-ca", CONF_TEXT, resolver.tls_ca),
	    .check = schema_is_path_or_system, .expected = "a path, or system",
	    .dflt = "system",
	    .help = "File of certificates that those of tls:// upstreams are "
		    "checked with; system: those that this system trusts." },
	{ ROW("resolver", "policy", CONF_ENUM, resolver.policy),
	    .words = "order parallel", .dflt = "order",
	    .help = "Whether the first upstream that works is asked, or all "
		    "of them at once and the first answer is taken." },
	{ ROW("resolver", "capture", CONF_ENUM, resolver.capture),
	    .words = "no yes", .dflt = "yes",
	    .help = "Whether queries to other servers are answered here, "
		    "where no rule speaks of port 53." },
	{ ROW("resolver", "block-answer", CONF_TEXTS, resolver.block_answer),
	    .check = schema_is_block_answer, .hint = schema_hint_block_answer,
	    .expected = "null, nxdomain, refused, nodata, or addresses",
	    .dflt = "null",
	    .help = "What a blocked query is answered with; null: the "
		    "addresses 0.0.0.0 and ::." },
	{ ROW("resolver", "cache-size", CONF_SIZE, resolver.cache_size),
	    .max = (uint64_t)4 << 30, .dflt = "32M",
	    .help = "Memory for answers that are kept; 0: none are." },
	{ ROW("resolver", "min-ttl", CONF_DURATION, resolver.min_ttl),
	    .max = 3600000, .dflt = "0",
	    .help = "Answers are kept at least as long." },
	{ ROW("resolver", "max-ttl", CONF_DURATION, resolver.max_ttl),
	    .min = 1000, .max = 7 * 86400000, .dflt = "1d",
	    .help = "Answers are kept no longer." },
	{ ROW("resolver", "serve-stale", CONF_DURATION, resolver.serve_stale),
	    .max = 7 * 86400000, .dflt = "1d",
	    .help = "How long after its end an answer may still be given "
		    "where no upstream answers; 0: never." },
	{ ROW("resolver", "hosts", CONF_TEXT, resolver.hosts),
	    .check = schema_is_path_or_none,
	    .expected = "the path of one file, or none", .dflt = "/etc/hosts",
	    .help = "File of names and addresses that are answered first." },
	{ ROW("resolver", "allow-private", CONF_TEXTS, resolver.allow_private),
	    .check = schema_is_name,
	    .expected = "names such as corp.example, each for what is below "
			"it, too, or none",
	    .dflt = "none",
	    .help = "Names at and below these may have addresses of private "
		    "networks; of other names such answers are not "
		    "believed." },
	{ FORWARD("upstream", CONF_TEXTS, upstreams),
	    .check = schema_is_system_or_upstream, .hint = schema_hint_dns,
	    .expected = "servers such as 10.0.0.53 or "
			"tls://10.0.0.53#dns.corp.example, or system",
	    .dflt = "", .sample = "10.0.0.53",
	    .help = "Servers that are asked for names below it; system: as in "
		    "[resolver]." },
	{ FORWARD("policy", CONF_ENUM, policy), .words = "order parallel",
	    .dflt = "order", .help = "As in [resolver]." },
	{ FORWARD("via", CONF_TEXT, via), .check = schema_is_word,
	    .expected = "the name of a [tunnel] section", .dflt = "",
	    .sample = "vpn",
	    .help = "The servers are asked through this tunnel, over TCP, and "
		    "in no other way." },
	{ LIST("source", CONF_TEXTS, sources), .check = schema_is_path,
	    .expected =
		"paths such as /etc/rerouted/lists/*.txt: files are read, "
		"and a timer or cron fetches them",
	    .dflt = "", .sample = "/etc/rerouted/lists/ads.txt",
	    .help = "Files that the list is made of; * and ? stand for parts "
		    "of file names." },
	{ LIST("format", CONF_ENUM, format),
	    .words = "auto hosts domains wildcard adblock rpz addresses "
		     "dnsmasq unbound",
	    .dflt = "auto", .help = "What the files look like." },
	{ TUNNEL("upstream", CONF_TEXT, upstream),
	    .check = schema_is_tunnel_url, .hint = schema_hint_tunnel,
	    .expected = "socks5://, http://, https:// or proxy2:// and a host "
			"with a port, proxy2+unix:PATH, or direct",
	    .dflt = "", .sample = "socks5://127.0.0.1:9050",
	    .help = "Where connections are carried." },
	{ TUNNEL("failover", CONF_TEXTS, failover), .check = schema_is_word,
	    .expected = "names of tunnels, or reject", .dflt = "",
	    .sample = "tor, vpn, reject", .part = "either",
	    .help = "Other tunnels in place of an upstream of its own: the "
		    "first that works is taken." },
	{ TUNNEL("user", CONF_TEXT, user), .check = schema_is_credential,
	    .expected = "a text of at most 255 bytes", .dflt = "",
	    .sample = "%exe",
	    .help = "User name for the proxy; %exe, %user and %unit stand for "
		    "those of the program." },
	{ TUNNEL("password", CONF_TEXT, password),
	    .check = schema_is_credential,
	    .expected = "a text of at most 255 bytes", .dflt = "",
	    .sample = "secret",
	    .help = "Password for the proxy; with the same templates." },
	{ TUNNEL("dns", CONF_ENUM, dns), .words = "local tunnel fake",
	    .dflt = "local",
	    .help = "How names of what goes through the tunnel are resolved: "
		    "here, through the tunnel, or not at all: the program "
		    "gets an address that stands for the name, and the proxy "
		    "is told the name." },
	{ TUNNEL("dns-server", CONF_TEXTS, dns_server),
	    .check = schema_is_dns_server, .hint = schema_hint_port,
	    .expected = "servers such as 10.0.0.53 or [fd00::53]:5353",
	    .dflt = "", .sample = "10.0.0.53", .part = "vpn",
	    .help = "With dns = tunnel: the servers that are asked through "
		    "the tunnel, over TCP; without it those of [resolver]." },
	{ TUNNEL("udp", CONF_ENUM, udp), .words = "tunnel reject drop",
	    .dflt = "tunnel",
	    .help = "What happens to UDP; where the upstream can't carry it, "
		    "tunnel is reject." },
	{ TUNNEL("honest-connect", CONF_ENUM, honest_connect),
	    .words = "no yes", .dflt = "yes",
	    .help = "Whether a program's connect() waits until the far end "
		    "is reached, or has refused." },
	{ TUNNEL("device", CONF_TEXT, device), .check = schema_is_device,
	    .expected = "the name of a network device", .dflt = "",
	    .sample = "wg0", .part = "vpn",
	    .help = "For direct: the device that connections leave by, and "
		    "no other." },
	{ TUNNEL("source", CONF_TEXT, source), .check = schema_is_address,
	    .expected = "an address of this host", .dflt = "",
	    .sample = "192.0.2.7", .part = "vpn",
	    .help = "For direct: the address that connections come from." },
	{ TUNNEL("netns", CONF_TEXT, netns), .check = schema_is_netns,
	    .expected = "a name such as vpn, or a path such as /run/netns/vpn",
	    .dflt = "", .sample = "vpn", .part = "vpn",
	    .help = "For direct: the network namespace that connections are "
		    "made in." },
	{ TUNNEL("fwmark", CONF_NUMBER, fwmark), .max = UINT32_MAX, .dflt = "0",
	    .part = "vpn",
	    .help = "For direct: the mark of the connections, for policy "
		    "routing; 0: none." },
	{ TUNNEL("ca", CONF_TEXT, ca), .check = schema_is_path,
	    .expected = "a path", .dflt = "",
	    .sample = "/etc/ssl/certs/ca-certificates.crt", .part = "corp",
	    .help = "For https: certificates that the proxy's is checked "
		    "with, in place of the system's." },
	{ TUNNEL("pin", CONF_TEXT, pin), .check = schema_is_pin,
	    .expected = "sha256// and the base64 of a public key's digest",
	    .dflt = "",
	    .sample = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	    .part = "corp",
	    .help = "For https: the proxy's public key, as sha256//BASE64." },
	{ TUNNEL("proxy-header", CONF_ENUM, proxy_header),
	    .words = "short full", .dflt = "short", .part = "relay",
	    .help = "For proxy2: short keeps within the 107 bytes that nginx "
		    "takes; full has all that is known of the program." },
};

const size_t conf_n_rows = sizeof(conf_rows) / sizeof(conf_rows[0]);

/* Sections ----------------------------------------------------------------- */

static bool
label_word(const char *s, size_t len, char ret[CONF_LABEL_SIZE])
{
	if (!schema_is_word(s, len))
		return false;
	memcpy(ret, s, len);
	ret[len] = '\0';
	return true;
}

/* reject is what ends a list of tunnels. */
static bool
label_tunnel(const char *s, size_t len, char ret[CONF_LABEL_SIZE])
{
	return label_word(s, len, ret) && strcmp(ret, "reject") != 0 &&
	       !rule_has_word(ret);
}

static bool
label_name(const char *s, size_t len, char ret[CONF_LABEL_SIZE])
{
	struct name name;

	_Static_assert(CONF_LABEL_SIZE >= NAME_TEXT_SIZE, "a name fits");
	if (!schema_is_domain(&name, s, len) || name_is_root(&name))
		return false;
	(void)name_format(&name, ret);
	/* no name ends in a number: it is a part of an address */
	return strpbrk(ret, "\"\\]") == NULL &&
	       strspn(ret, "0123456789.") < strlen(ret);
}

#define ITEMS(field_)                                                          \
	.items = offsetof(struct conf, field_),                                \
	.n_items = offsetof(struct conf, n_##field_),                          \
	.item_size = sizeof(*((struct conf *)0)->field_)

static const struct conf_part forward_parts[] = { { "corp.example", NULL },
	{ 0 } };
static const struct conf_part list_parts[] = { { "ads", NULL }, { 0 } };
static const struct conf_part tunnel_parts[] = {
	{ "tor", NULL },
	{ "vpn", "#upstream = direct\n#dns = tunnel\n" },
	{ "corp", "#upstream = https://proxy.corp.example:443\n" },
	{ "relay", "#upstream = proxy2://127.0.0.1:8017\n" },
	{ "either", NULL },
	{ 0 },
};

const struct conf_section conf_sections[] = {
	{ .name = "rerouted" },
	{ .name = "firewall" },
	{ .name = "resolver" },
	{ .name = "forward",
	    ITEMS(forwards),
	    .label = label_name,
	    .label_expected =
		"a domain, [forward \"corp.example\"], which is "
		"for what is below it, too; of addresses, a "
		"reverse zone: [forward \"168.192.in-addr.arpa\"]",
	    .parts = forward_parts },
	{ .name = "list",
	    ITEMS(lists),
	    .label = label_word,
	    .label_expected = "a name of letters, digits, '.', '_' and '-', "
			      "[list \"ads\"]",
	    .parts = list_parts },
	{ .name = "tunnel",
	    ITEMS(tunnels),
	    .label = label_tunnel,
	    .label_expected = "a name of letters, digits, '.', '_' and '-' "
			      "but reject and words of rules such as to or "
			      "list, [tunnel \"tor\"]",
	    .parts = tunnel_parts },
};

const size_t conf_n_sections = sizeof(conf_sections) / sizeof(conf_sections[0]);

const struct conf_section *
conf_section_find(const char *name, size_t len)
{
	for (size_t i = 0; i < conf_n_sections; i++)
		if (strlen(conf_sections[i].name) == len &&
		    memcmp(conf_sections[i].name, name, len) == 0)
			return &conf_sections[i];
	return NULL;
}

size_t
conf_n_items(const struct conf *conf, const struct conf_section *section)
{
	size_t n = 0;

	if (section->item_size > 0)
		memcpy(&n, (const char *)conf + section->n_items, sizeof(n));
	return n;
}

void *
conf_item(const struct conf *conf, const struct conf_section *section, size_t i)
{
	char *items;

	if (i >= conf_n_items(conf, section))
		return NULL;
	memcpy(&items, (const char *)conf + section->items, sizeof(items));
	return items + i * section->item_size;
}

const struct conf_row *
conf_row_find(const char *section, const char *key, size_t key_len)
{
	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];

		if (strcmp(row->section, section) == 0 &&
		    strlen(row->key) == key_len &&
		    memcmp(row->key, key, key_len) == 0)
			return row;
	}
	return NULL;
}
