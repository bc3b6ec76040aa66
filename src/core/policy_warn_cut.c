#include <netinet/in.h>
#include <stdio.h>

#include "src/core/policy_own.h"
#include "src/core/policy_warn_own.h"
#include "src/core/policy_within.h"

/* Whether a packet to that resolver is one of those that the match is about;
 * its address has no name, and who sends it is left aside. */
static bool
is_of_way(const struct policy_match *m, const struct addr *resolver)
{
	bool own = addr_is_loopback(resolver), yes = false;

	if (m->field == FIELD_QTYPE || (m->field == FIELD_FROM && !own))
		return false;
	if (m->field >= FIELD_EXE && m->field <= FIELD_PROCESS)
		return true;
	if (m->field == FIELD_PROTO)
		yes = id_set_has(&m->ids, IPPROTO_UDP);
	else if (m->field == FIELD_FROM || m->field == FIELD_TO)
		yes = (m->all_addrs || addr_set_match(&m->addrs, resolver,
					   own) == MATCH_YES) &&
		      (m->ports.n == 0 || (m->field == FIELD_TO &&
					      port_set_has(&m->ports, 53)));
	return yes != m->negated;
}

static bool
has_way(const struct policy_entry *entry, const struct addr *resolver)
{
	for (size_t i = 0; i < entry->n_matches; i++)
		if (!is_of_way(&entry->matches[i], resolver))
			return false;
	return (entry->direction & RULE_OUT) != 0;
}

/* Whether it lets names through, or denies all but them. */
static bool
spares_names(const struct policy_entry *entry)
{
	const struct policy_match *domain =
	    policy_warn_match(entry, FIELD_DOMAIN);
	const struct policy_match *list = policy_warn_match(entry, FIELD_LIST);

	return (entry->direction & RULE_OUT) != 0 &&
	       ((domain != NULL &&
		    domain->negated == policy_warn_denies(entry)) ||
		   (list != NULL &&
		       list->negated == policy_warn_denies(entry)));
}

/* Whether it lets more through than single addresses, which is found by names:
 * by a port, or to networks other than this host's own. Not one that names the
 * port of a resolver there. */
static bool
spares_networks(const struct policy_entry *entry)
{
	const struct policy_match *to = policy_warn_match(entry, FIELD_TO);
	const unsigned int named = 1u << FIELD_DOMAIN | 1u << FIELD_LIST |
				   1u << FIELD_QTYPE | 1u << FIELD_FROM;
	const unsigned int nets = SCOPE_ANY | SCOPE_LAN | SCOPE_INTERNET;

	return entry->action == ACTION_ACCEPT &&
	       (entry->direction & RULE_OUT) != 0 && to != NULL &&
	       !to->negated && (policy_warn_fields(entry) & named) == 0 &&
	       (to->ports.n == 0 || !port_set_has(&to->ports, 53)) &&
	       ((to->all_addrs && to->ports.n > 0) ||
		   (to->addrs.scopes & nets) != 0);
}

/* Whether a rule that has the way to 127.0.0.1 keeps some program from all of
 * this host, and from some of the rest alone. One that names port 53 is meant.
 */
static bool
is_for_this_host(const struct policy_entry *entry)
{
	const struct policy_match *to = policy_warn_match(entry, FIELD_TO);

	if (!policy_warn_has_program(entry) || to == NULL || to->ports.n > 0 ||
	    policy_is_to_any(to))
		return false;
	return !to->negated ||
	       (to->addrs.scopes & (SCOPE_LAN | SCOPE_INTERNET)) != 0;
}

/* Whether nothing before `later` speaks of the way to that resolver, of all
 * whom it is about or all whom `spared` is about. */
static bool
has_first_word(struct policy_warn_cut *cut, const struct policy_entry *spared,
    const struct policy_entry *later, const struct addr *resolver)
{
	const struct policy_entry *e;

	for (e = cut->policy->entries; e != later; e++) {
		if (cut->steps == 0)
			return false;
		--cut->steps;
		if (has_way(e, resolver) &&
		    (policy_warn_programs_within(spared, e) ||
			policy_warn_programs_within(later, e)))
			return false;
	}
	return true;
}

/* Whether names, or networks, are spared for some of whom `later` is about, who
 * can't ask for any name. */
static bool
is_cut_off(struct policy_warn_cut *cut, const struct policy_entry *spared,
    const struct policy_entry *later, const struct addr *resolver)
{
	if (cut->steps == 0)
		return false;
	--cut->steps;
	/* networks that are spared for all are not meant for who is denied */
	if (!policy_warn_programs_within(spared, later) &&
	    (!spares_names(spared) ||
		!policy_warn_programs_within(later, spared)))
		return false;
	if (!spares_names(spared) && !spares_networks(spared))
		return false;
	return has_first_word(cut, spared, later, resolver);
}

/* The first rule before the nth, or that one, that spares something in vain. */
static const struct policy_rule *
find_cut_off(struct policy_warn_cut *cut, size_t n, const struct addr *resolver)
{
	const struct policy_entry *entries = cut->policy->entries;

	for (size_t i = 0; i <= n; i++)
		if (is_cut_off(cut, &entries[i], &entries[n], resolver))
			return &cut->policy->rules[i];
	return NULL;
}

static const char *
what_is_spared(
    const struct policy_warn_cut *cut, const struct policy_rule *rule)
{
	size_t i = (size_t)(rule - cut->policy->rules);

	return spares_names(&cut->policy->entries[i]) ? "that" : "of what";
}

/* It denies each server that programs ask by resolv.conf, though the resolver
 * would answer in its place. */
static void
warn_servers(struct policy_warn_cut *cut, size_t n)
{
	const struct policy_entry *entry = &cut->policy->entries[n];
	const struct policy_rule *spared;
	char text[ADDR_STRLEN], what[512];

	for (size_t i = 0; i < cut->n_servers; i++)
		if (!has_way(entry, &cut->servers[i]))
			return;
	spared = cut->n_servers > 0 ? find_cut_off(cut, n, cut->servers) : NULL;
	if (spared == NULL)
		return;
	(void)snprintf(what, sizeof(what),
	    "warning: the names %s %s:%u spares can't be asked for: this rule "
	    "denies the way to %s, too: let resolv.conf name 127.0.0.1 in its "
	    "place",
	    what_is_spared(cut, spared), spared->file, spared->line,
	    addr_format(cut->servers, text)); /* a path may be cut */
	policy_warn_at(
	    cut->warnings, cut->rules, &cut->rules->rules[n].place, what);
}

void
policy_warn_cut(struct policy_warn_cut *cut, size_t n)
{
	static const struct addr here = { ADDR_IP4, { 127, 0, 0, 1 } };
	const struct policy_entry *entry = &cut->policy->entries[n];
	const struct policy_rule *spared;
	const char *unless =
	    entry->n_matches == 0
		? "; 'default out block' does not"
		: ", unless one before it accepts to loopback port 53 and "
		  "resolv.conf names this resolver";
	char what[512];

	if (!policy_warn_denies(entry))
		return;
	if (!has_way(entry, &here)) {
		warn_servers(cut, n);
		return;
	}
	spared = find_cut_off(cut, n, &here);
	if (spared != NULL)
		(void)snprintf(what, sizeof(what),
		    "warning: the names %s %s:%u spares can't be asked for: "
		    "this rule denies the way to the resolver, too%s",
		    what_is_spared(cut, spared), spared->file, spared->line,
		    unless); /* a path may be cut */
	else if (is_for_this_host(entry) &&
		 has_first_word(cut, entry, entry, &here))
		(void)snprintf(what, sizeof(what),
		    "warning: no name can be asked for: this rule denies the "
		    "way to the resolver, too%s",
		    unless); /* fits */
	else
		return;
	policy_warn_at(
	    cut->warnings, cut->rules, &cut->rules->rules[n].place, what);
}
