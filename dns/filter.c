#include "dns/filter.h"

#include <string.h>

#include "dns/addresses.h"
#include "dns/local.h"
#include "src/core/lists.h"

/* Where an answer leads: an address, and whether it is this host's. */
struct place {
	struct addr addr; /* ADDR_NONE: not known */
	bool here;
	const struct name *owner; /* whose address it is; NULL: not known */
};

static const struct subject_here unknown_here = { NULL, 0 };
static const struct place nowhere = { .addr = { .family = ADDR_NONE } };

/* A service is judged by its host, too: who asks for _8443._https.example.com
 * is about to connect to example.com. */
static struct decision
ask_how(const struct policy *policy, const struct asker *asker,
    const struct key *key, const struct place *place, bool tcp_only)
{
	const struct name *names[3] = { &key->name };
	struct subject subject = {
		.query = true,
		.qtype = key->type,
		.tcp_only = tcp_only,
		.n_names = 1,
		.names = names,
		.src = asker->host, /* of a program here it is not known yet */
		.here = asker->here != NULL ? *asker->here : unknown_here,
		.dst = place->addr,
		.loopback = place->here,
		.process = asker->process,
	};
	struct name host;

	if (asker->process
		->self) /* what tunnels need must not go through them */
		return (struct decision){ .action = ACTION_ACCEPT,
			.reason = REASON_SELF };
	if (addresses_is_service(key->type)) {
		addresses_host(&host, &key->name);
		names[1] = &host;
		if (host.len < key->name.len && !name_is_root(&host))
			subject.n_names = 2;
	}
	/* a connection goes by that name, too: see learn.h */
	if (place->owner != NULL && !name_equal(place->owner, &key->name))
		names[subject.n_names++] = place->owner;
	return policy_decide(policy, &subject);
}

static struct decision
ask(const struct policy *policy, const struct asker *asker,
    const struct key *key, const struct place *place)
{
	return ask_how(policy, asker, key, place, false);
}

static bool
denies(const struct decision *d)
{
	return d->action == ACTION_BLOCK || d->action == ACTION_DROP;
}

bool
filter_wants_tcp(const struct policy *policy, const struct asker *asker,
    const struct key *key)
{
	struct decision d;

	if (!policy_wants_tcp(policy, &key->name))
		return false; /* as a rule */
	d = ask_how(policy, asker, key, &nowhere, true);
	return denies(&d) &&
	       list_wants_tcp(policy_list_index(policy, d.list), &key->name);
}

/* By a rule; the default has spoken with the name. */
static bool
is_denied(const struct decision *d)
{
	return d->rule != 0 && denies(d);
}

static bool
is_before(const struct decision *d, const struct decision *than)
{
	return than->rule == 0 || d->rule < than->rule;
}

/* Where a record of some type is to be had through a tunnel, nobody else is
 * asked for all of them. */
struct decision
filter_query(const struct policy *policy, const struct asker *asker,
    const struct key *key)
{
	struct decision d = ask(policy, asker, key, &nowhere), typed;
	struct key own;

	if (key->type != TYPE_ANY || denies(&d))
		return d;
	key_copy(&own, key);
	for (size_t i = 0; policy_rerouted_type(policy, i, &own.type); i++) {
		typed = ask(policy, asker, &own, &nowhere);
		if (typed.action == ACTION_REROUTE && is_before(&typed, &d))
			d = typed;
	}
	return d;
}

/* ANY is asked for records of all types: what a rule would not have answered by
 * its own type does not come so. A rule that stands before it and takes ANY
 * does. */
static struct decision
ask_record(const struct policy *policy, const struct asker *asker,
    const struct key *key, unsigned int type, const struct place *place)
{
	struct decision d = ask(policy, asker, key, place), typed;
	struct key own;

	if (key->type != TYPE_ANY || is_denied(&d))
		return d;
	key_copy(&own, key);
	own.type = (uint16_t)type;
	typed = ask(policy, asker, &own, place);
	return is_denied(&typed) && is_before(&typed, &d) ? typed : d;
}

static struct decision
ask_name(const struct policy *policy, const struct asker *asker,
    const struct key *key, unsigned int type, const struct name *name)
{
	struct key about = { .type = key->type };

	about.name.len = name->len;
	memcpy(about.name.wire, name->wire, name->len);
	return ask_record(policy, asker, &about, type, &nowhere);
}

static unsigned int
record_type(const struct answer *answer, unsigned int i)
{
	return wire_u16(answer->wire + answer->ttls[i] - 4);
}

/* Whether record i is an alias, not asked for as such, and so one that is
 * followed. */
static bool
is_followed(const struct key *key, const struct answer *answer, unsigned int i)
{
	return key->type != TYPE_CNAME && key->type != TYPE_ANY &&
	       record_type(answer, i) == TYPE_CNAME;
}

static bool
judges_addresses(const struct policy *policy, struct asker *asker)
{
	uint64_t generation = policy_generation(policy);

	if (asker->by_addr_policy != generation) {
		asker->by_addr_policy = generation;
		asker->by_addr =
		    policy_judges_addresses(policy, asker->process);
	}
	return asker->by_addr;
}

static struct place
place_of(const struct filter_answered *a, const struct addr *addr,
    const struct name *owner)
{
	/* it leads there */
	struct place place = { .addr = addr_unmap(addr), .owner = owner };

	place.here = a->is_here != NULL && a->is_here(a->arg, &place.addr);
	return place;
}

static enum filter_found
judge_record(
    const struct policy *policy, struct asker *asker, struct filter_answered *a)
{
	unsigned int type = record_type(a->answer, a->record);
	struct decision *d = &a->decision;
	struct addresses addresses;
	struct name target, owner;
	struct addr addr;

	*d = (struct decision){ .rule = 0 };
	a->target = false;
	if (a->key->type == TYPE_ANY)
		*d = ask_record(policy, asker, a->key, type, &nowhere);
	if (!is_denied(d) && addresses_target(&target, a->answer, a->record)) {
		*d = ask_name(policy, asker, a->key, type, &target);
		a->target = is_denied(d);
	}
	if (d->rule != 0 && d->action == ACTION_REROUTE &&
	    is_followed(a->key, a->answer, a->record))
		return FILTER_AWAY;
	if (is_denied(d))
		return FILTER_DENIED;
	if (!judges_addresses(policy, asker))
		return FILTER_PASSES;
	addresses_of(&addresses, a->answer, a->record);
	if (!addresses_owner(&owner, a->answer, &a->key->name, a->record))
		return FILTER_PASSES; /* nobody else can read it either */
	while (!is_denied(d) && addresses_next(&addresses, &addr)) {
		struct place place = place_of(a, &addr, &owner);

		*d = ask_record(policy, asker, a->key, type, &place);
	}
	if (!is_denied(d))
		return FILTER_PASSES;
	a->addr = addr;
	return FILTER_DENIED;
}

enum filter_found
filter_answer(const struct policy *policy, struct asker *asker,
    struct filter_answered *answered)
{
	for (; answered->record < answered->answer->n_answer;
	     answered->record++) {
		enum filter_found found = judge_record(policy, asker, answered);

		if (found != FILTER_PASSES)
			return found;
	}
	return FILTER_PASSES;
}

bool
filter_is_for_type(const struct policy *policy, const struct asker *asker,
    const struct key *key)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	struct decision d;
	struct key other;

	key_copy(&other, key);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (key->type == types[i])
			continue;
		other.type = types[i];
		d = ask(policy, asker, &other, &nowhere);
		if (!denies(&d))
			return true;
	}
	return false;
}

void
filter_blocked(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct filter_answer *how, const char *text)
{
	static const struct addr null[] = {
		{ .family = ADDR_IP4 },
		{ .family = ADDR_IP6 },
	};

	switch (how->block) {
	case FILTER_NULL:
		local_addresses(ret, space, key, null, 2, FILTER_TTL);
		break;
	case FILTER_NXDOMAIN:
		local_negative(ret, space, key, RCODE_NXDOMAIN, FILTER_TTL);
		break;
	case FILTER_REFUSED:
		local_error(ret, space, key, RCODE_REFUSED);
		break;
	case FILTER_NODATA:
		local_negative(ret, space, key, RCODE_NOERROR, FILTER_TTL);
		break;
	case FILTER_ADDRESSES:
		local_addresses(
		    ret, space, key, how->addrs, how->n_addrs, FILTER_TTL);
		break;
	}
	ret->ede = EDE_BLOCKED;
	ret->ede_text = text;
}
