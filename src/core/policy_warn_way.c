#include <netinet/in.h>
#include <stdio.h>

#include "src/core/policy_own.h"
#include "src/core/policy_warn_own.h"
#include "src/core/policy_within.h"

#define DNS_PORT 53

/* Whether names are asked for by this rule, and its tunnel is one of those: not
 * where it is for some addresses, which have to be known before. */
static bool
asks_for_names(const struct policy_entry *entry, const bool *of_tunnels)
{
	const struct policy_match *to = policy_warn_match(entry, FIELD_TO);

	return entry->action == ACTION_REROUTE &&
	       (entry->direction & RULE_OUT) != 0 && entry->tunnel > 0 &&
	       of_tunnels != NULL && of_tunnels[entry->tunnel - 1] &&
	       (to == NULL || to->negated || !to->narrow);
}

/* Queries of this rule are to be asked for through its tunnel alone. */
static bool
asks_far(const struct policy_entry *entry, const struct policy_world *world)
{
	return asks_for_names(entry, world->far_names);
}

static bool
has_names(const struct policy_entry *entry)
{
	const struct policy_match *m = policy_warn_match(entry, FIELD_DOMAIN);

	return m != NULL && !m->negated;
}

/* Whether it is for some connections only, but has each query asked for here:
 * where the name leads, and by which protocol, is not known before. */
static bool
asks_here(const struct policy_entry *entry, const struct policy_world *world)
{
	const unsigned int narrower =
	    1u << FIELD_DOMAIN | 1u << FIELD_LIST | 1u << FIELD_QTYPE;
	const struct policy_match *to = policy_warn_match(entry, FIELD_TO);

	if ((entry->direction & RULE_OUT) == 0 ||
	    (policy_warn_fields(entry) & narrower) != 0)
		return false;
	if (entry->action == ACTION_REROUTE)
		return to != NULL &&
		       ((to->narrow && !to->negated) ||
			   (to->ports.n > 0 && entry->tunnel > 0 &&
			       !world->far_names[entry->tunnel - 1]));
	return entry->action == ACTION_ACCEPT &&
	       (policy_warn_match(entry, FIELD_PROTO) != NULL ||
		   (to != NULL &&
		       (to->ports.n > 0 ||
			   (!to->all_addrs &&
			       (to->addrs.scopes & SCOPE_ANY) == 0))));
}

/* Whether it asks here for some of whom `later` is about: for all of them,
 * where that one is not about names. Else it may well be meant, of a program
 * that goes out itself. */
static bool
is_before(const struct policy_entry *first, const struct policy_entry *later)
{
	if (policy_warn_programs_within(later, first))
		return true;
	return has_names(later) && (!policy_warn_has_program(first) ||
				       !policy_warn_has_program(later));
}

static void
warn_leak(const struct policy *policy, const struct rules *rules, size_t n,
    const struct policy_world *world, struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n];
	char what[512];

	if (!asks_far(entry, world))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct policy_rule *first = &policy->rules[i];

		if (!asks_here(&policy->entries[i], world) ||
		    !is_before(&policy->entries[i], entry))
			continue;
		(void)snprintf(what, sizeof(what),
		    has_names(entry)
			? "warning: these names are asked for outside the "
			  "tunnel: %s:%u lets each query through before"
			: "warning: names are asked for outside this tunnel: "
			  "%s:%u lets each query through before; with 'not' in "
			  "this rule, as in 'not to lan', that one is not "
			  "needed",
		    first->file, first->line); /* a path may be cut */
		policy_warn_at(warnings, rules, &rules->rules[n].place, what);
		return;
	}
}

/* To loopback, or to port 53: what is meant is the way to a resolver. */
static bool
is_way_to_resolver(const struct policy_match *m)
{
	return !m->negated &&
	       (policy_warn_is_loopback(m) ||
		   (m->ports.n == 1 && m->ports.ranges[0].lo == 53 &&
		       m->ports.ranges[0].hi == 53));
}

/* As firewalls have it: all that goes to some ports, whoever sends it. A query
 * may be for a connection there. */
static bool
is_by_port(const struct policy_entry *entry, const struct policy_match *to)
{
	const unsigned int others = ~(1u << FIELD_PROTO | 1u << FIELD_TO);

	return to->ports.n > 0 && !to->negated &&
	       (to->all_addrs || (to->addrs.scopes & SCOPE_ANY) != 0) &&
	       (policy_warn_fields(entry) & others) == 0;
}

static void
warn_open(const struct policy *policy, const struct rules *rules, size_t n,
    struct faults *warnings)
{
	const unsigned int narrower =
	    1u << FIELD_DOMAIN | 1u << FIELD_LIST | 1u << FIELD_QTYPE;
	const struct policy_entry *entry = &policy->entries[n];
	const struct policy_match *to = policy_warn_match(entry, FIELD_TO);
	bool any;
	char what[512];

	if (entry->action != ACTION_ACCEPT ||
	    (entry->direction & RULE_OUT) == 0 || to == NULL ||
	    (!is_way_to_resolver(to) && !is_by_port(entry, to)) ||
	    (policy_warn_fields(entry) & narrower) != 0)
		return;
	any = to->all_addrs || (to->addrs.scopes & SCOPE_ANY) != 0;
	for (size_t i = n + 1; i < policy->n; i++) {
		if (!policy_warn_denies_names(entry, &policy->entries[i]))
			continue;
		(void)snprintf(what, sizeof(what),
		    "warning: this rule lets each query through, whatever the "
		    "name: %s:%u decides about %s",
		    policy->rules[i].file, policy->rules[i].line,
		    any ? "none of them"
			: "addresses in answers alone"); /* a path may be cut */
		policy_warn_at(warnings, rules, &rules->rules[n].place, what);
		return;
	}
}

/* Whether it leaves queries to servers elsewhere to them, by the name of the
 * port, whoever asks: of one program it is meant. */
static bool
is_way_elsewhere(const struct policy_entry *entry)
{
	const unsigned int others = ~(1u << FIELD_PROTO | 1u << FIELD_TO);
	const struct policy_match *to = policy_warn_match(entry, FIELD_TO);

	return entry->action == ACTION_ACCEPT &&
	       (entry->direction & RULE_OUT) != 0 && to != NULL &&
	       !to->negated && port_set_has(&to->ports, DNS_PORT) &&
	       !policy_warn_is_loopback(to) &&
	       (policy_warn_fields(entry) & others) == 0;
}

/* What stands before such a rule, and means all queries, has only those that
 * come here to decide about. */
static void
warn_elsewhere(const struct policy *policy, const struct rules *rules, size_t n,
    const struct policy_world *world, struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n];
	char what[512];

	if (!world->captures || !is_way_elsewhere(entry))
		return;
	for (size_t i = 0; i < n; i++) {
		if (!policy_warn_denies_names(entry, &policy->entries[i]) &&
		    !(has_names(&policy->entries[i]) &&
			asks_far(&policy->entries[i], world)))
			continue;
		(void)snprintf(what, sizeof(what),
		    "warning: queries to other servers are not answered here, "
		    "since this rule names their port: %s:%u decides about "
		    "none of them",
		    policy->rules[i].file,
		    policy->rules[i].line); /* a path may be cut */
		policy_warn_at(warnings, rules, &rules->rules[n].place, what);
		return;
	}
}

static bool
has_id(const struct policy_match *m, uint32_t id)
{
	return id_set_has(&m->ids, id) != m->negated;
}

/* Whether what the kernel sends to who knows where by UDP, as WireGuard's is,
 * is of the match. Of what is said of single addresses or ports that is not
 * certain. */
static bool
takes_all_kernels(const struct policy_match *m)
{
	const unsigned int wide = SCOPE_ANY | SCOPE_INTERNET;

	switch (m->field) {
	case FIELD_PROTO:
		return has_id(m, IPPROTO_UDP);
	case FIELD_PROCESS:
		return ((m->processes & RULE_PROCESS_KERNEL) != 0) !=
		       m->negated;
	case FIELD_DOMAIN:
	case FIELD_LIST:
		return m->negated;
	case FIELD_TO:
		if (m->ports.n > 0)
			return false;
		return m->negated ? m->addrs.n_ranges == 0 &&
					(m->addrs.scopes & wide) == 0
				  : !m->narrow;
	default:
		return policy_is_to_any(m) && !m->negated;
	}
}

/* Whether some of what carries a VPN may be of the match: it is for a program,
 * or the kernel, or for more than some network nearby. */
static bool
may_take_carrier(const struct policy_match *m)
{
	const unsigned int wide = SCOPE_ANY | SCOPE_INTERNET;

	switch (m->field) {
	case FIELD_PROTO:
		return has_id(m, IPPROTO_UDP);
	case FIELD_QTYPE:
		return false;
	case FIELD_TO:
		return m->negated || m->all_addrs || m->ports.n > 0 ||
		       m->addrs.n_ranges > 0 || (m->addrs.scopes & wide) != 0;
	case FIELD_PROCESS:
		return takes_all_kernels(m);
	default:
		return true;
	}
}

static bool
each_match(
    const struct policy_entry *entry, bool (*is)(const struct policy_match *m))
{
	for (size_t i = 0; i < entry->n_matches; i++)
		if (!is(&entry->matches[i]))
			return false;
	return (entry->direction & RULE_OUT) != 0;
}

/* A tunnel through which all goes is to carry what carries it, and nothing
 * comes through. */
static void
warn_carrier(const struct policy *policy, const struct rules *rules, size_t n,
    const struct policy_world *world, struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n], *e;
	char what[512];

	if (entry->action != ACTION_REROUTE || world->carried == NULL ||
	    !world->carried[entry->tunnel - 1] ||
	    !each_match(entry, takes_all_kernels))
		return;
	for (e = policy->entries; e != entry; e++)
		if (((e->action == ACTION_ACCEPT ||
			 (e->action == ACTION_REROUTE &&
			     e->tunnel != entry->tunnel)) &&
			each_match(e, may_take_carrier)) ||
		    /* denied, or told of there: none is left for this one */
		    each_match(e, takes_all_kernels))
			return;
	(void)snprintf(what, sizeof(what),
	    "warning: the packets that carry the VPN go into '%s' by this "
	    "rule, too, and nothing comes through: one before it has to accept "
	    "them, such as 'accept out process kernel' for WireGuard, or "
	    "'accept out exe PROGRAM' where a program carries it",
	    policy_tunnel(policy, entry->tunnel)); /* fits */
	policy_warn_at(warnings, rules, &rules->rules[n].place, what);
}

/* Once for each tunnel: whoever wants it so says so there. */
static void
warn_here(const struct policy *policy, const struct rules *rules, size_t n,
    const struct policy_world *world, struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n], *e;
	const char *tunnel;
	char what[512];

	if (!asks_for_names(entry, world->asked_here))
		return;
	for (e = policy->entries; e != entry; e++)
		if (e->tunnel == entry->tunnel &&
		    asks_for_names(e, world->asked_here))
			return;
	tunnel = policy_tunnel(policy, entry->tunnel);
	(void)snprintf(what, sizeof(what),
	    "warning: the names are asked for here, outside the tunnel: with "
	    "'dns = fake' in [tunnel \"%s\"] its proxy alone is told of them; "
	    "'dns = local' says that it is meant",
	    tunnel); /* fits */
	policy_warn_at(warnings, rules, &rules->rules[n].place, what);
}

/* Whether a query of another host may be of this rule, and is told an address
 * that stands for the name. */
static bool
fools_others(const struct policy_entry *entry, const struct policy_world *world)
{
	const unsigned int own = 1u << FIELD_FROM | 1u << FIELD_PROCESS;

	return asks_for_names(entry, world->fakes_for_others) &&
	       !policy_warn_has_program(entry) &&
	       (policy_warn_fields(entry) & own) == 0;
}

/* What such an address stands for is known on this host alone. Said once, and
 * not where a rule before is about queries of other hosts. */
static void
warn_others(const struct policy *policy, const struct rules *rules, size_t n,
    const struct policy_world *world, struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n], *e;

	if (!fools_others(entry, world))
		return;
	for (e = policy->entries; e != entry; e++)
		if (fools_others(e, world) ||
		    policy_warn_fields(e) == 1u << FIELD_FROM)
			return;
	policy_warn_at(warnings, rules, &rules->rules[n].place,
	    "warning: other hosts that ask here are told addresses that stand "
	    "for names on this host alone, and reach nothing by them: 'accept "
	    "out from' those hosts, before this rule, has them told the true "
	    "ones");
}

void
policy_warn_ways(const struct policy *policy, const struct rules *rules,
    size_t n, const struct policy_world *world, struct faults *warnings)
{
	warn_open(policy, rules, n, warnings);
	warn_leak(policy, rules, n, world, warnings);
	warn_here(policy, rules, n, world, warnings);
	warn_elsewhere(policy, rules, n, world, warnings);
	warn_carrier(policy, rules, n, world, warnings);
	warn_others(policy, rules, n, world, warnings);
}
