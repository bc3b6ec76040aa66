#include "src/core/policy_set.h"

#include <string.h>

#include "src/core/glob.h"
#include "src/core/lists.h"
#include "src/core/procline.h"

enum set_kind
set_kind_of(enum rule_field field)
{
	static const enum set_kind kinds[] = {
#define X(suffix, word, value, set) SET_##set,
		RULE_FIELDS(X)
#undef X
	};

	return kinds[field];
}

int
set_text_cmp(const struct set_text *a, const struct set_text *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->s, b->s, a->len);
}

bool
text_set_has(const struct text_set *set, const char *s, size_t len)
{
	struct set_text key = { s, len };
	size_t lo = 0, hi = set->n_literals;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = set_text_cmp(&key, &set->literals[mid]);

		if (c == 0)
			return true;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	for (size_t i = 0; i < set->n_globs; i++)
		if (glob_match(set->globs[i], s, len))
			return true;
	return false;
}

/* Of a part that the system named: its number, and then that one cut short. */
static void
find_container(struct cgroup_at *at, struct procline_str part)
{
	struct procline_str id;

	if (procline_owns(part))
		at->owner = part.p;
	if (procline_container(part, &id))
		at->id = (struct set_text){ id.p, id.len };
}

bool
cgroup_part(const char *path, struct cgroup_at *at, struct set_text *ret)
{
	const char *s = path + at->at + strspn(path + at->at, "/");
	size_t len = strcspn(s, "/");

	if (at->id.len > 0) {
		*ret = at->id;
		at->id.len = at->id.len > PROCLINE_CONTAINER_SHORT
				 ? PROCLINE_CONTAINER_SHORT
				 : 0;
		return true;
	}
	if (*s == '\0')
		return false;
	at->at = (size_t)(s - path) + len;
	if (at->owner != NULL) {
		*ret = (struct set_text){ at->owner,
			(size_t)(s + len - at->owner) };
		return true;
	}
	*ret = (struct set_text){ s, len };
	find_container(at, (struct procline_str){ s, len });
	return true;
}

static enum match
certain(bool yes)
{
	return yes ? MATCH_YES : MATCH_NO;
}

static bool
unit_matches(const struct text_set *set, const struct process *proc)
{
	struct cgroup_at at = { 0 };
	struct set_text part;

	if (proc->unit[0] != '\0' &&
	    text_set_has(set, proc->unit, strlen(proc->unit)))
		return true;
	while (cgroup_part(proc->cgroup, &at, &part))
		if (text_set_has(set, part.s, part.len))
			return true;
	return false;
}

static enum match
exe_matches(const struct text_set *set, const char *exe, bool here)
{
	size_t was = process_exe_was(exe, here);

	if (here)
		return certain(text_set_has(set, exe, strlen(exe)));
	/* else the path is another file's */
	return was > 0 && text_set_has(set, exe, was) ? MATCH_DOUBT : MATCH_NO;
}

static enum match
parent_matches(const struct text_set *set, const struct process *proc)
{
	enum match match = MATCH_NO, one;

	for (size_t i = 0; i < proc->n_parents && match != MATCH_YES; i++) {
		one = exe_matches(
		    set, proc->parents[i].exe, proc->parents[i].exe_here);
		if (one != MATCH_NO)
			match = one;
	}
	return match;
}

static bool
process_matches(unsigned int bits, const struct process *proc)
{
	switch (proc->kind) {
	case PROCESS_UNKNOWN:
		return (bits & RULE_PROCESS_UNKNOWN) != 0;
	case PROCESS_KERNEL:
		return (bits & RULE_PROCESS_KERNEL) != 0;
	case PROCESS_PROGRAM:
		return (bits & RULE_PROCESS_SELF) != 0 && proc->self;
	}
	__builtin_trap();
}

/* Outbound the source is this host's, inbound the destination (but where it is
 * a group's); over loopback both are. */
static bool
is_own(const struct subject *subject, bool src)
{
	const struct addr *a = src ? &subject->src : &subject->dst;

	if (addr_is_multicast(a) || addr_is_broadcast(a))
		return false;
	return subject->loopback || src != subject->in;
}

/* This side's address comes with the connection, and is one of this host's. */
static enum match
here_match(const struct policy_match *m, const struct subject *s)
{
	enum match match = s->here.n > 0 ? MATCH_NO : MATCH_MAYBE;

	for (size_t i = 0; i < s->here.n && match == MATCH_NO; i++)
		if (addr_set_match(&m->addrs, &s->here.v[i], true) != MATCH_NO)
			match = MATCH_MAYBE;
	return match;
}

/* The other side's ports come with the connection, too; of another host that
 * asks the address is known. */
static enum match
query_ends_match(
    const struct policy_match *m, const struct subject *s, bool src)
{
	bool any = m->all_addrs || (m->addrs.scopes & SCOPE_ANY) != 0;
	const struct addr *known = src ? &s->src : &s->dst;

	if (!any && known->family != ADDR_NONE) {
		enum match match =
		    addr_set_match(&m->addrs, known, !src && s->loopback);

		return match != MATCH_NO && m->ports.n > 0 ? MATCH_MAYBE
							   : match;
	}
	if (any && m->ports.n == 0)
		return MATCH_YES;
	return any || !src ? MATCH_MAYBE : here_match(m, s);
}

/* An ICMP query's identifier stands where ports stand, and is none. */
static enum match
ends_match(const struct policy_match *m, const struct subject *s, bool src)
{
	const struct addr *addr = src ? &s->src : &s->dst;

	if (s->query)
		return query_ends_match(m, s, src);
	if (m->ports.n > 0 &&
	    (!s->has_ports || !rule_proto_has_ports(s->proto) ||
		!port_set_has(&m->ports, src ? s->sport : s->dport)))
		return MATCH_NO;
	return m->all_addrs ? MATCH_YES
			    : addr_set_match(&m->addrs, addr, is_own(s, src));
}

static bool
texts_have(const struct set_text *texts, size_t n, const struct set_text *key)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = set_text_cmp(key, &texts[mid]);

		if (c == 0)
			return true;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

bool
domain_set_has(const struct domain_set *set, const struct name *name)
{
	struct set_text key = { (const char *)name->wire, name->len };

	if (texts_have(set->whole, set->n_whole, &key))
		return true;
	if (set->n_below == 0)
		return false;
	for (const uint8_t *at = name_step(name->wire); at != NULL;
	     at = name_step(at)) {
		key =
		    (struct set_text){ (const char *)at, name_rest(name, at) };
		if (texts_have(set->below, set->n_below, &key))
			return true;
	}
	return false;
}

static bool
domain_matches(
    const struct policy_match *m, const struct subject *s, struct matched *ret)
{
	for (uint8_t i = 0; i < s->n_names; i++)
		if (domain_set_has(&m->domains, s->names[i])) {
			ret->host = (uint8_t)(i + 1);
			return true;
		}
	return false;
}

static enum match
index_has_addr(const struct list_index *index, const struct addr *addr)
{
	struct addr far;

	if (list_has_addr(index, addr))
		return MATCH_YES;
	/* as addr_set_match() */
	return addr_nat64(&far, addr) && list_has_addr(index, &far)
		   ? MATCH_DOUBT
		   : MATCH_NO;
}

static bool
index_has_name(const struct list_index *index, const struct subject *s,
    const struct name *name)
{
	/* what has an answer of its own says nothing of connections */
	if (!s->query)
		return list_has_host(index, name);
	return list_has_name(index, name, s->qtype) ||
	       (s->tcp_only && list_wants_tcp(index, name));
}

/* By one of its names, which is shown then, or by its address. */
static enum match
index_has(
    const struct list_index *index, const struct subject *s, uint8_t *ret_host)
{
	const struct addr *remote = s->in ? &s->src : &s->dst;

	for (uint8_t i = 0; i < s->n_names; i++)
		if (index_has_name(index, s, s->names[i])) {
			*ret_host = (uint8_t)(i + 1);
			return MATCH_YES;
		}
	return remote->family != ADDR_NONE ? index_has_addr(index, remote)
					   : MATCH_NO;
}

static enum match
list_matches(
    const struct policy_match *m, const struct subject *s, struct matched *ret)
{
	enum match match = MATCH_NO;

	for (size_t i = 0; i < m->lists.n; i++) {
		uint32_t list = m->lists.lists[i];
		const struct list_index *index = m->lists.indexes[list];
		enum match one = index_has(index, s, &ret->host);

		if (one != MATCH_NO) {
			ret->list = list;
			match = one;
		}
		if (one == MATCH_YES)
			return MATCH_YES;
		/* the address may be one of the list's */
		if (s->query && s->dst.family == ADDR_NONE &&
		    list_n_addrs(index) > 0)
			match = MATCH_MAYBE;
	}
	return match;
}

static enum match
proto_matches(const struct policy_match *m, const struct subject *s)
{
	return s->query ? MATCH_MAYBE : certain(id_set_has(&m->ids, s->proto));
}

static bool
program_matches(const struct policy_match *m, const struct process *proc)
{
	switch (m->field) {
	case FIELD_SCRIPT:
		return proc->script[0] != '\0' &&
		       text_set_has(
			   &m->texts, proc->script, strlen(proc->script));
	case FIELD_CMD:
		return text_set_has(&m->texts, proc->cmd, strlen(proc->cmd));
	case FIELD_COMM:
		return text_set_has(&m->texts, proc->comm, strlen(proc->comm));
	case FIELD_USER:
		return id_set_has(&m->ids, proc->uid);
	case FIELD_GROUP:
		return id_set_has(&m->ids, proc->gid);
	case FIELD_UNIT:
		return unit_matches(&m->texts, proc);
	case FIELD_PROCESS:
		return process_matches(m->processes, proc);
	case FIELD_EXE:
	case FIELD_PARENT:
	case FIELD_PROTO:
	case FIELD_FROM:
	case FIELD_TO:
	case FIELD_DOMAIN:
	case FIELD_LIST:
	case FIELD_QTYPE:
		break;
	}
	__builtin_trap();
}

static enum match
field_matches(
    const struct policy_match *m, const struct subject *s, struct matched *ret)
{
	switch (m->field) {
	case FIELD_PROTO:
		return proto_matches(m, s);
	case FIELD_FROM:
		return ends_match(m, s, true);
	case FIELD_TO:
		return ends_match(m, s, false);
	case FIELD_DOMAIN:
		return certain(domain_matches(m, s, ret));
	case FIELD_LIST:
		return list_matches(m, s, ret);
	case FIELD_QTYPE:
		return certain(id_set_has(&m->ids, s->qtype));
	case FIELD_EXE:
		return exe_matches(
		    &m->texts, s->process->exe, s->process->exe_here);
	case FIELD_PARENT:
		return parent_matches(&m->texts, s->process);
	case FIELD_SCRIPT:
	case FIELD_CMD:
	case FIELD_COMM:
	case FIELD_USER:
	case FIELD_GROUP:
	case FIELD_UNIT:
	case FIELD_PROCESS:
		return certain(program_matches(m, s->process));
	}
	__builtin_trap();
}

static bool
names_program(enum rule_field field)
{
	return field >= FIELD_EXE && field <= FIELD_PARENT;
}

/* Of an unknown process the kernel may still have given the user. */
static bool
knows_field(const struct process *proc, enum rule_field field)
{
	return proc->kind == PROCESS_PROGRAM ||
	       (proc->has_uid && (field == FIELD_USER || field == FIELD_GROUP));
}

/* The opposite of what is not certain is not certain. */
static enum match
opposite(enum match match)
{
	switch (match) {
	case MATCH_NO:
		return MATCH_YES;
	case MATCH_MAYBE:
	case MATCH_DOUBT:
		return match;
	case MATCH_YES:
		return MATCH_NO;
	}
	__builtin_trap();
}

/* What may be decides where it lets through, what is in doubt where it denies:
 * both together decide nothing. */
static bool
rules_out(enum match one, enum match all)
{
	return (one == MATCH_MAYBE && all == MATCH_DOUBT) ||
	       (one == MATCH_DOUBT && all == MATCH_MAYBE);
}

static enum match
entry_matches(const struct policy_entry *entry, const struct subject *subject,
    struct matched *ret)
{
	struct matched matched = { 0 };
	enum match all = MATCH_YES, one;

	if ((entry->direction & (subject->in ? RULE_IN : RULE_OUT)) == 0)
		return MATCH_NO;
	for (size_t i = 0; i < entry->n_matches; i++) {
		const struct policy_match *m = &entry->matches[i];

		if (names_program(m->field) &&
		    !knows_field(subject->process, m->field))
			return MATCH_NO;
		if (m->field == FIELD_QTYPE && !subject->query)
			return MATCH_NO;
		one = field_matches(m, subject, &matched);
		if (m->negated)
			one = opposite(one);
		if (one == MATCH_NO || rules_out(one, all))
			return MATCH_NO;
		if (one == MATCH_DOUBT)
			all = MATCH_DOUBT;
		if (one == MATCH_MAYBE) {
			matched.narrow |=
			    (m->narrow || m->field == FIELD_LIST) &&
			    !m->negated && subject->dst.family == ADDR_NONE;
			all = MATCH_MAYBE;
		}
	}
	*ret = matched;
	return all;
}

bool
policy_entry_decides(const struct policy_entry *entry,
    const struct subject *subject, struct matched *ret)
{
	switch (entry_matches(entry, subject, ret)) {
	case MATCH_NO:
		return false;
	case MATCH_MAYBE:
		return entry->action == ACTION_ACCEPT ||
		       entry->action == ACTION_REROUTE;
	case MATCH_DOUBT:
		return entry->action == ACTION_BLOCK ||
		       entry->action == ACTION_DROP;
	case MATCH_YES:
		return true;
	}
	__builtin_trap();
}
