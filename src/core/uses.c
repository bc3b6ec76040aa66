#include "src/core/uses.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/spare.h"
#include "src/core/packet.h"

/* A packet waits no longer for its verdict: what others sent between the same
 * ends before that can't be meant. */
#define WAIT_NS (10 * MONO_S)
/* Those that room is looked for among, from the oldest on. */
#define LOOKED_AT 16

/* Processes that send between the same ends at the same time, and packets of
 * each that are told from those of the others: a burst of datagrams. */
#define SAME_MAX 4
#define PRINTS_MAX 4

struct entry {
	struct map_node node;
	struct list lru;
	struct flow_key key;
	struct who *who;
	uint64_t socket;
	/* of each packet's first bytes, so many: of the last ones that were
	 * not asked about; length 0: none */
	uint64_t prints[PRINTS_MAX];
	uint16_t lens[PRINTS_MAX];
	uint64_t pushed;  /* a bit for each that made room since none waits */
	uint8_t n_prints; /* that there were ever, as a ring */
	uint8_t device;	  /* see struct used */
	bool connected : 1, begins : 1, answers : 1;
	unsigned int waiting; /* packets that were not asked about yet */
	mono_t when;
	mono_t lost; /* when another one made room here whose packets waited */
	uint64_t order; /* which was the last of all, the second last … */
};

struct uses {
	struct map entries, whos;
	struct list lru; /* the youngest first */
	size_t max, judged;
	uint64_t ids, orders;
	struct spare who, entry; /* the next ones */
};

static bool
is_same_actor(const struct actor *a, const struct actor *b)
{
	return a->pid == b->pid && a->start == b->start && a->exec == b->exec &&
	       a->uid == b->uid && a->gid == b->gid && a->groups == b->groups &&
	       a->cgroup == b->cgroup && a->exe_dev == b->exe_dev &&
	       a->exe_ino == b->exe_ino &&
	       memcmp(a->comm, b->comm, sizeof(a->comm)) == 0;
}

/* The same program of the same user in the same unit: workers of one service,
 * which no rule but one by parent or command line tells apart. */
static bool
is_alike(const struct actor *a, const struct actor *b)
{
	return a->exe_dev == b->exe_dev && a->exe_ino == b->exe_ino &&
	       a->uid == b->uid && a->gid == b->gid && a->groups == b->groups;
}

struct uses *
uses_new(size_t max, size_t judged)
{
	struct uses *uses = calloc(1, sizeof(*uses));

	if (uses == NULL)
		return NULL;
	uses->max = max > 0 ? max : 1;
	uses->judged = judged > 0 ? judged : 1;
	list_init(&uses->lru);
	if (map_init(&uses->entries) < 0 || map_init(&uses->whos) < 0) {
		uses_free(uses);
		return NULL;
	}
	return uses;
}

static void
who_unref(struct uses *uses, struct who *who)
{
	assert(who->refs > 0);
	if (--who->refs > 0)
		return;
	map_remove(&uses->whos, &who->node);
	process_unref(who->process);
	free(who);
}

static void
entry_forget(struct uses *uses, struct entry *entry)
{
	list_remove(&entry->lru);
	map_remove(&uses->entries, &entry->node);
	who_unref(uses, entry->who);
	free(entry);
}

void
uses_free(struct uses *uses)
{
	if (uses == NULL)
		return;
	while (!list_empty(&uses->lru))
		entry_forget(
		    uses, container_of(uses->lru.next, struct entry, lru));
	map_done(&uses->entries);
	map_done(&uses->whos);
	spare_done(&uses->who);
	spare_done(&uses->entry);
	free(uses);
}

void
uses_expect(const struct uses *uses)
{
	spare_expect(&uses->who, sizeof(struct who));
	spare_expect(&uses->entry, sizeof(struct entry));
}

static uint64_t
who_hash(const struct uses *uses, const struct actor *actor)
{
	const uint64_t key[] = { (uint64_t)actor->pid, actor->start,
		actor->exec };

	return map_hash(&uses->whos, key, sizeof(key));
}

/* With one more reference; NULL when there is no memory. */
static struct who *
who_get(struct uses *uses, const struct actor *actor, uint64_t hash)
{
	struct map_node *node = map_first(&uses->whos, hash);
	struct who *who;

	for (; node != NULL; node = map_next(node, hash)) {
		who = container_of(node, struct who, node);
		if (is_same_actor(&who->actor, actor)) {
			who->refs++;
			return who;
		}
	}
	who = spare_take(&uses->who, sizeof(*who));
	if (who == NULL)
		return NULL;
	who->refs = 1;
	who->id = ++uses->ids;
	who->actor = *actor;
	map_put(&uses->whos, &who->node, hash);
	return who;
}

static struct entry *
entry_next(struct map_node *node, uint64_t hash, const struct flow_key *key)
{
	for (; node != NULL; node = map_next(node, hash)) {
		struct entry *entry = container_of(node, struct entry, node);

		if (memcmp(&entry->key, key, sizeof(*key)) == 0)
			return entry;
	}
	return NULL;
}

#define for_each_same(entry, map, hash, key)                                   \
	for ((entry) = entry_next(map_first(map, hash), hash, key);            \
	     (entry) != NULL;                                                  \
	     (entry) = entry_next(map_next(&(entry)->node, hash), hash, key))

/* So that one more may come. After a burst there are two for each that does,
 * until the table has its usual size. One whose packet is on its way, or was
 * lost, stays as long as there is room: behind it may be others that need not.
 */
static void
make_room(struct uses *uses, mono_t now)
{
	struct list *node = uses->lru.prev;
	int out = 0;

	for (int i = 0; i < LOOKED_AT && out < 2 && node != &uses->lru; i++) {
		struct entry *entry = container_of(node, struct entry, lru);
		bool waits = entry->waiting > 0 &&
			     mono_since(now, entry->when) <= WAIT_NS;

		if (uses->entries.count < uses->judged)
			return;
		node = node->prev;
		if (waits && uses->entries.count < uses->max)
			continue;
		entry_forget(uses, entry);
		out++;
	}
}

static uint64_t
print_bit(uint64_t print)
{
	return UINT64_C(1) << print % 64;
}

/* What waits of it is of that one, which is like it. */
static void
inherit(struct entry *to, const struct entry *from)
{
	to->waiting += from->waiting;
	to->pushed |= from->pushed;
	for (unsigned int at = 0; at < PRINTS_MAX; at++)
		if (from->lens[at] != 0)
			to->pushed |= print_bit(from->prints[at]);
}

struct ends {
	struct flow_key key;
	uint64_t hash;
};

/* Where too many send between the same ends the oldest gives way to that one.
 * Its packets that wait are then of one that is like it: else that one knows
 * when they were lost; so of one that it had made room for. */
static void
give_way(struct uses *uses, const struct ends *ends, struct entry *oldest,
    struct entry *to, mono_t now)
{
	const struct actor *actor = &oldest->who->actor;
	struct entry *entry, *heir = NULL;

	for_each_same(entry, &uses->entries, ends->hash, &ends->key)
	{
		if (entry != oldest && is_alike(actor, &entry->who->actor))
			heir = entry;
	}
	to->lost = oldest->lost;
	if (heir != NULL)
		inherit(heir, oldest);
	else if (oldest->waiting > 0)
		to->lost = now;
	entry_forget(uses, oldest);
}

/* The one of that process and socket, or a new one. */
static struct entry *
entry_get(struct uses *uses, const struct ends *ends, struct who *who,
    uint64_t socket, mono_t now)
{
	struct entry *entry, *oldest = NULL;
	size_t n = 0;

	for_each_same(entry, &uses->entries, ends->hash, &ends->key)
	{
		if (entry->who == who && entry->socket == socket)
			return entry;
		if (oldest == NULL || entry->order < oldest->order)
			oldest = entry;
		n++;
	}
	if (n < SAME_MAX)
		make_room(uses, now);
	entry = spare_take(&uses->entry, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	entry->key = ends->key;
	entry->who = who;
	who->refs++;
	entry->socket = socket;
	list_init(&entry->lru);
	map_put(&uses->entries, &entry->node, ends->hash);
	if (n >= SAME_MAX)
		give_way(uses, ends, oldest, entry, now);
	return entry;
}

static void
put_print(const struct uses *uses, struct entry *entry, const struct use *use)
{
	unsigned int at = entry->n_prints++ % PRINTS_MAX;

	if (entry->lens[at] != 0)
		entry->pushed |= print_bit(entry->prints[at]);
	entry->prints[at] = map_hash(&uses->entries, use->head, use->head_len);
	entry->lens[at] = (uint16_t)use->head_len; /* a hundred or so */
}

int
uses_put(struct uses *uses, const struct use *use, mono_t now,
    struct flow_key *ret_key)
{
	const uint64_t hash = who_hash(uses, &use->actor);
	struct packet pkt;
	struct entry *entry;
	struct ends ends;
	struct who *who;
	int r;

	map_expect(&uses->whos, hash);
	r = packet_parse(&pkt, use->head, use->head_len, use->total);
	if (r < 0)
		return r;
	ends.key = flow_key_of(&pkt.tuple, false);
	ends.hash = map_hash(&uses->entries, &ends.key, sizeof(ends.key));
	map_expect(&uses->entries, ends.hash);
	if (ret_key != NULL)
		*ret_key = ends.key;
	/* who ends another one's connection (SOCK_DESTROY: we, or ss -K) is
	 * at work then, but is not who used it */
	if (pkt.tuple.proto == IPPROTO_TCP &&
	    (pkt.tcp_flags & PACKET_TCP_RST) != 0)
		return 0;
	who = who_get(uses, &use->actor, hash);
	if (who == NULL)
		return -ENOMEM;
	entry = entry_get(uses, &ends, who, use->socket, now);
	who_unref(uses, who); /* the entry has its own */
	if (entry == NULL)
		return -ENOMEM;
	entry->connected = use->connected;
	entry->device =
	    (uint8_t)(use->device < UINT8_MAX ? use->device : UINT8_MAX);
	entry->begins = use->begins;
	entry->answers = use->answers;
	entry->when = now;
	if (!use->taken) { /* else it comes to nobody */
		entry->waiting++;
		put_print(uses, entry, use);
	}
	entry->order = ++uses->orders;
	list_remove(&entry->lru);
	list_prepend(&uses->lru, &entry->lru);
	return 0;
}

/* The place of the packet's print; PRINTS_MAX: it has none. */
static unsigned int
find_print(const struct uses *uses, const struct entry *entry, const void *head,
    size_t len)
{
	unsigned int at = 0;

	while (at < PRINTS_MAX &&
	       (entry->lens[at] == 0 || len < entry->lens[at] ||
		   map_hash(&uses->entries, head, entry->lens[at]) !=
		       entry->prints[at]))
		at++;
	return at;
}

/* Whether one with other bytes than those that are known may wait, too: where
 * not, what has others is a packet that was let go when it was sent, and came
 * to be judged all the same, since its mark was taken away at that moment. */
static bool
has_unknown(const struct entry *entry)
{
	unsigned int known = 0;

	for (unsigned int at = 0; at < PRINTS_MAX; at++)
		known += entry->lens[at] != 0;
	return entry->waiting > known;
}

/* It was asked about: another one with the same bytes may be of others. */
static void
note_asked(
    const struct uses *uses, struct entry *entry, const void *head, size_t len)
{
	unsigned int at;

	if (entry->waiting > 0)
		entry->waiting--;
	if (entry->waiting == 0) { /* which costs less */
		memset(entry->lens, 0, sizeof(entry->lens));
		entry->pushed = 0;
		return;
	}
	at = find_print(uses, entry, head, len);
	if (at < PRINTS_MAX)
		entry->lens[at] = 0;
}

/* Whether one that is not like it may have sent the packet with that print, and
 * more since than are known of it. */
static bool
may_be_others(const struct uses *uses, const struct entry *found, uint64_t hash,
    const void *head, size_t len)
{
	unsigned int at = find_print(uses, found, head, len);
	uint64_t bit = print_bit(found->prints[at]);
	struct entry *entry;

	for_each_same(entry, &uses->entries, hash, &found->key)
	{
		if (entry != found && (entry->pushed & bit) != 0 &&
		    mono_since(found->when, entry->when) <= WAIT_NS &&
		    has_unknown(entry) &&
		    !is_alike(&entry->who->actor, &found->who->actor))
			return true;
	}
	return false;
}

static bool
has_lost(const struct entry *entry, mono_t now)
{
	return entry->lost.ns != 0 && mono_since(now, entry->lost) <= WAIT_NS;
}

/* Several sent between these ends. One of those of whom packets wait for a
 * verdict, by its bytes where these are not all alike, or there may be packets
 * of others; where none waits, and all are alike or can only have come one
 * after the other, the newest. */
static struct entry *
tell_apart(const struct uses *uses, struct entry *newest, uint64_t hash,
    const void *head, size_t len)
{
	struct entry *entry, *found = NULL, *waits = NULL;
	bool alike = true, waiting_alike = true, lost = false;
	bool may_wait = head == NULL;
	unsigned int n_found = 0;

	for_each_same(entry, &uses->entries, hash, &newest->key)
	{
		const struct actor *actor = &entry->who->actor;

		if (mono_since(newest->when, entry->when) > WAIT_NS)
			continue;
		lost = lost || has_lost(entry, newest->when);
		alike = alike && is_alike(actor, &newest->who->actor);
		if (entry->waiting == 0)
			continue;
		waiting_alike =
		    waiting_alike &&
		    (waits == NULL || is_alike(actor, &waits->who->actor));
		if (waits == NULL || entry->order > waits->order)
			waits = entry;
		may_wait = may_wait || has_unknown(entry);
		if (find_print(uses, entry, head, len) < PRINTS_MAX) {
			found = entry;
			n_found++;
		}
	}
	if (n_found == 1)
		return may_be_others(uses, found, hash, head, len) ? NULL
								   : found;
	/* one socket of TCP has these ends at a time, and it sends again */
	alike = alike || newest->key.proto == IPPROTO_TCP;
	if (lost && newest->key.proto != IPPROTO_TCP)
		return NULL;
	if (waits != NULL)
		return waiting_alike && (alike || n_found > 0 || may_wait)
			   ? waits
			   : NULL;
	return alike ? newest : NULL;
}

enum uses_found
uses_find(struct uses *uses, const struct flow_key *key, const void *head,
    size_t len, struct used *ret)
{
	uint64_t hash = map_hash(&uses->entries, key, sizeof(*key));
	struct entry *entry, *newest = NULL;
	size_t n = 0;

	for_each_same(entry, &uses->entries, hash, key)
	{
		if (newest == NULL || entry->order > newest->order)
			newest = entry;
		n++;
	}
	if (newest == NULL)
		return USES_NONE;
	if (n > 1)
		newest = tell_apart(uses, newest, hash, head, len);
	if (newest == NULL)
		return USES_MIXED;
	*ret = (struct used){ newest->who, newest->socket, newest->device,
		newest->connected, newest->answers, newest->begins };
	if (head == NULL)
		return USES_ONE;
	note_asked(uses, newest, head, len);
	newest->begins = false; /* what comes after it is not the first */
	return USES_ONE;
}

size_t
uses_count(const struct uses *uses)
{
	return uses->entries.count;
}
