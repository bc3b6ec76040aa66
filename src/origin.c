#include "src/origin.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/attr.h"
#include "src/core/judge.h"
#include "src/linux/ct.h"
#include "src/linux/diag.h"

/* How long a socket is taken for the same one, and its holder for the same
 * process, without asking the kernel: an answer costs 3 us, and one for each
 * look-up would be as dear as all the rest. */
#define SOCKET_NS (25 * MONO_MS)
#define HOLDER_NS (250 * MONO_MS)

/* Peers that are remembered. */
#define ORIGINS_MAX 8192

/* What the judge knew of the flow. */
struct judged {
	bool known;
	const struct process *process; /* to compare: it may be gone */
	uint64_t inode;
	uint64_t user;
	mono_t first;
	bool by_kernel; /* which says so of each packet */
};

struct entry {
	struct map_node node;
	struct list lru;
	struct flow_key seen, flow;
	bool moved;
	uint64_t inode;
	const struct process *process; /* a reference */
	enum attributed_by by;
	mono_t checked, named;
	struct judged judged;
};

struct origins {
	struct origin_opts opts;
	struct map map;
	struct list lru;
	const struct process *unknown;
};

struct origins *
origins_new(const struct origin_opts *opts)
{
	struct origins *origins = calloc(1, sizeof(*origins));

	if (origins == NULL)
		return NULL;
	origins->opts = *opts;
	list_init(&origins->lru);
	origins->unknown = process_new(PROCESS_UNKNOWN);
	if (origins->unknown == NULL || map_init(&origins->map) < 0) {
		origins_free(origins);
		return NULL;
	}
	return origins;
}

static void
forget(struct origins *origins, struct entry *entry)
{
	list_remove(&entry->lru);
	map_remove(&origins->map, &entry->node);
	process_unref(entry->process);
	free(entry);
}

void
origins_free(struct origins *origins)
{
	if (origins == NULL)
		return;
	while (!list_empty(&origins->lru))
		forget(origins,
		    container_of(origins->lru.next, struct entry, lru));
	map_done(&origins->map);
	process_unref(origins->unknown);
	free(origins);
}

static struct entry *
entry_get(struct origins *origins, const struct flow_key *seen)
{
	uint64_t hash = map_hash(&origins->map, seen, sizeof(*seen));
	struct map_node *node = map_first(&origins->map, hash);
	struct entry *entry;

	for (; node != NULL; node = map_next(node, hash)) {
		entry = container_of(node, struct entry, node);
		if (memcmp(&entry->seen, seen, sizeof(*seen)) != 0)
			continue;
		list_remove(&entry->lru);
		list_prepend(&origins->lru, &entry->lru);
		return entry;
	}
	if (origins->map.count >= ORIGINS_MAX)
		forget(origins,
		    container_of(origins->lru.prev, struct entry, lru));
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	entry->seen = *seen;
	map_put(&origins->map, &entry->node, hash);
	list_prepend(&origins->lru, &entry->lru);
	return entry;
}

/* As the program sees it: the other way round, or as it was before DNAT. */
static const struct flow *
find_flow(struct origins *origins, struct entry *entry)
{
	const struct flow_table *flows = judge_flows(origins->opts.judge);
	const struct flow_key *seen = &entry->seen;
	struct flow_key direct, original;
	const struct flow *flow;

	memset(&direct, 0, sizeof(direct));
	direct.local = seen->remote;
	direct.lport = seen->rport;
	direct.remote = seen->local;
	direct.rport = seen->lport;
	direct.proto = seen->proto;
	entry->flow = direct;
	entry->moved = false;
	flow = flow_find(flows, &direct);
	/* conntrack has the last word: another program may have had these
	 * ports before, and the kernel may have chosen one of them */
	if (origins->opts.ct == NULL ||
	    ct_original(origins->opts.ct, seen, &original, NULL) < 0 ||
	    memcmp(&original, &direct, sizeof(direct)) == 0)
		return flow;
	entry->flow = original;
	entry->moved = true;
	return flow_find(flows, &original);
}

static void
set_process(struct entry *entry, const struct process *proc,
    enum attributed_by by, mono_t now)
{
	const struct process *old = entry->process;

	entry->process = process_ref(proc);
	entry->by = by;
	entry->named = now;
	process_unref(old);
}

static bool
is_here(const struct origins *origins, const struct entry *entry)
{
	const struct origin_opts *opts = &origins->opts;

	return addr_is_loopback(&entry->seen.local) ||
	       opts->is_here(opts->arg, &entry->flow.local);
}

/* The judge has no such flow. */
static void
ask(struct origins *origins, struct entry *entry, mono_t now)
{
	const struct process *proc = NULL;
	enum attributed_by by = BY_NONE;
	int r = attr_flow(origins->opts.attr, &entry->flow, &proc, &by);

	/* the kernel says who sent it, be it in a container; a socket is only
	 * known by where it is bound */
	if (r == 0 && (by == BY_BPF || is_here(origins, entry)))
		set_process(entry, proc, by, now);
	else
		set_process(entry, origins->unknown, BY_NONE, now);
	process_unref(proc);
}

/* Nobody saw who used it: that is who has the socket now. */
static void
look_at_socket(struct origins *origins, struct entry *entry,
    const struct flow *flow, mono_t now)
{
	const struct process *proc = NULL;
	struct socket_facts sock;

	memset(&sock, 0, sizeof(sock));
	diag_find(origins->opts.diag, &entry->flow, false, 0, &sock);
	if (sock.status != SOCKET_FOUND || sock.inode == 0) {
		/* it has gone, after it spoke: the judge saw it */
		entry->inode = 0;
		set_process(entry, flow->process, flow->by, now);
		return;
	}
	if (entry->process != NULL && entry->inode == sock.inode &&
	    mono_since(now, entry->named) < HOLDER_NS)
		return;
	entry->inode = sock.inode;
	if (flow->inode == sock.inode &&
	    flow->process->kind == PROCESS_PROGRAM && entry->process == NULL) {
		set_process(entry, flow->process, flow->by, now);
		return;
	}
	attr_round(origins->opts.attr, now); /* it is asked now */
	if (attr_process(origins->opts.attr, &sock, &proc) == 0)
		set_process(entry, proc, sock.by, now);
	else if (flow->inode == sock.inode)
		set_process(entry, flow->process, flow->by, now);
	else
		set_process(entry, origins->unknown, BY_NONE, now);
	process_unref(proc);
}

static struct judged
judged_of(const struct flow *flow)
{
	if (flow == NULL)
		return (struct judged){ .known = false };
	return (struct judged){ true, flow->process, flow->inode, flow->user,
		flow->first, flow->by == BY_BPF };
}

static bool
is_same(const struct judged *a, const struct judged *b)
{
	return a->known == b->known && a->process == b->process &&
	       a->inode == b->inode && a->user == b->user &&
	       a->first.ns == b->first.ns;
}

static void
look(struct origins *origins, struct entry *entry, mono_t now)
{
	const struct flow *flow = find_flow(origins, entry);
	struct judged judged = judged_of(flow);

	entry->checked = now;
	if (!is_same(&judged, &entry->judged))
		entry->named = (mono_t){ 0 }; /* another has it, perhaps */
	entry->judged = judged;
	if (flow == NULL)
		ask(origins, entry, now);
	else if (flow->by == BY_BPF) /* and nobody else goes on with it */
		set_process(entry, flow->process, flow->by, now);
	else
		look_at_socket(origins, entry, flow, now);
}

/* Who sends next is known where the kernel says so, and of a connection. Else
 * another program may bind the port in between, and where conntrack has the
 * flow still no packet comes by the judge: one look is for what was read at
 * once. */
static uint64_t
trust_ns(const struct entry *entry)
{
	return entry->judged.by_kernel || entry->seen.proto == IPPROTO_TCP
		   ? SOCKET_NS
		   : 1;
}

/* What the judge knows may be newer than the look at it: another flow of these
 * ports, or another process that goes on with it. */
static bool
is_stale(const struct origins *origins, const struct entry *entry, mono_t now)
{
	struct judged judged;

	if (entry->process == NULL ||
	    mono_since(now, entry->checked) >= trust_ns(entry))
		return true;
	judged = judged_of(
	    flow_find(judge_flows(origins->opts.judge), &entry->flow));
	return !is_same(&judged, &entry->judged);
}

/* A program may have gone on, by its next socket, with the flow of one that is
 * closed: its answer needs conntrack's entry. That the other one is closed is
 * heard before this. */
static void
note_query(struct origins *origins, const struct entry *entry)
{
	struct flow *flow;

	attr_drain(origins->opts.attr);
	flow = flow_find(judge_flows(origins->opts.judge), &entry->flow);
	if (flow != NULL)
		flow->asked = mono_now();
}

void
origins_find(struct origins *origins, const struct flow_key *seen, mono_t now,
    struct origin *ret)
{
	struct entry *entry = entry_get(origins, seen);

	memset(ret, 0, sizeof(*ret));
	ret->process = origins->unknown;
	if (entry == NULL)
		return; /* no memory: nobody is guessed */
	if (is_stale(origins, entry, now))
		look(origins, entry, now);
	if (entry->moved)
		note_query(origins, entry);
	ret->process = entry->process;
	ret->by = entry->by;
	ret->flow = entry->flow;
	ret->moved = entry->moved;
}
