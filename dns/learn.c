#include "dns/learn.h"

#include <string.h>

#include "dns/addresses.h"
#include "src/core/names.h"

struct lesson {
	struct names *names;
	const struct record *record;
	const struct addr *addr;
};

static void
learn(const struct lesson *l, const struct name *name)
{
	names_learn(l->names, l->record->process, name, l->addr, l->record->ttl,
	    l->record->time);
}

/* A name and, where it is one of a service, its host. */
static void
learn_service(const struct lesson *l, const struct name *name)
{
	struct name host;

	addresses_host(&host, name);
	learn(l, name);
	if (!name_is_root(&host) && !name_equal(&host, name))
		learn(l, &host);
}

/* Where record i begins: its owner's name. */
static size_t
begin_of(const struct answer *a, const struct record *record, unsigned int i)
{
	size_t before;

	if (i == 0)
		return WIRE_HEADER + record->qname.len + 4U;
	before = a->ttls[i - 1];
	return before + 6 + wire_u16(a->wire + before + 4);
}

/* The name behind the priority; false where it is the owner's own. */
static bool
read_target(struct name *ret, const struct answer *a, unsigned int i)
{
	const uint8_t *ttl = a->wire + a->ttls[i];
	size_t len = wire_u16(ttl + 4);

	return len > 2 && name_from_wire(ret, ttl + 8, len - 2) == 0 &&
	       !name_is_root(ret);
}

static void
learn_record(struct lesson *l, const struct answer *a, unsigned int i)
{
	const struct name *qname = &l->record->qname;
	bool service = addresses_is_service(wire_u16(a->wire + a->ttls[i] - 4));
	size_t off = begin_of(a, l->record, i);
	struct name owner;

	if (service && read_target(&owner, a, i))
		learn_service(l, &owner);
	if (wire_name_read(&owner, a->wire, a->len, &off, true) == 0 &&
	    !name_equal(&owner, qname)) {
		if (service)
			learn_service(l, &owner);
		else
			learn(l, &owner);
	}
	if (service)
		learn_service(l, qname);
	else
		learn(l, qname);
}

void
learn_names(struct names *names, const struct record *record,
    const struct answer *answer)
{
	struct addresses addresses;
	struct addr addr;
	struct lesson l = { names, record, &addr };

	for (unsigned int i = 0; i < answer->n_answer; i++) {
		addresses_of(&addresses, answer, i);
		while (addresses_next(&addresses, &addr))
			if (!addr_is_any(&addr))
				learn_record(&l, answer, i);
	}
}
