#include "dns/filter.h"

#include <string.h>

#include "dns/local.h"

struct decision
filter_query(const struct policy *policy, const struct process *process,
    const struct key *key)
{
	const struct name *names[] = { &key->name };
	struct subject subject = {
		.query = true,
		.qtype = key->type,
		.n_names = 1,
		.names = names,
		.process = process,
	};

	return policy_decide(policy, &subject);
}

static bool
is_denied(const struct decision *d)
{
	return d->rule != 0 &&
	       (d->action == ACTION_BLOCK || d->action == ACTION_DROP);
}

static struct decision
ask_name(const struct policy *policy, const struct process *process,
    const struct key *key, const struct name *name)
{
	struct key about = { .type = key->type };

	about.name.len = name->len;
	memcpy(about.name.wire, name->wire, name->len);
	return filter_query(policy, process, &about);
}

static struct decision
ask_address(const struct policy *policy, const struct process *process,
    const struct key *key, const struct addr *addr)
{
	const struct name *names[] = { &key->name };
	struct subject subject = {
		.query = true,
		.qtype = key->type,
		.n_names = 1,
		.names = names,
		.dst = *addr,
		.process = process,
	};

	return policy_decide(policy, &subject);
}

/* The name at the start of a CNAME's RDATA, or behind the priority of a SVCB
 * record's; true where there is one besides the root. */
static bool
target_of(const struct answer *a, size_t rdata, uint16_t type, struct name *ret)
{
	bool svcb = type == TYPE_SVCB || type == TYPE_HTTPS;
	size_t off = rdata + (svcb ? 2 : 0);

	return (svcb || type == TYPE_CNAME || type == TYPE_DNAME) &&
	       wire_name_read(ret, a->wire, a->len, &off, true) == 0 &&
	       !name_is_root(ret);
}

bool
filter_answer(const struct policy *policy, const struct process *process,
    const struct key *key, const struct answer *answer, struct decision *ret)
{
	for (unsigned int i = 0; i < answer->n_answer; i++) {
		const uint8_t *ttl = answer->wire + answer->ttls[i];
		uint16_t type = wire_u16(ttl - 4), rdlen = wire_u16(ttl + 4);
		struct decision d = { .rule = 0 };
		struct name target;
		struct addr addr;

		if (target_of(answer, answer->ttls[i] + 6U, type, &target)) {
			d = ask_name(policy, process, key, &target);
		} else if (type == TYPE_A && rdlen == 4) {
			addr = addr_ip4(ttl + 6);
			d = ask_address(policy, process, key, &addr);
		} else if (type == TYPE_AAAA && rdlen == 16) {
			addr = addr_ip6(ttl + 6);
			d = ask_address(policy, process, key, &addr);
		}
		if (is_denied(&d)) {
			*ret = d;
			return false;
		}
	}
	return true;
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
