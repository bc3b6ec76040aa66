#include "dns/learn.h"

#include <string.h>

#include "dns/addresses.h"
#include "dns/resolve.h"
#include "src/core/names.h"

struct lesson {
	struct names *names;
	const struct resolve *resolve;
	const struct record *record;
	const struct addr *addr;
	const struct name *name; /* that was asked, or that a list led to */
};

static void
learn(const struct lesson *l, const struct name *name)
{
	names_learn(l->names, l->record->process, name, l->addr, l->record->ttl,
	    l->record->time);
}

static bool
is_theirs(const struct lesson *l, const struct name *name)
{
	return l->resolve == NULL ||
	       resolve_answers_for(l->resolve, l->record->group, name);
}

static void
learn_record(struct lesson *l, const struct answer *a, unsigned int i)
{
	const struct name *qname = l->name;
	uint16_t type = wire_u16(a->wire + a->ttls[i] - 4);
	struct name owner, host;

	if (!addresses_owner(&owner, a, &l->record->qname, i))
		return;
	if (!name_equal(&owner, qname) && is_theirs(l, &owner))
		learn(l, &owner);
	learn(l, qname);
	if (name_equal(&owner, qname) && addresses_is_service(type) &&
	    addresses_service_host(&host, qname))
		learn(l, &host);
}

void
learn_names(struct names *names, const struct resolve *resolve,
    const struct record *record, const struct answer *answer)
{
	struct addresses addresses;
	struct name target;
	struct addr addr;
	struct lesson l = { names, resolve, record, &addr, &record->qname };

	if (record->led && addresses_target(&target, answer, 0))
		l.name = &target; /* the alias is the first record */
	for (unsigned int i = 0; i < answer->n_answer; i++) {
		addresses_of(&addresses, answer, i);
		while (addresses_next(&addresses, &addr))
			if (!addr_is_any(&addr))
				learn_record(&l, answer, i);
	}
}
