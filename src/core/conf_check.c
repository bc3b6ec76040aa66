#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/arena.h"
#include "src/core/endpoint.h"
#include "src/core/mark.h"
#include "src/core/schema.h"
#include "src/core/text.h"

/* Settings as a whole: made, shared, and what no single line of them shows. */

/* Sets the rows of one section to their defaults. */
static int
set_defaults(struct conf *conf, const char *section, void *base)
{
	struct conf_slot slot = { .conf = conf, .base = base };
	struct conf_bad bad;

	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *row = &conf_rows[i];
		int r;

		if (strcmp(row->section, section) != 0)
			continue;
		r = conf_row_set(
		    &slot, row, row->dflt, strlen(row->dflt), &bad);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			abort(); /* a row that refuses its own default */
	}
	return 0;
}

struct conf *
conf_new(void)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	int r = 0;

	if (conf == NULL)
		return NULL;
	conf->refs = 1;
	conf->arena = arena_new();
	if (conf->arena == NULL)
		r = -ENOMEM;
	for (size_t i = 0; i < conf_n_sections && r == 0; i++)
		if (conf_sections[i].item_size == 0)
			r = set_defaults(conf, conf_sections[i].name, conf);
	if (r < 0) {
		conf_unref(conf);
		return NULL;
	}
	return conf;
}

const struct conf *
conf_ref(const struct conf *conf)
{
	((struct conf *)conf)->refs++; /* the count is no setting */
	return conf;
}

void
conf_unref(const struct conf *conf)
{
	struct conf *mine = (struct conf *)conf; /* as above */

	if (mine == NULL || --mine->refs > 0)
		return;
	arena_free(mine->arena);
	free(mine);
}

int
conf_item_new(struct conf *conf, const struct conf_section *section,
    const char *label, struct conf_place place)
{
	size_t n = conf_n_items(conf, section), size = section->item_size;
	char *items;
	struct conf_item item = { arena_strdup(conf->arena, label), place, 0,
		0 };

	/* the old array stays in the arena: there are few */
	items = arena_alloc(conf->arena, n + 1, size);
	if (items == NULL || item.name == NULL)
		return -ENOMEM;
	if (n > 0)
		memcpy(items, conf_item(conf, section, 0), n * size);
	memcpy(items + n * size, &item, sizeof(item));
	if (set_defaults(conf, section->name, items + n * size) < 0)
		return -ENOMEM;
	memcpy((char *)conf + section->items, &items, sizeof(items));
	n++;
	memcpy((char *)conf + section->n_items, &n, sizeof(n));
	return 0;
}

const struct conf_list *
conf_list_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_lists; i++)
		if (strcmp(conf->lists[i].name, name) == 0)
			return &conf->lists[i];
	return NULL;
}

const struct conf_tunnel *
conf_tunnel_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_tunnels; i++)
		if (strcmp(conf->tunnels[i].name, name) == 0)
			return &conf->tunnels[i];
	return NULL;
}

/* Checks ------------------------------------------------------------------- */

struct check {
	const struct conf *conf;
	const struct source *sources;
	struct faults *faults;
};

static void
fault(const struct check *c, const struct conf_place *at, const char *what,
    const char *expected)
{
	faults_add(c->faults, &c->sources[at->source], at->off, at->len,
	    &(struct fault_text){ what, expected, NULL });
}

static bool
is_set(const struct conf_text *text)
{
	return text->s[0] != '\0';
}

/* Whether the key was given, but no good: that has been said. */
static bool
is_bad(uint64_t bad, const char *section, const char *key)
{
	return (bad & conf_key_bit(section, key)) != 0;
}

/* Those past it would not be heeded. */
static void
check_count(const struct check *c, const struct conf_texts *texts, size_t max,
    const char *what)
{
	if (texts->n > max)
		fault(c, &texts->v[max].place, what, NULL);
}

static void
fault_no_tunnel(
    const struct check *c, const struct conf_text *text, const char *expected)
{
	const char *names[64] = { NULL };
	char what[WORD_QUOTE_SIZE + 32], word[WORD_QUOTE_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < c->conf->n_tunnels && n < 64; i++)
		names[n++] = c->conf->tunnels[i].name;
	(void)snprintf(what, sizeof(what), "no tunnel %s",
	    word_quote(text->s, strlen(text->s), word)); /* fits */
	faults_add(c->faults, &c->sources[text->place.source], text->place.off,
	    text->place.len,
	    &(struct fault_text){ what, expected,
		word_nearest(text->s, strlen(text->s), names, n) });
}

static void
check_failover(const struct check *c, const struct conf_tunnel *tunnel)
{
	size_t rejects = 0;

	if (tunnel->failover.n > 0)
		rejects = strcmp(tunnel->failover.v[tunnel->failover.n - 1].s,
			      "reject") == 0;
	check_count(c, &tunnel->failover, CONF_FAILOVER_MAX + rejects,
	    "more than 16 tunnels");
	for (size_t i = 0; i < tunnel->failover.n; i++) {
		const struct conf_text *text = &tunnel->failover.v[i];
		const struct conf_tunnel *to =
		    conf_tunnel_find(c->conf, text->s);

		if (strcmp(text->s, "reject") == 0) {
			if (i + 1 < tunnel->failover.n)
				fault(c, &text->place,
				    "nothing is tried after reject",
				    "reject as the last one");
			continue;
		}
		if (to == NULL) {
			fault_no_tunnel(c, text,
			    "the name of a [tunnel] section, or reject");
		} else if (to->failover.n > 0) {
			fault(c, &text->place,
			    "a tunnel that is itself a failover",
			    "tunnels with an upstream");
		}
	}
}

static bool
is_all_tls(const struct conf_texts *upstreams)
{
	for (size_t i = 0; i < upstreams->n; i++)
		if (strncmp(upstreams->v[i].s, "tls", 3) != 0)
			return false;
	return true;
}

static void
check_dns(const struct check *c, const struct conf_tunnel *tunnel)
{
	if (tunnel->dns != CONF_DNS_TUNNEL) {
		if (tunnel->dns_server.n > 0)
			fault(c, &tunnel->dns_server.v[0].place,
			    "this is for dns = tunnel only", NULL);
	} else if (tunnel->dns_server.n == 0 &&
		   !is_bad(tunnel->bad, "tunnel", "dns-server") &&
		   is_all_tls(&c->conf->resolver.upstreams)) {
		fault(c, &tunnel->place,
		    "dns = tunnel without a server to ask: those of [resolver] "
		    "want TLS",
		    "dns-server = ADDRESS");
	}
}

/* It would end there (RFC 7617 section 2). */
static void
check_user(const struct check *c, const struct conf_tunnel *tunnel,
    const struct endpoint *e)
{
	const struct conf_text *at =
	    is_set(&tunnel->user) ? &tunnel->user : &tunnel->upstream;
	char decoded[256];
	const char *user = at->s;

	if (!endpoint_is(e, "http") && !endpoint_is(e, "https"))
		return;
	if (!is_set(&tunnel->user))
		user = endpoint_decode(&e->user, decoded, sizeof(decoded)) >= 0
			   ? decoded
			   : "";
	if (strchr(user, ':') != NULL)
		fault(c, &at->place, "a user of an HTTP proxy has no colon",
		    NULL);
}

/* Whether it is known where connections go; what is no good has been said. */
static bool
check_way(const struct check *c, const struct conf_tunnel *tunnel)
{
	bool upstream = is_set(&tunnel->upstream);
	bool failover = tunnel->failover.n > 0;

	if (is_bad(tunnel->bad, "tunnel", "upstream") ||
	    is_bad(tunnel->bad, "tunnel", "failover"))
		return false;
	if (upstream == failover)
		fault(c, &tunnel->place,
		    failover ? "a tunnel with upstream and failover"
			     : "a tunnel without upstream",
		    !failover && tunnel->device.s[0] != '\0'
			? "upstream = direct, for one that has a device"
			: "either upstream or failover");
	return upstream || failover;
}

/* What the one kind of upstream takes, and others do not. */
static void
check_only(const struct check *c, const struct conf_text *text, bool good,
    const char *what)
{
	if (is_set(text) && !good)
		fault(c, &text->place, what, NULL);
}

/* Each link has such addresses of its own: alone it leads nowhere. */
static void
check_device(const struct check *c, const struct conf_text *text,
    const struct endpoint *to)
{
	if (to->addr.family == ADDR_IP6 && addr_is_link_local(&to->addr) &&
	    to->zone.len == 0)
		fault(c, &text->place,
		    "a link-local address without its device",
		    "such as [fe80::1%eth0]");
}

/* Nobody would be told it. */
static void
check_password(const struct check *c, const struct conf_tunnel *tunnel,
    const struct endpoint *e)
{
	if (is_set(&tunnel->password) && !is_set(&tunnel->user) &&
	    !is_bad(tunnel->bad, "tunnel", "user") && e->user.s == NULL)
		fault(c, &tunnel->password.place, "a password without a user",
		    "a user, too");
}

/* What comes there is to go through tunnels, and no proxy answers. */
static bool
is_entry(const struct endpoint *e)
{
	struct addr ip4, ip6;

	(void)addr_parse(&ip4, PORT17_IP4, strlen(PORT17_IP4));
	(void)addr_parse(&ip6, PORT17_IP6, strlen(PORT17_IP6));
	return e->port == PORT17_PORT &&
	       (addr_equal(&e->addr, &ip4) || addr_equal(&e->addr, &ip6));
}

static void
check_upstream(const struct check *c, const struct conf_tunnel *tunnel)
{
	static const char https[] = "this is for an https upstream only";
	struct endpoint e;

	if (!is_set(&tunnel->upstream) ||
	    strcmp(tunnel->upstream.s, "direct") == 0 ||
	    endpoint_parse(&e, tunnel->upstream.s, strlen(tunnel->upstream.s)) <
		0)
		return;
	if (e.path.s == NULL && e.port == 0)
		fault(c, &tunnel->upstream.place, "an upstream without a port",
		    "HOST:PORT");
	if (is_entry(&e))
		fault(c, &tunnel->upstream.place,
		    "the daemon itself is there, and carries nothing",
		    "another port");
	check_device(c, &tunnel->upstream, &e);
	check_user(c, tunnel, &e);
	check_password(c, tunnel, &e);
	check_only(c, &tunnel->ca, endpoint_is(&e, "https"), https);
	check_only(c, &tunnel->pin, endpoint_is(&e, "https"), https);
}

static void
check_tunnel(const struct check *c, const struct conf_tunnel *tunnel)
{
	static const char direct[] = "this is for upstream = direct only";
	bool known = check_way(c, tunnel);
	bool good = !known || strcmp(tunnel->upstream.s, "direct") == 0;

	check_failover(c, tunnel);
	check_dns(c, tunnel);
	if (tunnel->fwmark >= MARK_FIRST && tunnel->fwmark <= MARK_LAST)
		fault(c, &tunnel->place, "a tunnel with a fwmark of ours",
		    "another fwmark than 1700 to 1799");
	check_only(c, &tunnel->device, good, direct);
	check_only(c, &tunnel->source, good, direct);
	check_only(c, &tunnel->netns, good, direct);
	check_upstream(c, tunnel);
}

/* Port 53 where none is given. */
static bool
read_place(struct endpoint *ret, const struct conf_text *text)
{
	if (endpoint_parse(ret, text->s, strlen(text->s)) < 0)
		return false; /* system */
	if (ret->port == 0)
		ret->port = 53;
	return true;
}

static bool
is_same_place(const struct endpoint *to, const struct endpoint *listen)
{
	return to->port == listen->port &&
	       (addr_equal(&to->addr, &listen->addr) ||
		   (addr_is_any(&listen->addr) && addr_is_loopback(&to->addr)));
}

/* A server that is asked is not to be the daemon itself. */
static void
check_upstreams(const struct check *c, const struct conf_texts *upstreams)
{
	const struct conf_texts *listen = &c->conf->resolver.listen;
	struct endpoint to, at;

	check_count(c, upstreams, CONF_UPSTREAMS_MAX, "more than 8 servers");
	for (size_t i = 0; i < upstreams->n; i++) {
		if (!read_place(&to, &upstreams->v[i]))
			continue;
		check_device(c, &upstreams->v[i], &to);
		if (endpoint_is(&to, "tls") ||
		    endpoint_is(&to, "tls-opportunistic"))
			continue;
		for (size_t j = 0; j < listen->n; j++)
			if (read_place(&at, &listen->v[j]) &&
			    is_same_place(&to, &at))
				fault(c, &upstreams->v[i].place,
				    "the daemon itself answers there",
				    "another server than those of listen");
	}
}

/* A word stands for all; and those past the last would not be heeded. */
static void
check_block_answer(const struct check *c)
{
	const struct conf_texts *answer = &c->conf->resolver.block_answer;
	struct addr addr;

	for (size_t i = 0; i < answer->n && answer->n > 1; i++) {
		const struct conf_text *text = &answer->v[i];
		bool word = addr_parse(&addr, text->s, strlen(text->s)) < 0;

		if (!word && i < CONF_BLOCK_ADDRS_MAX)
			continue;
		fault(c, &text->place,
		    word ? "a word that is not alone" : "more than 8 addresses",
		    "one word, or addresses");
		return;
	}
}

/* Where one past these is left out, names are asked of others. */
static void
check_numbers(const struct check *c)
{
	const struct conf *conf = c->conf;
	size_t n = 0;

	check_count(c, &conf->resolver.listen, CONF_LISTENS_MAX,
	    "more than 16 addresses");
	for (size_t i = 0; i < conf->n_tunnels; i++)
		check_count(c, &conf->tunnels[i].dns_server, CONF_UPSTREAMS_MAX,
		    "more than 8 servers");
	if (conf->n_forwards > CONF_FORWARDS_MAX)
		fault(c, &conf->forwards[CONF_FORWARDS_MAX].place,
		    "more than 200 forwards", NULL);
	for (size_t i = 0; i < conf->n_tunnels; i++)
		if (conf->tunnels[i].dns == CONF_DNS_TUNNEL &&
		    n++ == CONF_FAR_DNS_MAX)
			fault(c, &conf->tunnels[i].place,
			    "more than 54 tunnels with dns = tunnel", NULL);
}

static void
check_forward(const struct check *c, const struct conf_forward *forward)
{
	const struct conf_texts *upstreams = &forward->upstreams;
	bool via = forward->via.s[0] != '\0';

	check_upstreams(c, upstreams);
	if (upstreams->n == 0 && !is_bad(forward->bad, "forward", "upstream"))
		fault(c, &forward->place, "a forward without upstream",
		    "upstream = ADDRESS");
	if (via && conf_tunnel_find(c->conf, forward->via.s) == NULL)
		fault_no_tunnel(
		    c, &forward->via, "the name of a [tunnel] section");
	for (size_t i = 0; via && i < upstreams->n; i++)
		if (strncmp(upstreams->v[i].s, "tls", 3) == 0)
			fault(c, &upstreams->v[i].place, "TLS within a tunnel",
			    "an address");
}

int
conf_check(const struct conf *conf, const struct source *sources,
    struct faults *faults)
{
	struct check c = { conf, sources, faults };
	size_t before = faults_count(faults);

	for (size_t i = 0; i < conf->n_tunnels; i++)
		check_tunnel(&c, &conf->tunnels[i]);
	for (size_t i = 0; i < conf->n_lists; i++)
		if (conf->lists[i].sources.n == 0 &&
		    !is_bad(conf->lists[i].bad, "list", "source"))
			fault(&c, &conf->lists[i].place,
			    "a list without source", "source = PATH");
	check_upstreams(&c, &conf->resolver.upstreams);
	check_block_answer(&c);
	for (size_t i = 0; i < conf->n_forwards; i++)
		check_forward(&c, &conf->forwards[i]);
	check_numbers(&c);
	return faults_count(faults) > before ? -EINVAL : 0;
}
