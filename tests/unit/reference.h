#ifndef TESTS_UNIT_REFERENCE_H
#define TESTS_UNIT_REFERENCE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/addr.h"
#include "src/core/glob.h"
#include "src/core/rule.h"
#include "src/core/subject.h"
#include "tests/fake/world.h"

/* What rules mean, by the book: from the rule list itself, one by one, with no
 * set, no order and no index. What policy_decide() answers must be the same. */

static inline bool
reference_addr(const struct rule_value *v, const struct subject *s, bool src)
{
	const struct addr *a = src ? &s->src : &s->dst;

	switch (v->bits) {
	case 0:
		return addr_range_contains(&v->range, a);
	case SCOPE_ANY:
		return true;
	case SCOPE_LOOPBACK:
		return addr_is_loopback(a);
	case SCOPE_LAN:
		return addr_is_lan(a);
	case SCOPE_INTERNET:
		return addr_is_internet(a);
	case SCOPE_MULTICAST:
		return addr_is_multicast(a);
	case SCOPE_BROADCAST:
		return addr_is_broadcast(a);
	default:
		return !s->query && !addr_is_multicast(a) &&
		       !addr_is_broadcast(a) &&
		       (s->loopback || (src ? !s->in : s->in));
	}
}

/* No, perhaps, yes: of a query not all is known. */
enum reference {
	REFERENCE_NO,
	REFERENCE_MAYBE,
	REFERENCE_YES,
};

static inline enum reference
reference_ends(const struct rule_match *m, const struct subject *s, bool src)
{
	uint16_t port = src ? s->sport : s->dport;
	bool addr = m->values.n == 0, ports = m->ports.n == 0, any = addr;

	for (size_t i = 0; i < m->values.n; i++) {
		addr |= reference_addr(&m->values.v[i], s, src);
		any |= m->values.v[i].bits == SCOPE_ANY;
	}
	if (s->query && (src ? &s->src : &s->dst)->family == ADDR_NONE)
		return any && ports ? REFERENCE_YES : REFERENCE_MAYBE;
	if (s->query && addr && !ports)
		return REFERENCE_MAYBE;
	for (size_t i = 0; i < m->ports.n; i++)
		ports |= s->has_ports && rule_proto_has_ports(s->proto) &&
			 port >= m->ports.v[i].ports.lo &&
			 port <= m->ports.v[i].ports.hi;
	if (s->query)
		return addr ? REFERENCE_YES : REFERENCE_NO;
	return addr && ports ? REFERENCE_YES : REFERENCE_NO;
}

/* As text: the end of the name, after a dot. */
static inline bool
reference_domain(const struct rule_value *v, const struct subject *s)
{
	char text[NAME_TEXT_SIZE];

	for (size_t i = 0; i < s->n_names; i++) {
		size_t n = strlen(name_format(s->names[i], text));
		size_t m = strlen(v->text);

		if (v->whole && strcmp(text, v->text) == 0)
			return true;
		if (v->below && n > m && text[n - m - 1] == '.' &&
		    strcmp(text + n - m, v->text) == 0)
			return true;
	}
	return false;
}

/* Links of the fake world are of whole folders: /bin and /sbin. */
static inline bool
reference_path(const char *glob, const char *path)
{
	return glob_match(glob, path, strlen(path)) ||
	       ((strncmp(path, "/usr/bin/", 9) == 0 ||
		    strncmp(path, "/usr/sbin/", 10) == 0) &&
		   (strncmp(glob, "/bin/", 5) == 0 ||
		       strncmp(glob, "/sbin/", 6) == 0) &&
		   glob_match(glob, path + 4, strlen(path + 4)));
}

static inline bool
reference_unit(const char *glob, const struct process *p)
{
	const char *s = p->cgroup;

	if (*p->unit != '\0' && glob_match(glob, p->unit, strlen(p->unit)))
		return true;
	while (*s != '\0') {
		size_t n = strcspn(s, "/");

		if (n > 0 && glob_match(glob, s, n))
			return true;
		s += n + (s[n] == '/');
	}
	return false;
}

static inline bool
reference_id(const char *name, bool group, uint32_t id)
{
	uint32_t n = 0;

	if (name[0] >= '0' && name[0] <= '9')
		return strtoul(name, NULL, 10) == id;
	return (group ? world_group : world_user)(NULL, name, &n) == 0 &&
	       n == id;
}

static inline bool
reference_value(
    enum rule_field field, const struct rule_value *v, const struct subject *s)
{
	const struct process *p = s->process;
	bool any = false;

	switch (field) {
	case FIELD_PROTO:
		return v->proto == s->proto;
	case FIELD_EXE:
		return p->exe_here && reference_path(v->text, p->exe);
	case FIELD_SCRIPT:
		return p->script[0] != '\0' &&
		       reference_path(v->text, p->script);
	case FIELD_CMD:
		return glob_match(v->text, p->cmd, strlen(p->cmd));
	case FIELD_COMM:
		return strcmp(v->text, p->comm) == 0;
	case FIELD_USER:
		return reference_id(v->text, false, p->uid);
	case FIELD_GROUP:
		return reference_id(v->text, true, p->gid);
	case FIELD_UNIT:
		return reference_unit(v->text, p);
	case FIELD_PARENT:
		for (size_t i = 0; i < p->n_parents; i++)
			any |= p->parents[i].exe_here &&
			       reference_path(v->text, p->parents[i].exe);
		return any;
	case FIELD_PROCESS:
		return v->bits == RULE_PROCESS_UNKNOWN
			   ? p->kind == PROCESS_UNKNOWN
		       : v->bits == RULE_PROCESS_KERNEL
			   ? p->kind == PROCESS_KERNEL
			   : p->kind == PROCESS_PROGRAM && p->self;
	case FIELD_DOMAIN:
		return reference_domain(v, s);
	case FIELD_QTYPE:
		return s->qtype == v->qtype;
	case FIELD_LIST:
		return false; /* see reference_list() */
	case FIELD_FROM:
	case FIELD_TO:
		break;
	}
	abort();
}

/* The fake world's list ads. */
static inline enum reference
reference_list(const struct subject *s)
{
	static const struct rule_value values[] = {
		{ .text = "ads.example.net", .whole = true },
		{ .text = "example.com", .below = true },
	};
	const struct addr *remote = s->in ? &s->src : &s->dst;

	for (size_t i = 0; i < 2; i++)
		if (reference_domain(&values[i], s))
			return REFERENCE_YES;
	if (remote->family == ADDR_IP4 && remote->bytes[0] == 10)
		return REFERENCE_YES;
	return s->query && s->dst.family == ADDR_NONE ? REFERENCE_MAYBE
						      : REFERENCE_NO;
}

static inline enum reference
reference_match(const struct rule_match *m, const struct subject *s)
{
	bool hit = false;

	if (m->field == FIELD_FROM || m->field == FIELD_TO)
		return reference_ends(m, s, m->field == FIELD_FROM);
	if (m->field == FIELD_LIST)
		return reference_list(s);
	if (m->field == FIELD_PROTO && s->query)
		return REFERENCE_MAYBE;
	for (size_t j = 0; j < m->values.n; j++)
		hit |= reference_value(m->field, &m->values.v[j], s);
	return hit ? REFERENCE_YES : REFERENCE_NO;
}

static inline bool
reference_program(enum rule_field field)
{
	return field != FIELD_PROTO && field != FIELD_FROM &&
	       field != FIELD_TO && field != FIELD_PROCESS &&
	       field != FIELD_DOMAIN && field != FIELD_QTYPE &&
	       field != FIELD_LIST;
}

static inline bool
reference_decides(const struct rule *r, const struct subject *s)
{
	bool certain = true;

	if ((r->direction == RULE_IN && !s->in) ||
	    (r->direction == RULE_OUT && s->in))
		return false;
	for (size_t i = 0; i < r->n_matches; i++) {
		const struct rule_match *m = &r->matches[i];
		enum reference hit = reference_match(m, s);

		if (reference_program(m->field) &&
		    s->process->kind != PROCESS_PROGRAM)
			return false;
		if (m->field == FIELD_QTYPE && !s->query)
			return false;
		if (hit == (m->negated ? REFERENCE_YES : REFERENCE_NO))
			return false;
		certain &= hit != REFERENCE_MAYBE;
	}
	return certain || r->action == ACTION_ACCEPT ||
	       r->action == ACTION_REROUTE;
}

/* True if the rule is a reroute that lets the query through as it is: it names
 * addresses that are not the internet at large. */
static inline bool
reference_accepts(const struct rule *r, const struct subject *s)
{
	if (r->action != ACTION_REROUTE || !s->query ||
	    s->dst.family != ADDR_NONE)
		return false;
	for (size_t i = 0; i < r->n_matches; i++) {
		const struct rule_match *m = &r->matches[i];
		bool narrow =
		    m->field == FIELD_TO && !m->negated && m->values.n > 0;

		if (m->field == FIELD_LIST && !m->negated &&
		    reference_list(s) == REFERENCE_MAYBE)
			return true;

		for (size_t j = 0; narrow && j < m->values.n; j++) {
			const struct rule_value *v = &m->values.v[j];

			if (v->bits == SCOPE_ANY || v->bits == SCOPE_INTERNET ||
			    (v->bits == 0 && v->range.lo.bytes[0] < 0x80 &&
				v->range.hi.bytes[0] >= 0x80))
				narrow = false;
		}
		if (narrow)
			return true;
	}
	return false;
}

/* Number of the first rule that decides; 0 for none. */
static inline uint32_t
reference_rule(const struct rules *rules, const struct subject *s)
{
	for (size_t i = 0; i < rules->n_rules; i++)
		if (reference_decides(&rules->rules[i], s))
			return (uint32_t)i + 1;
	return 0;
}

#endif
