#include "port17/udp_own.h"

#include <string.h>
#include <sys/socket.h>

#include "port17/listen_ev.h"
#include "src/linux/ct.h"

/* Whose a port is. The entry knows a program's datagrams by the port that they
 * come from, which conntrack gives to another flow where it was made to forget
 * the first one: `conntrack -F`, or a time-out that others have shortened. What
 * waits at the entry then, and answers that come late, would be the second's.
 *
 * No flow begins without a verdict of ours. So the port that it is most likely
 * to get is looked at before that; and the one that it got, before anything is
 * read that came afterwards. */

/* In one go, some 300 us. */
#define DROPPED_MAX 1024
/* What was sent before is at the entry then. */
#define ON_ITS_WAY_NS MONO_MS

int
udp_original(struct udp *udp, const struct flow_key *seen, struct flow_key *ret)
{
	udp->counters.lookups++;
	return ct_original(udp->opts.ct, seen, ret, NULL);
}

bool
udp_flow_is_still(struct udp *udp, struct udp_flow *flow, bool ask)
{
	struct flow_key key, seen;

	if (!ask || flow->lost)
		return !flow->lost;
	seen = udp_flow_seen(flow);
	flow->lost = udp_original(udp, &seen, &key) < 0 ||
		     memcmp(&key, &flow->nat.key, sizeof(key)) != 0;
	return !flow->lost;
}

/* What waits -------------------------------------------------------------- */

static bool
is_emptied(struct udp *udp, int fd)
{
	for (size_t n = 0; n < DROPPED_MAX; n++) {
		if (recv(fd, NULL, 0, MSG_DONTWAIT) < 0)
			return true;
		udp->counters.dropped++;
	}
	return false;
}

static void
drop_waiting(struct udp *udp)
{
	mono_t now = mono_now();

	udp->dropping = mono_before(now, udp->drop_until);
	for (size_t i = 0; i < 2; i++) {
		struct entry *entry = &udp->entries[i];

		if (entry->sock.fd < 0)
			continue;
		if (is_emptied(udp, entry->sock.fd))
			begun_clear(&entry->begun, now);
		else
			udp->dropping = true;
	}
}

/* A flow that spoke a moment ago has lost its port. */
static void
drop_from_now(struct udp *udp)
{
	udp->dropping = true;
	udp->drop_until = mono_add(mono_now(), ON_ITS_WAY_NS);
}

/* What has come by that port is not the flow's any more. */
static void
lose_port(struct udp_flow *flow)
{
	flow->lost = true;
	list_remove(&flow->closed);
	if (udp_flow_has_way(flow)) /* else it may be long in coming */
		udpnat_leave(&flow->udp->nat, &flow->nat, mono_now());
}

static bool
is_read(const struct entry *entry)
{
	return recv(entry->sock.fd, NULL, 0, MSG_DONTWAIT | MSG_PEEK) < 0;
}

void
udp_was_read(struct entry *entry)
{
	struct list *closed = &entry->closed;

	if ((entry->begun.n_asked == 0 && list_empty(closed)) ||
	    !is_read(entry))
		return;
	/* those did not come, or came before others */
	begun_clear(&entry->begun, mono_now());
	while (!list_empty(closed))
		lose_port(container_of(closed->next, struct udp_flow, closed));
}

void
udp_closed(struct udp *udp, const struct flow_key *key)
{
	struct udpnat_entry *nat = udpnat_find_key(&udp->nat, key);
	struct udp_flow *flow;
	struct entry *entry;

	if (nat == NULL)
		return;
	flow = container_of(nat, struct udp_flow, nat);
	entry = &udp->entries[flow->entry];
	if (is_read(entry)) {
		lose_port(flow);
		return;
	}
	list_remove(&flow->closed);
	list_append(&entry->closed, &flow->closed);
}

/* What begins -------------------------------------------------------------- */

static struct udp_flow *
at_port(const struct udp *udp, const struct addr *peer, uint16_t port)
{
	struct udpnat_entry *nat = udpnat_find(&udp->nat, peer, port);

	return nat != NULL ? container_of(nat, struct udp_flow, nat) : NULL;
}

static bool
is_of(const struct udp_flow *flow, const struct flow_key *key)
{
	return memcmp(&flow->nat.key, key, sizeof(*key)) == 0;
}

/* False: who has the port that is most likely to be this one's, by what is
 * known, has lost it a moment ago, and is another. */
static bool
is_at_peace(struct udp *udp, const struct flow_key *key)
{
	struct udp_flow *flow = at_port(udp, &key->local, key->lport);

	return flow == NULL || flow->lost || is_of(flow, key) ||
	       udp_flow_is_still(udp, flow, true);
}

uint64_t
udp_who(const struct udp *udp, const struct process *process)
{
	const struct map *map = &udp->nat.keys;
	const uint64_t words[] = {
		process->kind,
		process->exe_dev,
		process->exe_ino,
		process->uid,
		map_hash(map, process->exe, strlen(process->exe)),
		map_hash(map, process->unit, strlen(process->unit)),
	};

	return map_hash(map, words, sizeof(words)) | 1;
}

static struct udp_flow *
between(const struct udp *udp, const struct flow_key *key)
{
	struct udpnat_entry *nat = udpnat_find_key(&udp->nat, key);

	return nat != NULL ? container_of(nat, struct udp_flow, nat) : NULL;
}

bool
udp_is_anothers(const struct udp *udp, const struct flow_key *key,
    const struct process *process)
{
	const struct udp_flow *flow = between(udp, key);

	return flow != NULL && flow->who != udp_who(udp, process);
}

void
udp_taken(struct udp *udp, const struct flow_key *key)
{
	struct udp_flow *flow = between(udp, key);

	if (flow != NULL)
		flow->taken = mono_now();
}

bool
udp_leaves(
    struct udp *udp, const struct flow_key *key, const struct process *process)
{
	struct udp_flow *flow = between(udp, key);

	if (flow == NULL)
		return true;
	if (udp_is_anothers(udp, key, process) &&
	    (mono_since(mono_now(), flow->taken) < ON_ITS_WAY_NS ||
		!is_read(&udp->entries[flow->entry]))) {
		udp->counters.dropped++;
		return false;
	}
	udp_flow_end(udp, flow, CLOSED_PROGRAM);
	return true;
}

/* What is on its way is known by its ends. */
static bool
may_come(struct udp *udp, struct entry *entry, const struct flow_key *key,
    uint64_t who)
{
	if (udp->dropping)
		return false;
	if (begun_add(&entry->begun, key, who, mono_now()))
		return true;
	if (!udp_settle(udp))
		return false;
	udp_was_read(entry); /* where nothing waits, none will come */
	return begun_add(&entry->begun, key, who, mono_now());
}

bool
udp_begins(
    struct udp *udp, const struct flow_key *key, const struct process *process)
{
	struct entry *entry =
	    &udp->entries[key->local.family == ADDR_IP6 ? 1 : 0];

	if (entry->sock.fd < 0)
		return true; /* and will be refused there */
	/* what waits is not this one's yet */
	if (!is_at_peace(udp, key) || udp->dropping)
		drop_waiting(udp);
	if (may_come(udp, entry, key, udp_who(udp, process)))
		return true;
	udp->counters.dropped++;
	return false;
}

void
udp_straight(struct udp *udp, const struct flow_key *key)
{
	struct udp_flow *flow = at_port(udp, &key->local, key->lport);

	if (flow != NULL)
		flow->heard = (mono_t){ 0 }; /* long ago */
}

/* One that has begun, and got that port: it is nobody else's any more, and its
 * own again where it was before. False where it was another's until now. */
static bool
take_port(
    struct udp *udp, const struct flow_key *key, const struct flow_key *reply)
{
	struct udp_flow *flow = at_port(udp, &reply->remote, reply->rport);

	if (flow == NULL)
		return true;
	if (is_of(flow, key)) {
		flow->lost = false;
		flow->again = true;
		return true;
	}
	if (flow->lost)
		return true;
	flow->lost = true;
	return false;
}

static bool
is_settled(struct udp *udp, struct begun *begun)
{
	size_t from = begun->n_asked;
	const struct flow_key *key;
	bool settled = true;

	while ((key = begun_ask(begun)) != NULL) {
		struct flow_key reply;
		bool known = ct_reply(udp->opts.ct, key, &reply, NULL) == 0;

		udp->counters.lookups++;
		if (known && !take_port(udp, key, &reply))
			settled = false;
		/* it may have had that one's, and lost it, too */
		if (!known && !is_at_peace(udp, key))
			settled = false;
		begun_answer(begun, known ? &reply : NULL);
	}
	return settled && !begun_share(begun, from);
}

bool
udp_settle(struct udp *udp)
{
	for (size_t i = 0; i < 2; i++)
		if (begun_ask(&udp->entries[i].begun) != NULL &&
		    !is_settled(udp, &udp->entries[i].begun))
			drop_from_now(udp);
	if (udp->dropping)
		drop_waiting(udp);
	return !udp->dropping;
}
