#include "dns/resolve_own.h"

#include "dns/local.h"
#include "dns/special.h"
#include "src/core/fakeip.h"

/* Of names that we answer ourselves. */
#define LOCAL_TTL 60

/* Names that a hosts file has, both directions. */
static bool
find_hosts(struct resolve *r, const struct key *key, struct answer *ret)
{
	struct addr addrs[HOSTS_MAX], addr;
	struct name names[HOSTS_MAX];
	size_t n;

	if (r->hosts == NULL)
		return false;
	switch (key->type) {
	case TYPE_PTR:
		n = special_reverse(&key->name, &addr)
			? hosts_names(r->hosts, &addr, names)
			: 0;
		if (n > 0)
			local_names(ret, &r->space, key, names, n, LOCAL_TTL);
		return n > 0;
	case TYPE_A:
	case TYPE_AAAA:
	case TYPE_ANY:
	case TYPE_HTTPS:
	case TYPE_SVCB:
		n = hosts_addresses(r->hosts, &key->name, addrs);
		if (n > 0)
			local_addresses(
			    ret, &r->space, key, addrs, n, LOCAL_TTL);
		return n > 0;
	default:
		return false;
	}
}

static bool
is_in_hosts(const struct resolve *r, const struct name *name)
{
	struct addr addrs[HOSTS_MAX];

	return r->hosts != NULL && hosts_addresses(r->hosts, name, addrs) > 0;
}

static void
answer_localhost(struct resolve *r, const struct key *key, struct answer *ret)
{
	static const uint8_t four[4] = { 127, 0, 0, 1 }, six[16] = { [15] = 1 };
	struct addr addrs[2] = { addr_ip4(four), addr_ip6(six) };

	local_addresses(ret, &r->space, key, addrs, 2, LOCAL_TTL);
}

/* Single labels are for the client's search list, not for the world (RFC 8499
 * knows no such hosts); the types that speak of top-level domains pass. */
static bool
is_single(const struct key *key)
{
	return name_n_labels(&key->name) == 1 &&
	       (key->type == TYPE_A || key->type == TYPE_AAAA ||
		   key->type == TYPE_ANY || key->type == TYPE_HTTPS ||
		   key->type == TYPE_SVCB || key->type == TYPE_MX);
}

/* Of the far side's network, not of this one: names of one label, private ones,
 * and the reverse zones of private addresses. */
static bool
is_far(const struct resolve *r, const struct key *key, enum special is)
{
	struct name arpa = name_of("arpa"), internal = name_of("internal");

	return resolve_is_tunnelled(r, key->group) &&
	       (is == SPECIAL_NXDOMAIN || is == SPECIAL_NODATA ||
		   is == SPECIAL_ZONE) &&
	       (is_single(key) || name_in(&key->name, &arpa) ||
		   name_in(&key->name, &internal));
}

/* Whether the settings say whom to ask for names like this one. */
static bool
is_forwarded(const struct resolve *r, const struct key *key)
{
	return key->group != 0 && !resolve_is_tunnelled(r, key->group);
}

/* Of 18.198.in-addr.arpa and the next. */
#define STAND_IN_LABELS 4

/* An address of them, or all of their IPv4 range: nothing of it is anybody's
 * to tell of. The other is private, and has no servers anyhow. */
static bool
in_stand_ins(const struct name *name, bool whole, const struct addr *addr)
{
	struct name low = name_of("18.198.in-addr.arpa");
	struct name high = name_of("19.198.in-addr.arpa");

	return (whole && fakeip_is(addr)) || name_in(name, &low) ||
	       name_in(name, &high);
}

bool
own_find_stand_in(
    struct resolve *r, const struct key *key, mono_t now, struct answer *ret)
{
	struct addr addr = { .family = ADDR_NONE };
	const struct name *name = NULL;
	struct name arpa = name_of("arpa");
	bool whole;

	if (r->ops.stands_for == NULL || key->class != CLASS_IN ||
	    !name_in(&key->name, &arpa) || is_forwarded(r, key))
		return false;
	whole = special_reverse(&key->name, &addr);
	if (!in_stand_ins(&key->name, whole, &addr) ||
	    !r->ops.stands_for(r->ops.arg, &addr, now, &name))
		return false;
	if (name != NULL)
		local_names(ret, &r->space, key, name, 1, FAKEIP_TTL);
	else if (name_n_labels(&key->name) == STAND_IN_LABELS)
		local_zone(ret, &r->space, key, FAKEIP_TTL);
	else /* above an address there may be some (RFC 8020) */
		local_negative(ret, &r->space, key,
		    whole ? RCODE_NXDOMAIN : RCODE_NOERROR, FAKEIP_TTL);
	ret->ede = EDE_SYNTHESIZED;
	ret->ede_text = "addresses that stand for names of tunnels";
	return true;
}

static bool
is_own_host(const struct resolve *r, const struct name *name)
{
	return r->conf.host.len > 0 && name_equal(name, &r->conf.host);
}

/* Browsers ask for it whether they may go past us. */
static bool
is_canary(const struct resolve *r, const struct name *name)
{
	struct name canary = name_of("use-application-dns.net");

	return r->conf.capture && name_in(name, &canary);
}

/* Names that are nobody's to ask about, unless the settings say whom. */
static bool
find(struct resolve *r, const struct key *key, struct answer *ret)
{
	struct name host = name_of("localhost");
	enum special is;

	if (key->class != CLASS_IN || is_forwarded(r, key))
		return false;
	if (is_own_host(r, &key->name)) {
		answer_localhost(r, key, ret);
		return true;
	}
	is = special_find(&key->name);
	if (is_canary(r, &key->name))
		is = SPECIAL_NXDOMAIN;
	if (is == SPECIAL_NONE && is_single(key))
		is = SPECIAL_NXDOMAIN;
	if (is_far(r, key, is))
		return false;
	/* there is such a name, if nothing of that type */
	if (is == SPECIAL_NXDOMAIN && is_in_hosts(r, &key->name))
		is = SPECIAL_NODATA;
	switch (is) {
	case SPECIAL_NONE:
		return false;
	case SPECIAL_LOCALHOST:
		answer_localhost(r, key, ret);
		return true;
	case SPECIAL_LOOPBACK:
		local_names(ret, &r->space, key, &host, 1, LOCAL_TTL);
		return true;
	case SPECIAL_NXDOMAIN:
		local_negative(ret, &r->space, key, RCODE_NXDOMAIN, LOCAL_TTL);
		break;
	case SPECIAL_NODATA:
		local_negative(ret, &r->space, key, RCODE_NOERROR, LOCAL_TTL);
		break;
	case SPECIAL_ZONE:
		local_zone(ret, &r->space, key, LOCAL_TTL);
		break;
	}
	ret->ede = EDE_SYNTHESIZED;
	ret->ede_text = "a name that is not asked for upstream";
	return true;
}

/* Whatever a hosts file lacks of it (RFC 6761 section 6.3). */
static bool
is_localhost(const struct resolve *r, const struct key *key)
{
	return !is_forwarded(r, key) &&
	       special_find(&key->name) == SPECIAL_LOCALHOST;
}

enum record_from
own_answer(struct resolve *r, const struct key *key, struct answer *ret)
{
	if (!is_localhost(r, key) && find_hosts(r, key, ret))
		return FROM_HOSTS;
	return find(r, key, ret) ? FROM_LOCAL : FROM_NONE;
}

enum record_from
own_here(struct resolve *r, const struct key *key, struct answer *ret)
{
	enum special is = special_find(&key->name);

	if (is != SPECIAL_LOCALHOST && is != SPECIAL_LOOPBACK &&
	    !is_own_host(r, &key->name) && !is_canary(r, &key->name))
		return FROM_NONE;
	return own_answer(r, key, ret);
}

enum record_from
resolve_own(
    struct resolve *r, const struct name *name, uint16_t qtype, mono_t now)
{
	struct key key = { .name = *name,
		.type = qtype,
		.class = CLASS_IN,
		.group = resolve_group_of(r, name) };
	struct answer answer;

	return own_find_stand_in(r, &key, now, &answer)
		   ? FROM_LOCAL
		   : own_answer(r, &key, &answer);
}
