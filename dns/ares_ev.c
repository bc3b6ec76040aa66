#include "dns/ares_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/ares_sock_ev.h"

/* c-ares is a carrier of single questions over TCP here, where an answer was
 * cut or the settings say so. What it does not do is done around it: which
 * server and when (resolve), and whether an answer is one (it knows nothing of
 * letters' case). Datagrams are dns/plain_ev.c's: here they would be a socket
 * for one or two questions, each judged as any program's flow, and answers
 * would have to be looked at before it gets them. */

/* Channels of one upstream: each is a connection while it is busy. */
#define CHANNELS_MAX 16
/* Questions before a busy channel's connection is given up. */
#define CHANNEL_USES 64
/* For its own clock; resolve has had its say long before. */
#define TIMEOUT_MS 5000
#define TICK_MS 250
/* From 1.32 on it waits for a server that it has heard that often no longer
 * than 250 ms or five times the mean, whatever it is told: a question that
 * takes its time would fail. So a channel is made anew before that. */
#if ARES_VERSION >= 0x012000
#define CHANNEL_ANSWERS 3
#else
#define CHANNEL_ANSWERS UINT_MAX
#endif

/* Answers are kept by ourselves alone: what it is to keep is 0 s in options. */
#if ARES_VERSION >= 0x011700
#define NO_CACHE ARES_OPT_QUERY_CACHE
#else
#define NO_CACHE 0
#endif

/* A question within a channel. */
struct flight {
	struct list node; /* by id, in the channel */
	struct channel *channel;
	struct attempt *attempt;
	uint16_t id;
	bool sending; /* in ares_send(): it may call back at once */
	bool ended;   /* it did, with this status */
	int status;
};

static struct flight *
find_flight(struct channel *channel, uint16_t id)
{
	struct list *node, *head = &channel->by_id[id % ARES_ID_SLOTS];

	list_for_each (node, head) {
		struct flight *f = container_of(node, struct flight, node);

		if (f->id == id)
			return f;
	}
	return NULL;
}

static bool
is_spent(const struct channel *channel)
{
	return channel->answers >= CHANNEL_ANSWERS;
}

/* Idle, and nothing for the next question. c-ares may be calling, so that it is
 * not freed here. */
static void
channel_retire(struct channel *channel)
{
	struct ares_ev *ae = channel->pool->ae;

	list_remove(&channel->node);
	channel->pool->n_channels--;
	list_append(&ae->spent, &channel->busy);
	event_active(ae->tick, EV_TIMEOUT, 0);
}

static void
flight_free(struct flight *flight)
{
	struct channel *channel = flight->channel;

	list_remove(&flight->node);
	if (--channel->n_flights == 0) {
		list_remove(&channel->busy);
		channel->uses = 0; /* its socket is closed: another next */
		if (is_spent(channel))
			channel_retire(channel);
	}
	free(flight);
}

static int
error_of(int status)
{
	switch (status) {
	case ARES_ETIMEOUT:
		return -ETIMEDOUT;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return -ECANCELED;
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return -ECONNREFUSED;
	}
}

/* From 1.28 on it asks without EDNS by itself after FORMERR, whatever the
 * flags: an answer without an OPT may be that of such a question. */
static void
note_own_way(struct attempt *attempt, const uint8_t *msg)
{
	unsigned int rcode = wire_u16(msg + 2) & WIRE_RCODE;

	if (ARES_VERSION < 0x011c00 || !attempt->edns ||
	    wire_u16(msg + 10) != 0 || rcode == RCODE_SERVFAIL ||
	    rcode == RCODE_NOTIMP)
		return;
	attempt->edns = false;
	attempt->settles = DOUBT_EDNS;
}

static void
on_answer(void *arg, int status, int timeouts, unsigned char *msg, int len)
{
	struct flight *f = arg;
	struct attempt *attempt = f->attempt;
	struct resolve *resolve = f->channel->pool->ae->resolve;
	mono_t now = mono_now();
	bool fits;

	(void)timeouts;
	if (f->sending) {
		f->ended = true;
		f->status = status;
		return;
	}
	if (status != ARES_SUCCESS) {
		flight_free(f);
		resolve_failed(resolve, attempt, error_of(status), now);
		return;
	}
	fits = resolve_fits(resolve, attempt, msg, (size_t)len);
	f->channel->answers++;
	flight_free(f);
	if (fits) {
		note_own_way(attempt, msg);
		resolve_answer(resolve, attempt, msg, (size_t)len, now);
	} else
		resolve_failed(resolve, attempt, -EBADMSG, now);
}

static void
channel_free(struct channel *channel)
{
	/* calls back for each flight */
	ares_destroy(channel->ares);
	list_remove(&channel->busy);
	list_remove(&channel->node);
	free(channel);
}

static struct channel *
channel_new(struct pool *pool)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	/* everything is given, so that no file of the system's is read: its
	 * servers may be ourselves. Which server it is knows ares_sock_ev.c */
	static char none[] = "/dev/null", lookups[] = "b";
	struct in_addr any = { .s_addr = htonl(INADDR_LOOPBACK) };
	/* not ARES_FLAG_EDNS: with FORMERR it would send what is left of the
	 * question without its last 11 bytes, which need not be an OPT */
	struct ares_options options = {
		.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_IGNTC |
			 ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
			 ARES_FLAG_USEVC,
		.timeout = TIMEOUT_MS,
		.tries = 1,
		.ndots = 1,
		.servers = &any,
		.nservers = 1,
		.lookups = lookups,
		.sock_state_cb = ares_sock_state,
		.sock_state_cb_data = channel,
		.resolvconf_path = none,
	};

	if (channel == NULL)
		return NULL;
	channel->pool = pool;
	list_init(&channel->node);
	list_init(&channel->busy);
	for (size_t i = 0; i < ARES_ID_SLOTS; i++)
		list_init(&channel->by_id[i]);
	if (ares_init_options(&channel->ares, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		    ARES_OPT_NDOTS | ARES_OPT_SERVERS | ARES_OPT_LOOKUPS |
		    ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB |
		    ARES_OPT_RESOLVCONF | NO_CACHE) != ARES_SUCCESS) {
		free(channel);
		return NULL;
	}
	ares_sock_prepare(channel);
	list_append(&pool->channels, &channel->node);
	pool->n_channels++;
	return channel;
}

/* One that is idle; else a new one; else, by chance, one that has not been used
 * for long. */
static struct channel *
channel_pick(struct pool *pool)
{
	struct channel *found = NULL, *any = NULL;
	unsigned int n = 0;
	unsigned int skip = resolve_random(pool->ae->resolve) % CHANNELS_MAX;
	struct list *node;

	list_for_each (node, &pool->channels) {
		struct channel *c = container_of(node, struct channel, node);
		bool fresh = c->uses < CHANNEL_USES && !is_spent(c);

		if (c->n_flights == 0)
			return c;
		if (n++ <= skip) {
			any = c;
			if (fresh)
				found = c;
		} else if (found == NULL && fresh)
			found = c;
	}
	if (pool->n_channels < CHANNELS_MAX) {
		struct channel *made = channel_new(pool);

		if (made != NULL)
			return made;
	}
	return found != NULL ? found : any;
}

static struct pool *
pool_of(struct ares_ev *ae, struct upstream *upstream)
{
	size_t place = upstream->number;
	struct pool *pool;

	if (place >= ae->n_pools) {
		size_t n = place + 16;
		void *v = reallocarray(ae->pools, n, sizeof(ae->pools[0]));

		if (v == NULL)
			return NULL;
		ae->pools = v;
		memset(ae->pools + ae->n_pools, 0,
		    (n - ae->n_pools) * sizeof(ae->pools[0]));
		ae->n_pools = n;
	}
	if (ae->pools[place] != NULL)
		return ae->pools[place];
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return NULL;
	pool->ae = ae;
	pool->upstream = upstream;
	list_init(&pool->channels);
	ae->pools[place] = pool;
	return pool;
}

static uint16_t
new_id(struct channel *channel)
{
	uint16_t id;

	do
		id = (uint16_t)resolve_random(channel->pool->ae->resolve);
	while (find_flight(channel, id) != NULL);
	return id;
}

static void
get_busy(struct ares_ev *ae, struct channel *channel)
{
	static const struct timeval tick = { 0, TICK_MS * 1000 };

	/* what would be late without it fails at its own deadline */
	if (list_empty(&ae->busy))
		(void)event_add(ae->tick, &tick);
	list_append(&ae->busy, &channel->busy);
}

static int
fly(struct channel *channel, struct flight *f, uint8_t *msg, size_t len)
{
	int status;

	f->channel = channel;
	f->id = new_id(channel);
	wire_put16(msg, f->id);
	list_append(&channel->by_id[f->id % ARES_ID_SLOTS], &f->node);
	if (channel->n_flights++ == 0)
		get_busy(channel->pool->ae, channel);
	channel->uses++;
	f->sending = true;
	ares_send(channel->ares, msg, (int)len, on_answer, f);
	f->sending = false;
	if (!f->ended)
		return 0;
	status = f->status;
	flight_free(f);
	return error_of(status);
}

int
ares_ev_send(
    struct ares_ev *ae, struct attempt *attempt, uint8_t *msg, size_t len)
{
	struct pool *pool = pool_of(ae, attempt->upstream);
	struct channel *channel;
	struct flight *f;

	if (ae->closing)
		return -ECANCELED;
	channel = pool != NULL ? channel_pick(pool) : NULL;
	f = channel != NULL ? calloc(1, sizeof(*f)) : NULL;
	if (f == NULL)
		return -ENOMEM;
	f->attempt = attempt;
	return fly(channel, f, msg, len);
}

static void
free_spent(struct ares_ev *ae)
{
	while (!list_empty(&ae->spent))
		channel_free(
		    container_of(ae->spent.next, struct channel, busy));
}

static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct ares_ev *ae = arg;
	struct list *node, *tmp;

	(void)fd;
	(void)what;
	/* only what is late calls back: the next one stays */
	list_for_each_safe (node, tmp, &ae->busy) {
		struct channel *channel =
		    container_of(node, struct channel, busy);

		ares_process_fd(
		    channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	free_spent(ae);
	if (list_empty(&ae->busy))
		(void)event_del(ae->tick); /* until there is a question */
}

int
ares_ev_new(
    struct ares_ev **ret, struct event_base *base, struct resolve *resolve)
{
	struct ares_ev *ae = calloc(1, sizeof(*ae));

	if (ae == NULL)
		return -ENOMEM;
	ae->base = base;
	ae->resolve = resolve;
	list_init(&ae->busy);
	list_init(&ae->spent);
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		free(ae);
		return -ENOMEM;
	}
	ae->tick = event_new(base, -1, EV_PERSIST, tick_cb, ae);
	if (ae->tick == NULL) {
		ares_ev_free(ae);
		return -ENOMEM;
	}
	*ret = ae;
	return 0;
}

void
ares_ev_reset(struct ares_ev *ae)
{
	ae->closing = true;
	free_spent(ae);
	for (size_t i = 0; i < ae->n_pools; i++) {
		struct pool *pool = ae->pools[i];

		if (pool == NULL)
			continue;
		while (!list_empty(&pool->channels))
			channel_free(container_of(
			    pool->channels.next, struct channel, node));
		free(pool);
		ae->pools[i] = NULL;
	}
	ae->closing = false;
}

void
ares_ev_free(struct ares_ev *ae)
{
	if (ae == NULL)
		return;
	ares_ev_reset(ae);
	free(ae->pools);
	if (ae->tick != NULL)
		event_free(ae->tick);
	ares_library_cleanup();
	free(ae);
}
