#include "src/core/policy_warn.h"

#include <netinet/in.h>
#include <stdio.h>

#include "src/core/packet.h"
#include "src/core/policy_own.h"
#include "src/core/policy_shadow.h"
#include "src/core/policy_warn_own.h"
#include "src/core/policy_within.h"

const struct policy_match *
policy_warn_match(const struct policy_entry *entry, enum rule_field field)
{
	for (size_t i = 0; i < entry->n_matches; i++)
		if (entry->matches[i].field == field)
			return &entry->matches[i];
	return NULL;
}

unsigned int
policy_warn_fields(const struct policy_entry *entry)
{
	unsigned int fields = 0;

	for (size_t i = 0; i < entry->n_matches; i++)
		fields |= 1u << entry->matches[i].field;
	return fields;
}

static void
warn_shadowed(const struct policy *policy, const struct rules *rules,
    struct policy_shadow *shadow, size_t n, struct faults *warnings)
{
	const struct policy_rule *by[2];
	char what[1024], more[32] = "";

	if (!policy_shadow_find(shadow, n))
		return;
	by[0] = &policy->rules[shadow->by[0]];
	by[1] = &policy->rules[shadow->by[1]];
	if (shadow->n_by > 2)
		(void)snprintf(more, sizeof(more), " and %zu more",
		    shadow->n_by - 2); /* fits */
	if (shadow->n_by == 1)
		(void)snprintf(what, sizeof(what),
		    "warning: %s: %s:%u matches all of it before",
		    shadow->queries
			? "no connection can match this rule, only a query"
			: "this rule can never match",
		    by[0]->file, by[0]->line); /* a path may be cut */
	else
		(void)snprintf(what, sizeof(what),
		    "warning: %s: %s:%u%s %s:%u%s match all of it before",
		    shadow->queries
			? "no connection can match this rule, only a query"
			: "this rule can never match",
		    by[0]->file, by[0]->line, shadow->n_by > 2 ? "," : " and",
		    by[1]->file, by[1]->line, more); /* likewise */
	policy_warn_at(warnings, rules, &rules->rules[n].place, what);
}

/* The families of the addresses: bit 1 for IPv4, 2 for IPv6; both where it is
 * not certain. */
static unsigned int
families(const struct policy_match *m)
{
	unsigned int bits = 0;

	if (m == NULL || m->negated || m->all_addrs || m->addrs.scopes != 0)
		return 3;
	for (size_t i = 0; i < m->addrs.n_ranges; i++)
		bits |= m->addrs.ranges[i].lo.family == ADDR_IP4 ? 1 : 2;
	return bits;
}

/* The same of protocols: ICMP is of IPv4, icmp6 of IPv6. */
static unsigned int
proto_families(const struct policy_match *m)
{
	unsigned int bits = 0;

	if (m == NULL || m->negated)
		return 3;
	for (size_t i = 0; i < m->ids.n; i++)
		bits |= m->ids.ids[i] == IPPROTO_ICMP	  ? 1
			: m->ids.ids[i] == IPPROTO_ICMPV6 ? 2
							  : 3;
	return bits;
}

/* A number that is an extension header in IPv6, and by which no packet of that
 * goes. */
static void
warn_extension(const struct policy_match *m, unsigned int families,
    const struct rules *rules, const struct rule_place *place,
    struct faults *warnings)
{
	size_t i = 0;
	char what[160];

	if (m == NULL || m->negated || (families & 2) == 0)
		return;
	while (i < m->ids.n && !packet_steps_over((uint8_t)m->ids.ids[i]))
		i++;
	if (i == m->ids.n)
		return;
	(void)snprintf(what, sizeof(what),
	    "warning: protocol %u %s: in IPv6 it stands before the protocol "
	    "that a packet is judged by",
	    (unsigned int)m->ids.ids[i],
	    families == 3 ? "matches IPv4 alone" : "never matches"); /* fits */
	policy_warn_at(warnings, rules, place, what);
}

static void
warn_families(const struct policy *policy, const struct rules *rules, size_t n,
    struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n];
	unsigned int ends = families(policy_warn_match(entry, FIELD_FROM)) &
			    families(policy_warn_match(entry, FIELD_TO));

	if (ends == 0)
		policy_warn_at(warnings, rules, &rules->rules[n].place,
		    "warning: this rule can never match: it is from IPv4 to "
		    "IPv6, or from IPv6 to IPv4");
	else if ((ends & proto_families(
			     policy_warn_match(entry, FIELD_PROTO))) == 0)
		policy_warn_at(warnings, rules, &rules->rules[n].place,
		    ends == 1 ? "warning: icmp6 is for IPv6, and the addresses "
				"are of IPv4: icmp is meant"
			      : "warning: icmp is for IPv4, and the addresses "
				"are of IPv6: icmp6 is meant");
	else
		warn_extension(policy_warn_match(entry, FIELD_PROTO), ends,
		    rules, &rules->rules[n].place, warnings);
}

/* `not` before what everything is. */
static void
warn_nothing(const struct policy *policy, const struct rules *rules, size_t n,
    struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n];

	for (enum rule_field field = FIELD_FROM; field <= FIELD_TO; field++) {
		const struct policy_match *m = policy_warn_match(entry, field);

		if (m == NULL || !m->negated || m->ports.n > 0 ||
		    (m->addrs.scopes & SCOPE_ANY) == 0)
			continue;
		policy_warn_at(warnings, rules, &rules->rules[n].place,
		    "warning: this rule can never match: there is no address "
		    "that is not any");
		return;
	}
}

/* Protocol and ports come with the connection. */
static void
warn_query(const struct policy *policy, const struct rules *rules, size_t n,
    struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n];
	const struct policy_match *m;

	if (policy_warn_match(entry, FIELD_QTYPE) == NULL)
		return;
	for (m = entry->matches; m < entry->matches + entry->n_matches; m++) {
		if (m->field != FIELD_PROTO && m->ports.n == 0)
			continue;
		policy_warn_at(warnings, rules, &rules->rules[n].place,
		    entry->action == ACTION_ACCEPT ||
			    entry->action == ACTION_REROUTE
			? "warning: a protocol or port says nothing of a "
			  "query: the rule matches without it"
			: "warning: this rule can never match: a query has no "
			  "protocol or port yet");
		return;
	}
}

/* Who connects draws his own port, and takes whichever opens a way. A range of
 * those that systems draw is meant, and so is what names ours beside it. */
#define DRAWN_PORTS 32768

static void
warn_source(const struct policy *policy, const struct rules *rules, size_t n,
    struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n];
	const struct policy_match *from = policy_warn_match(entry, FIELD_FROM);
	const struct policy_match *to = policy_warn_match(entry, FIELD_TO);

	if (entry->action != ACTION_ACCEPT || entry->direction != RULE_IN ||
	    from == NULL || from->negated || from->ports.n == 0 ||
	    from->ports.ranges[from->ports.n - 1].hi >= DRAWN_PORTS ||
	    (to != NULL && to->ports.n > 0))
		return;
	policy_warn_at(warnings, rules, &rules->rules[n].place,
	    "warning: `from ... port' is the port that the other side sends "
	    "from, which it may choose: `to port' is that of this host");
}

/* Of one address alone it is meant, and of what is no network. */
static bool
is_network(const struct policy_match *m)
{
	if (m->negated || (m->addrs.scopes & ~(unsigned int)SCOPE_LAN) != 0)
		return false;
	for (size_t i = 0; i < m->addrs.n_ranges; i++)
		if (!addr_equal(&m->addrs.ranges[i].lo, &m->addrs.ranges[i].hi))
			return true;
	return m->addrs.scopes != 0;
}

/* What is to let other hosts ask for names lets programs of this one send
 * anything. */
static void
warn_own(const struct policy *policy, const struct rules *rules, size_t n,
    const struct policy_world *world, struct faults *warnings)
{
	const struct policy_entry *entry = &policy->entries[n];
	const struct policy_match *from = policy_warn_match(entry, FIELD_FROM);
	char text[ADDR_STRLEN], what[ADDR_STRLEN + 128];
	struct addr addr;

	if (entry->action != ACTION_ACCEPT ||
	    (entry->direction & RULE_OUT) == 0 ||
	    policy_warn_fields(entry) != 1u << FIELD_FROM || !is_network(from))
		return;
	for (size_t i = 0; world->own(world->arg, i, &addr); i++) {
		if (addr_is_loopback(&addr) ||
		    addr_set_match(&from->addrs, &addr, true) != MATCH_YES)
			continue;
		(void)snprintf(what, sizeof(what),
		    "warning: %s is this host's own: all that its programs "
		    "send is accepted, too, and not queries of other hosts "
		    "alone",
		    addr_format(&addr, text)); /* fits */
		policy_warn_at(warnings, rules, &rules->rules[n].place, what);
		return;
	}
}

bool
policy_warn_is_loopback(const struct policy_match *m)
{
	bool here = (m->addrs.scopes & ~(unsigned int)SCOPE_LOOPBACK) == 0 &&
		    (m->addrs.scopes != 0 || m->addrs.n_ranges > 0);

	for (size_t i = 0; i < m->addrs.n_ranges; i++)
		here = here && addr_is_loopback(&m->addrs.ranges[i].lo) &&
		       addr_is_loopback(&m->addrs.ranges[i].hi);
	return here;
}

bool
policy_warn_has_program(const struct policy_entry *entry)
{
	unsigned int programs = 0;

	for (unsigned int f = FIELD_EXE; f <= FIELD_PARENT; f++)
		programs |= 1u << f;
	return (policy_warn_fields(entry) & programs) != 0;
}

bool
policy_warn_denies(const struct policy_entry *entry)
{
	return entry->action == ACTION_BLOCK || entry->action == ACTION_DROP;
}

bool
policy_warn_denies_names(
    const struct policy_entry *first, const struct policy_entry *later)
{
	const unsigned int names = 1u << FIELD_DOMAIN | 1u << FIELD_LIST;

	return policy_warn_denies(later) &&
	       (later->direction & RULE_OUT) != 0 &&
	       (policy_warn_fields(later) & names) != 0 &&
	       (!policy_warn_has_program(first) ||
		   !policy_warn_has_program(later));
}

bool
policy_warn_programs_within(
    const struct policy_entry *a, const struct policy_entry *b)
{
	const struct policy_match *m, *of;

	for (m = b->matches; m < b->matches + b->n_matches; m++) {
		if (m->field < FIELD_EXE || m->field > FIELD_PROCESS)
			continue;
		of = policy_warn_match(a, m->field);
		if (of == NULL || of->negated != m->negated ||
		    !(m->negated ? policy_within(m, of) : policy_within(of, m)))
			return false;
	}
	return true;
}

/* Rules that are compared in all for it, which may be each with each
 * for a third: half a second. Of what comes behind these it says nothing. */
#define CUT_STEPS ((size_t)20000000)

void
policy_warn(const struct policy *policy, const struct rules *rules,
    const struct policy_world *world, struct faults *warnings)
{
	struct policy_shadow *shadow =
	    policy->n <= POLICY_WARN_MAX ? policy_shadow_new(policy) : NULL;
	struct policy_warn_cut cut = { .policy = policy,
		.rules = rules,
		.warnings = warnings,
		.steps = CUT_STEPS };

	while (cut.n_servers < POLICY_SERVERS_MAX &&
	       world->server(
		   world->arg, cut.n_servers, &cut.servers[cut.n_servers]))
		cut.n_servers++;
	for (size_t i = 0; i < policy->n; i++) {
		policy_warn_values(
		    policy, rules, &rules->rules[i], world, warnings);
		warn_families(policy, rules, i, warnings);
		warn_nothing(policy, rules, i, warnings);
		warn_query(policy, rules, i, warnings);
		warn_source(policy, rules, i, warnings);
		warn_own(policy, rules, i, world, warnings);
		if (shadow == NULL)
			continue;
		warn_shadowed(policy, rules, shadow, i, warnings);
		policy_warn_ways(policy, rules, i, world, warnings);
		policy_warn_cut(&cut, i);
	}
	policy_shadow_free(shadow);
	policy_warn_defaults(policy, rules, warnings);
	if (policy->n > POLICY_WARN_MAX)
		faults_add_file(warnings, "rules",
		    &(struct fault_text){
			"warning: more than 20000 rules: not compared with "
			"each other",
			NULL, NULL });
}

void
policy_warn_names(const struct policy *policy, const struct rules *rules,
    const struct policy_world *world, struct faults *warnings)
{
	for (size_t i = 0; policy->n <= POLICY_WARN_MAX && i < policy->n; i++) {
		policy_warn_ways(policy, rules, i, world, warnings);
	}
}
