#include "port17/assoc_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "port17/assoc_own.h"
#include "port17/dgram_kept.h"
#include "port17/leg_ev.h"
#include "port17/sock.h"
#include "port17/socks.h"

/* IPv4's limit; with IPv6 it is 20 less, and the kernel tells. */
#define DATAGRAM_MAX 65507

static void
assoc_free(struct assoc *assoc)
{
	struct assocs *assocs = assoc->assocs;

	if (!assoc->dying)
		map_remove(&assocs->map, &assoc->node);
	dial_cancel(assoc->dial);
	leg_close(assoc->leg);
	udp_sock_close(&assoc->sock);
	claim_done(&assoc->claim);
	free(assoc);
}

void
assoc_leave(struct assoc *assoc, struct list *user)
{
	list_remove(user);
	if (!list_empty(&assoc->users) || assoc->dying)
		return;
	if (assoc_is_up(assoc) && !assoc_is_young(assoc, mono_now()))
		backoff_worked(&assoc->assocs->backoff, assoc->number);
	assoc_free(assoc);
}

/* Its users leave it, each for itself. */
static void
assoc_end(struct assoc *assoc, enum outcome outcome, const char *why)
{
	struct assocs *assocs = assoc->assocs;
	struct shake_error error;

	shake_fail(&error, outcome, why);
	assoc_rest_ended(assoc, outcome);
	map_remove(&assocs->map, &assoc->node); /* nobody finds it any more */
	assoc->dying = true;
	assocs->opts.gone(assocs->opts.arg, assoc, &assoc->users, &error);
	assoc_free(assoc);
}

/* Datagrams ---------------------------------------------------------------- */

static struct dgram_to
way_of(struct assoc *assoc)
{
	return (struct dgram_to){ .fd = assoc->sock.fd,
		.single = &assoc->sock.single,
		.way = assoc };
}

bool
assoc_is_up(const struct assoc *assoc)
{
	return assoc->sock.fd >= 0;
}

bool
assoc_takes(const struct dgram_in *in)
{
	return in->segment > 0 || in->head_len + in->len <= DATAGRAM_MAX;
}

void
assoc_send(struct assoc *assoc, const struct dgram_in *in)
{
	struct dgram_to to = way_of(assoc);

	dgram_out_add(assoc->assocs->opts.out, &to, in);
}

unsigned int
assoc_send_kept(
    struct assoc *assoc, struct dgram_kept *kept, const struct dgram_in *head)
{
	struct dgram_to to = way_of(assoc);

	return dgram_kept_send(kept, head, assoc->assocs->opts.out, &to);
}

static void
relay_take(void *arg, const struct dgram *dgram, mono_t now)
{
	struct assoc *assoc = arg;
	const struct assocs_opts *opts = &assoc->assocs->opts;
	const uint8_t *bytes = dgram->bytes.iov_base;
	size_t len = dgram->bytes.iov_len, at = 0;
	size_t step = dgram->segment > 0 ? dgram->segment : len;

	(void)now;
	while (at < len) {
		size_t part = len - at < step ? len - at : step;
		struct target from;
		int head = socks_udp_parse(bytes + at, part, &from);

		if (head >= 0)
			opts->received(opts->arg, assoc, &from,
			    bytes + at + head, part - (size_t)head);
		at += part;
	}
}

static void
relay_taken(void *arg)
{
	const struct assoc *assoc = arg;

	assoc->assocs->opts.received_all(assoc->assocs->opts.arg);
}

static void
readable_cb(evutil_socket_t fd, short what, void *arg)
{
	struct assoc *assoc = arg;
	const struct udp_reader reader = { assoc->assocs->opts.in, relay_take,
		relay_taken, assoc };

	(void)fd;
	(void)what;
	if (udp_sock_read(&assoc->sock, &reader) < 0) /* the relay is gone */
		assoc_end(assoc, OUTCOME_CONNECTED, "");
}

/* Coming up ---------------------------------------------------------------- */

bool
assoc_leads_to(const struct assoc *assoc, const struct addr *addr)
{
	return assoc->relay.family != ADDR_NONE &&
	       addr_equal(&assoc->relay, addr);
}

void
assoc_lies(struct assoc *assoc)
{
	assoc_end(assoc, OUTCOME_PROTOCOL, ASSOC_LIE);
}

/* 0, -EPROTO or -errno. */
static int
find_relay(struct assoc *assoc, const struct dial_result *result,
    struct sock_addr *ret)
{
	struct sock_addr peer = { .len = sizeof(peer.space) };
	struct addr proxy, addr;
	uint16_t port;
	int r;

	if (getpeername(assoc->leg->fd, &peer.sa, &peer.len) < 0)
		return -errno;
	proxy = sock_addr_get(&peer, &port);
	r = socks_udp_relay(&result->bound, result->bound_port, &proxy, &addr);
	if (r < 0)
		return r;
	if (!addr_equal(&addr, &proxy))
		assoc->relay = addr;
	return sock_addr_ip(
	    ret, &addr, result->bound_port, assoc->key.via->zone);
}

/* Its end is the association's, whatever stands before it; nothing is to come
 * by this connection, and what does is left there. */
static bool
is_ended(const struct leg *leg)
{
	return leg->closed || leg_error(leg) != 0;
}

static void
leg_changed(void *arg, struct leg *leg)
{
	if (is_ended(leg))
		assoc_end(arg, OUTCOME_CONNECTED, "");
}

static int
open_relay(struct assoc *assoc, const struct dial_result *result)
{
	struct udp_sock_opts opts = {
		.base = assoc->assocs->opts.base,
		.own = assoc->assocs->opts.own,
		.cb = readable_cb,
		.arg = assoc,
		.pacer = assoc->assocs->opts.pacer,
	};
	struct sock_addr to;
	int r = find_relay(assoc, result, &to);

	return r < 0
		   ? r
		   : udp_sock_connect(&assoc->sock, assoc->key.via, &to, &opts);
}

static void
dial_done(void *arg, const struct dial_result *result)
{
	struct assoc *assoc = arg;
	const struct assocs_opts *opts = &assoc->assocs->opts;
	int r;

	assoc->dial = NULL;
	if (result->outcome != OUTCOME_CONNECTED) {
		assoc_end(assoc, result->outcome, result->why);
		return;
	}
	assoc->leg = result->leg;
	assoc->leg->fn = leg_changed;
	assoc->leg->arg = assoc;
	sock_keep_alive(assoc->leg->fd);
	sock_limit_silence(assoc->leg->fd, true);
	r = open_relay(assoc, result);
	if (r == -EPROTO) {
		assoc_end(assoc, OUTCOME_PROTOCOL,
		    "it says that its relay is where none can be");
		return;
	}
	if (r < 0) {
		assoc_end(assoc, outcome_of_errno(-r), strerror(-r));
		return;
	}
	assoc->up_at = mono_now();
	backoff_up(&assoc->assocs->backoff, assoc->number, assoc->up_at);
	if (is_ended(assoc->leg)) { /* of that nothing is told again */
		assoc_end(assoc, OUTCOME_CONNECTED, "");
		return;
	}
	opts->up(opts->arg, assoc, &assoc->users);
}

static struct assoc *
assoc_new(struct assocs *assocs, const struct assoc_want *want,
    const struct assoc_key *key)
{
	struct assoc *assoc = calloc(1, sizeof(*assoc));
	struct dial_opts dial = { .tunnel = want->via,
		.udp = true,
		.done = dial_done,
		.arg = assoc };

	if (assoc == NULL)
		return NULL;
	assoc->assocs = assocs;
	assoc->sock.fd = -1;
	assoc->number = assoc_rest_number(assocs, want);
	memcpy(&assoc->key, key, sizeof(*key)); /* padding, too */
	assoc->claim = claim_of_same(want->claim);
	list_init(&assoc->users);
	dial.identity = claim_identity(&assoc->claim, want->key, 0);
	assoc->dial = dial_start(assocs->opts.dialer, &dial);
	if (assoc->dial == NULL) {
		claim_done(&assoc->claim);
		free(assoc);
		return NULL;
	}
	return assoc;
}

static struct assoc *
find(const struct assocs *assocs, const struct assoc_key *key, uint64_t hash)
{
	struct map_node *node = map_first(&assocs->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct assoc *assoc = container_of(node, struct assoc, node);

		if (memcmp(&assoc->key, key, sizeof(*key)) == 0)
			return assoc;
	}
	return NULL;
}

static struct assoc_key
key_of(const struct assoc_want *want)
{
	struct assoc_key key;

	memset(&key, 0, sizeof(key)); /* hashed with its padding */
	key.src = want->key->local;
	key.sport = want->key->lport;
	if (want->claim->by_name)
		key.name = want->key->remote;
	key.via = want->via;
	key.process = want->claim->process;
	return key;
}

static struct assoc *
make(struct assocs *assocs, const struct assoc_want *want,
    const struct assoc_key *key, struct shake_error *ret_error)
{
	uint64_t hash = map_hash(&assocs->map, key, sizeof(*key));
	struct assoc *assoc;

	shake_fail(ret_error, OUTCOME_NO_ROOM, "");
	if (assocs->map.count >= assocs->opts.max ||
	    !assoc_rest_may_begin(assocs, want, hash, ret_error))
		return NULL;
	assoc = assoc_new(assocs, want, key);
	if (assoc == NULL)
		return NULL;
	map_put(&assocs->map, &assoc->node, hash);
	return assoc;
}

struct assoc *
assoc_use(struct assocs *assocs, const struct assoc_want *want,
    struct list *user, struct shake_error *ret_error)
{
	struct assoc_key key = key_of(want);
	uint64_t hash = map_hash(&assocs->map, &key, sizeof(key));
	struct assoc *assoc = find(assocs, &key, hash);

	if (assoc == NULL && assoc_rest_socket(assocs, hash, ret_error))
		return NULL;
	if (!assoc_rest_may_ask(
		assocs, assoc_rest_number(assocs, want), want->key, ret_error))
		return NULL;
	if (assoc == NULL)
		assoc = make(assocs, want, &key, ret_error);
	if (assoc != NULL)
		list_append(&assoc->users, user);
	return assoc;
}

const struct tunnel *
assoc_via(const struct assoc *assoc)
{
	return assoc->key.via;
}

int
assocs_new(struct assocs **ret, const struct assocs_opts *opts)
{
	struct assocs *assocs = calloc(1, sizeof(*assocs));

	if (assocs == NULL || map_init(&assocs->map) < 0) {
		free(assocs);
		return -ENOMEM;
	}
	assocs->opts = *opts;
	*ret = assocs;
	return 0;
}

void
assocs_free(struct assocs *assocs)
{
	if (assocs == NULL)
		return;
	map_done(&assocs->map);
	free(assocs);
}
