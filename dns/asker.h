#ifndef DNS_ASKER_H
#define DNS_ASKER_H

#include "dns/way.h"
#include "src/base/addr.h"
#include "src/base/budget.h"
#include "src/base/list.h"
#include "src/base/map.h"
#include "src/core/decision.h"
#include "src/core/process.h"
#include "src/core/subject.h"

/* Whose processes ask; nobody's are of one user, too. */
struct asker_user {
	struct map_node node;
	uint32_t uid;
	bool known;
	unsigned int refs; /* of askers */
	unsigned int waiting, tasks, conns;
	struct budget names; /* new ones for tunnels */
};

/* What the rules say of an answer. */
enum filter_found {
	FILTER_PASSES,
	FILTER_DENIED,
	FILTER_AWAY, /* an alias leads to what goes through a tunnel */
};

/* What was decided of an answer that is told to all who wait: once for each who
 * asks, however often it waits. */
struct asker_told {
	uint64_t number; /* of that answer */
	enum filter_found found;
	bool noted; /* names were learnt from it */
	/* where it does not pass: the record, and why not */
	unsigned int record;
	struct decision why;
	bool target; /* as in struct filter_answered */
	struct addr addr;
	struct away away; /* what an alias leads to */
};

/* A process, or another host, that asks: with a number that no other one ever
 * gets, so that what was decided for it can be kept beside an answer. */
struct asker {
	struct map_node node;
	struct list lru;
	const struct process *process; /* a reference */
	struct addr host; /* another one that asks; ADDR_NONE for a program */
	const struct subject_here *here; /* of a program; NULL: not known */
	uint64_t id;			 /* from 1 */
	struct asker_user *user;
	/* what it takes of ours: while it has any it is not forgotten */
	unsigned int waiting; /* queries of its that wait */
	unsigned int tasks;   /* questions under way that it began */
	unsigned int conns;   /* TCP connections */
	size_t behind;	      /* bytes of answers that it does not read */
	struct budget names;  /* new ones for tunnels */
	struct asker_told told;
	/* what policy_judges_addresses() says of it, by which policy */
	uint64_t by_addr_policy;
	bool by_addr;
};

/* Names for tunnels that are new each take an address. So many at once, as a
 * page with much on it needs, and 40 a second in the long run; of all processes
 * of a user four times as many, with which one user alone can't fill the table
 * (FAKEIP_MAX) within the time that an address is kept (FAKEIP_KEPT). */
#define ASKER_NAMES 256
#define ASKER_NAME_NS (25 * MONO_MS)
#define ASKER_USER_NAMES 1024
#define ASKER_USER_NAME_NS (ASKER_NAME_NS / 4)

struct askers {
	struct map map, users;
	struct list lru;
	uint64_t last_id;
	const struct subject_here *here; /* borrowed; NULL: not known */
};

/* More processes at once than that: who was quiet longest gets a new number
 * when it asks again. */
#define ASKERS_MAX 4096

int askers_init(struct askers *askers); /* 0 or -ENOMEM */
void askers_done(struct askers *askers);

/* Finds or makes it, for a program, or for another host that asks (NULL: none):
 * these, whose processes are not known, are one user together. NULL when there
 * is no memory. Those that take something of ours stay; others are borrowed
 * until the next call. */
struct asker *asker_get(struct askers *askers, const struct process *process,
    const struct addr *host);

/* The number of the one that was found last; 0: there is none. */
uint64_t askers_last(const struct askers *askers);

/* One that is in no table. NULL when there is no memory. */
struct asker *asker_new(const struct process *process);
void asker_free(struct asker *asker); /* accepts NULL */

/* Whether it may have a new name, and that it had one. */
bool asker_may_name(struct asker *asker, mono_t now);
void asker_named(struct asker *asker);

#endif
