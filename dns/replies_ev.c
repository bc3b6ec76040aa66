#include "dns/replies_ev.h"

#include <errno.h>
#include <string.h>

void
replies_init(struct replies *replies)
{
	replies->n = 0;
	replies->joins = joined_known();
}

/* By client, as far as a number tells, and the longest first. */
static uint64_t
order_of(const struct reply *reply)
{
	const struct sockaddr_in *four = (const void *)&reply->peer;
	const struct sockaddr_in6 *six = (const void *)&reply->peer;
	uint64_t port = four->sin_port; /* at the same place in both */
	uint32_t addr = four->sin_addr.s_addr;

	if (reply->peer.ss_family == AF_INET6)
		memcpy(&addr, six->sin6_addr.s6_addr + 12, sizeof(addr));
	return port << 48 | (uint64_t)addr << 16 |
	       (0xffff - reply->bytes.iov_len);
}

/* Most batches are short: each finds its place among those before. */
void
replies_put(struct replies *replies, struct reply *reply)
{
	uint64_t order = order_of(reply);
	unsigned int i = replies->n++;

	for (; i > 0 && replies->joins && replies->order[i - 1] > order; i--) {
		replies->order[i] = replies->order[i - 1];
		replies->v[i] = replies->v[i - 1];
	}
	replies->order[i] = order;
	replies->v[i] = reply;
}

static bool
goes_the_same_way(const struct reply *a, const struct reply *b)
{
	return a->peer_len == b->peer_len &&
	       memcmp(&a->peer, &b->peer, a->peer_len) == 0 &&
	       a->control.len == b->control.len &&
	       memcmp(a->control.bytes, b->control.bytes, a->control.len) == 0;
}

/* How many from the first on leave as one. */
static unsigned int
run_from(const struct replies *replies, unsigned int first)
{
	unsigned int n = 1;

	while (first + n < replies->n &&
	       goes_the_same_way(replies->v[first], replies->v[first + n]))
		n++;
	return joined_run(&replies->iov[first], n);
}

/* What is sent for those from the first on; how many messages that are. */
static unsigned int
gather(struct replies *replies, unsigned int first, bool joins)
{
	unsigned int n = 0;

	for (unsigned int i = first; i < replies->n; i++)
		replies->iov[i] = replies->v[i]->bytes;
	for (unsigned int i = first, run; i < replies->n; i += run, n++) {
		struct reply *reply = replies->v[i];
		struct msghdr *msg = &replies->at[n].msg_hdr;

		run = joins ? run_from(replies, i) : 1;
		*msg = (struct msghdr){ .msg_name = &reply->peer,
			.msg_namelen = reply->peer_len,
			.msg_iov = &replies->iov[i],
			.msg_iovlen = run,
			.msg_control = reply->control.bytes,
			.msg_controllen = reply->control.len };
		if (run > 1)
			joined_say(msg, reply->bytes.iov_len);
	}
	return n;
}

/* How many messages left, or -errno. */
static int
send_some(struct replies *replies, unsigned int n, int fd)
{
	int r;

	do
		r = sendmmsg(fd, replies->at, n, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

unsigned int
replies_send(struct replies *replies, int fd, int *ret_error)
{
	bool joins = replies->joins;
	unsigned int first = 0, lost = 0;

	while (first < replies->n) {
		int r = send_some(replies, gather(replies, first, joins), fd);

		if (joins && joined_refused(r)) {
			joins = false;
			continue;
		}
		if (r <= 0) { /* the first can't be sent: no route, no room */
			*ret_error = r;
			lost += (unsigned int)replies->at[0].msg_hdr.msg_iovlen;
			r = 1;
		}
		for (int i = 0; i < r; i++)
			first +=
			    (unsigned int)replies->at[i].msg_hdr.msg_iovlen;
	}
	replies->n = 0;
	return lost;
}
