#include "port17/tunnel_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/core/conf.h"
#include "src/core/endpoint.h"

_Static_assert(CONF_FAILOVER_MAX == TUNNEL_MEMBERS_MAX,
    "what the settings are checked for");

#define PIN_PREFIX "sha256//"
/* Where ip-netns(8) keeps those that have a name. */
#define NETNS_FOLDER "/run/netns/"

static void
copy(char *to, size_t size, const char *s, size_t len)
{
	if (len >= size)
		len = size - 1;
	if (len > 0)
		memcpy(to, s, len);
	to[len] = '\0';
}

static int
base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* "sha256//" and 43 digits, with or without the final '='. */
static bool
read_pin(struct tunnel *to, const char *s)
{
	uint32_t bits = 0;
	unsigned int n_bits = 0;
	size_t n = 0;

	if (strncmp(s, PIN_PREFIX, strlen(PIN_PREFIX)) != 0)
		return false;
	for (s += strlen(PIN_PREFIX); base64_value(*s) >= 0; s++) {
		bits = bits << 6 | (uint32_t)base64_value(*s);
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		if (n == TUNNEL_PIN_SIZE)
			return false;
		to->pin[n++] = (uint8_t)(bits >> n_bits);
	}
	return n == TUNNEL_PIN_SIZE && (*s == '\0' || strcmp(s, "=") == 0);
}

static enum tunnel_kind
kind_of(const struct endpoint *e)
{
	if (endpoint_is(e, "socks5") || endpoint_is(e, "socks5h"))
		return TUNNEL_SOCKS5;
	if (endpoint_is(e, "http"))
		return TUNNEL_HTTP;
	return endpoint_is(e, "https") ? TUNNEL_HTTPS : TUNNEL_PROXY2;
}

static uint16_t
default_port(enum tunnel_kind kind)
{
	switch (kind) {
	case TUNNEL_SOCKS5:
		return 1080;
	case TUNNEL_HTTP:
		return 8080;
	case TUNNEL_HTTPS:
		return 443;
	case TUNNEL_PROXY2:
	case TUNNEL_DIRECT:
	case TUNNEL_LIST:
		break;
	}
	return 0;
}

static void
read_url(struct tunnel *to, const char *url)
{
	struct endpoint e;

	if (url[0] == '\0') {
		to->kind = TUNNEL_LIST;
		return;
	}
	to->kind = TUNNEL_DIRECT;
	if (strcmp(url, "direct") == 0 ||
	    endpoint_parse(&e, url, strlen(url)) < 0)
		return;
	to->kind = kind_of(&e);
	copy(to->path, sizeof(to->path), e.path.s, e.path.len);
	to->addr = e.addr;
	copy(to->zone, sizeof(to->zone), e.zone.s, e.zone.len);
	copy(to->host, sizeof(to->host), e.host.s, e.host.len);
	to->port = e.port != 0 ? e.port : default_port(to->kind);
	copy(to->tls_name, sizeof(to->tls_name), e.name.s, e.name.len);
	if (endpoint_decode(&e.user, to->user, sizeof(to->user)) < 0)
		to->user[0] = '\0';
	if (endpoint_decode(&e.password, to->password, sizeof(to->password)) <
	    0)
		to->password[0] = '\0';
}

static void
read_own(struct tunnel *to, const struct conf_tunnel *from)
{
	copy(to->device, sizeof(to->device), from->device.s,
	    strlen(from->device.s));
	(void)addr_parse(&to->source, from->source.s,
	    strlen(from->source.s)); /* "" is none */
	to->fwmark = (uint32_t)from->fwmark;
	if (from->netns.s[0] != '\0')
		(void)snprintf(to->netns, sizeof(to->netns), "%s%s",
		    from->netns.s[0] != '/' ? NETNS_FOLDER : "",
		    from->netns.s); /* its check has seen that it fits */
	copy(to->ca, sizeof(to->ca), from->ca.s, strlen(from->ca.s));
	to->has_pin = read_pin(to, from->pin.s);
}

static enum tunnel_dns
dns_of(enum conf_tunnel_dns dns)
{
	switch (dns) {
	case CONF_DNS_LOCAL:
		return TUNNEL_DNS_LOCAL;
	case CONF_DNS_TUNNEL:
		return TUNNEL_DNS_TUNNEL;
	case CONF_DNS_FAKE:
		return TUNNEL_DNS_FAKE;
	}
	__builtin_trap();
}

static enum tunnel_udp
udp_of(enum conf_tunnel_udp udp)
{
	switch (udp) {
	case CONF_UDP_TUNNEL:
		return TUNNEL_UDP_TUNNEL;
	case CONF_UDP_REJECT:
		return TUNNEL_UDP_REJECT;
	case CONF_UDP_DROP:
		return TUNNEL_UDP_DROP;
	}
	__builtin_trap();
}

/* "localhost" is this host whoever is asked (RFC 6761 section 6.3). */
static bool
is_here(const struct tunnel *tunnel)
{
	return tunnel->path[0] != '\0' || addr_is_loopback(&tunnel->addr) ||
	       strcasecmp(tunnel->host, "localhost") == 0;
}

static void
read_tunnel(struct tunnel *to, const struct conf_tunnel *from)
{
	copy(to->name, sizeof(to->name), from->name, strlen(from->name));
	read_url(to, from->upstream.s);
	if (from->user.s[0] != '\0')
		copy(to->user, sizeof(to->user), from->user.s,
		    strlen(from->user.s));
	if (from->password.s[0] != '\0')
		copy(to->password, sizeof(to->password), from->password.s,
		    strlen(from->password.s));
	read_own(to, from);
	to->dns = dns_of(from->dns);
	to->udp = udp_of(from->udp);
	to->long_header = from->proxy_header == CONF_HEADER_FULL;
	/* nothing answers PROXY: there is no truth to wait for */
	to->honest = from->honest_connect != 0 && to->kind != TUNNEL_PROXY2;
	to->tell_process = to->kind == TUNNEL_PROXY2 && is_here(to);
}

static void
read_members(
    struct tunnel_set *set, struct tunnel *to, const struct conf_tunnel *from)
{
	for (size_t i = 0; i < from->failover.n; i++) {
		const char *name = from->failover.v[i].s;
		const struct tunnel *member = tunnel_set_find(set, name);

		if (member != NULL && to->n_members < TUNNEL_MEMBERS_MAX)
			to->members[to->n_members++] =
			    (size_t)(member - set->v);
		else if (strcmp(name, "reject") == 0)
			to->ends_reject = true;
	}
}

struct tunnel_set *
tunnel_set_new(const struct conf *conf)
{
	struct tunnel_set *set =
	    calloc(1, sizeof(*set) + conf->n_tunnels * sizeof(set->v[0]));

	if (set == NULL)
		return NULL;
	set->refs = 1;
	set->n = conf->n_tunnels;
	for (size_t i = 0; i < set->n; i++)
		read_tunnel(&set->v[i], &conf->tunnels[i]);
	for (size_t i = 0; i < set->n; i++)
		read_members(set, &set->v[i], &conf->tunnels[i]);
	return set;
}

struct tunnel_set *
tunnel_set_ref(struct tunnel_set *set)
{
	set->refs++;
	return set;
}

void
tunnel_set_unref(struct tunnel_set *set)
{
	if (set == NULL || --set->refs > 0)
		return;
	explicit_bzero(set->v, set->n * sizeof(set->v[0])); /* passwords */
	free(set);
}

const struct tunnel *
tunnel_set_find(const struct tunnel_set *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->v[i].name, name) == 0)
			return &set->v[i];
	return NULL;
}

size_t
tunnel_set_members(const struct tunnel_set *set, const struct tunnel *tunnel,
    const struct tunnel *ret[TUNNEL_MEMBERS_MAX])
{
	if (tunnel->kind != TUNNEL_LIST) {
		ret[0] = tunnel;
		return 1;
	}
	for (size_t i = 0; i < tunnel->n_members; i++)
		ret[i] = &set->v[tunnel->members[i]];
	return tunnel->n_members;
}

/* Whether one of them is called so, and leads there. */
static bool
has_alike(const struct tunnel *const *members, size_t n,
    const struct tunnel *via, bool udp)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(members[i]->name, via->name) == 0)
			return tunnel_leads_alike(members[i], via) &&
			       (!udp || tunnel_carries_udp(members[i]));
	return false;
}

bool
tunnel_set_keeps(const struct tunnel_set *set, const struct tunnel_use *use)
{
	const struct tunnel *is = tunnel_set_find(set, use->tunnel->name);
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	const struct tunnel *were[TUNNEL_MEMBERS_MAX];
	size_t n, n_were;

	if (is == NULL || (use->udp && !tunnel_carries_udp(is)))
		return false;
	n = tunnel_set_members(set, is, members);
	if (use->via != NULL)
		return has_alike(members, n, use->via, use->udp);
	n_were = tunnel_set_members(use->set, use->tunnel, were);
	for (size_t i = 0; i < n_were; i++)
		if (!has_alike(members, n, were[i], false))
			return false;
	return true;
}
