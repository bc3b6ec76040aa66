#include "src/linux/ct.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "src/linux/nla.h"

/* The kernel answers both kinds of request at once; this is for one that does
 * not. */
#define ANSWER_WAIT_S 2

/* A dump's datagram: the kernel fills as much as is asked for, up to 32 KiB,
 * which takes it a millisecond; nothing else is done meanwhile. */
#define DUMP_SIZE 8192

/* One entry takes some 400 bytes, labels and all. */
#define ANSWER_SIZE 4096

/* Updates per system call. */
#define BATCH_MAX 64

/* Answers to those per system call, each with the request at most. One that is
 * longer was for somebody who waited for it no longer. */
#define ANSWERS 16
#define ANSWER_LEN (64 + CT_UPDATE_SIZE)

struct ct {
	struct mnl_socket *dump, *update; /* dump: NULL while there is none */
	uint32_t seq;			  /* of the last ct_original() */
	uint64_t changed;
	int error; /* the first one of an update since the last flush */
	_Alignas(8) uint8_t batch[BATCH_MAX * CT_UPDATE_SIZE];
	size_t batch_len, batch_last; /* its end, its last message */
	uint32_t batch_n;
	_Alignas(8) uint8_t in[DUMP_SIZE];
};

static int
open_socket(struct mnl_socket **ret)
{
	const struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
	struct mnl_socket *nl =
	    mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int r;

	if (nl == NULL)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait,
		sizeof(wait)) < 0) {
		r = -errno;
		(void)mnl_socket_close(nl); /* nothing was sent */
		return r;
	}
	*ret = nl;
	return 0;
}

int
ct_open(struct ct **ret)
{
	struct ct *ct = calloc(1, sizeof(*ct));
	int r, on = 1;

	if (ct == NULL)
		return -ENOMEM;
	ct->seq = BATCH_MAX; /* a batch has 1 to BATCH_MAX */
	r = open_socket(&ct->update);
	if (r < 0) {
		free(ct);
		return r;
	}
	/* Linux 4.3; else the request comes back with each */
	(void)setsockopt(mnl_socket_get_fd(ct->update), SOL_NETLINK,
	    NETLINK_CAP_ACK, &on, sizeof(on));
	*ret = ct;
	return 0;
}

static void
dump_end(struct ct *ct)
{
	if (ct->dump != NULL)
		(void)mnl_socket_close(ct->dump); /* the rest of it goes too */
	ct->dump = NULL;
}

void
ct_close(struct ct *ct)
{
	if (ct == NULL)
		return;
	dump_end(ct);
	(void)mnl_socket_close(ct->update); /* all answers were read */
	free(ct);
}

uint64_t
ct_changed(const struct ct *ct)
{
	return ct->changed;
}

/* Bytes received, -ETIMEDOUT or -errno. */
static ssize_t
receive(struct mnl_socket *nl, void *buf, size_t size)
{
	ssize_t n;

	do
		n = mnl_socket_recvfrom(nl, buf, size);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

/* Updates ------------------------------------------------------------------ */

/* An entry that is gone meanwhile needs no change. */
static void
count_refused(struct ct *ct, int error)
{
	ct->changed--;
	if (error != -ENOENT && ct->error == 0)
		ct->error = error;
}

/* One datagram; true if it has the answer to message `last`. */
static bool
take_answers(struct ct *ct, const void *bytes, size_t len, uint32_t last)
{
	const struct nlmsghdr *nlh = bytes;
	bool answered = false;
	int n = (int)len; /* ANSWER_LEN at most */

	for (; nlmsg_is_whole(nlh, n); nlh = mnl_nlmsg_next(nlh, &n)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

		if (nlh->nlmsg_type != NLMSG_ERROR ||
		    mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
			continue;
		if (e->error != 0)
			count_refused(ct, e->error);
		answered |= nlh->nlmsg_seq == last;
	}
	return answered;
}

/* Reads the answers to a batch: errors, and whatever it is for message
 * `last`. Where entries are gone already there is one for each. */
static int
read_answers(struct ct *ct, uint32_t last)
{
	_Alignas(8) uint8_t bytes[ANSWERS][ANSWER_LEN];
	struct mmsghdr msgs[ANSWERS] = { { .msg_len = 0 } };
	struct iovec iov[ANSWERS];
	bool answered = false;

	for (size_t i = 0; i < ANSWERS; i++) {
		iov[i] = (struct iovec){ bytes[i], ANSWER_LEN };
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	while (!answered) {
		int n = recvmmsg(mnl_socket_get_fd(ct->update), msgs, ANSWERS,
		    MSG_WAITFORONE, NULL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (int i = 0; i < n; i++)
			answered |=
			    take_answers(ct, bytes[i], msgs[i].msg_len, last);
	}
	return 0;
}

/* Success is silent but for the last message, which asks for an answer. */
static int
send_batch(struct ct *ct)
{
	struct nlmsghdr *last = (void *)(ct->batch + ct->batch_last);
	uint32_t n = ct->batch_n;
	ssize_t sent;

	if (n == 0)
		return 0;
	last->nlmsg_flags |= NLM_F_ACK;
	sent = mnl_socket_sendto(ct->update, ct->batch, ct->batch_len);
	ct->batch_len = 0;
	ct->batch_n = 0;
	if (sent < 0)
		return -errno;
	ct->changed += n;
	return read_answers(ct, n);
}

int
ct_flush(struct ct *ct)
{
	int r = send_batch(ct), error = ct->error;

	ct->error = 0;
	return r < 0 ? r : error;
}

static int
batch_take(struct ct *ct, int built)
{
	const struct nlmsghdr *nlh = (void *)(ct->batch + ct->batch_len);

	if (built < 0)
		return built;
	ct->batch_last = ct->batch_len;
	ct->batch_len += (nlh->nlmsg_len + 3) & ~(size_t)3;
	return ++ct->batch_n == BATCH_MAX ? send_batch(ct) : 0;
}

int
ct_clear_flow(struct ct *ct, const struct flow_key *key)
{
	return batch_take(ct,
	    ct_msg_clear_flow(ct->batch + ct->batch_len, key, ct->batch_n + 1));
}

int
ct_delete_flow(struct ct *ct, const struct flow_key *key)
{
	return batch_take(ct, ct_msg_delete_flow(ct->batch + ct->batch_len, key,
				  ct->batch_n + 1));
}

static int
clear_entry(struct ct *ct, const struct ct_entry *entry)
{
	return batch_take(ct, ct_msg_clear_entry(ct->batch + ct->batch_len,
				  entry, ct->batch_n + 1));
}

/* One entry ---------------------------------------------------------------- */

/* The answer lies there when sendto() is back; what lies before it was left by
 * an update that was answered too late. */
static int
read_one(struct ct *ct, void *buf, size_t size, struct ct_entry *ret)
{
	int r = 1;

	for (unsigned int i = 0; r == 1 && i < BATCH_MAX; i++) {
		ssize_t n = recv(
		    mnl_socket_get_fd(ct->update), buf, size, MSG_DONTWAIT);

		if (n >= 0)
			r = ct_msg_answer(ret, buf, (size_t)n, ct->seq);
		else if (errno != EINTR)
			r = errno == EAGAIN ? -ETIMEDOUT : -errno;
	}
	return r == 1 ? -ETIMEDOUT : r;
}

typedef int request_fn(void *buf, const struct flow_key *key, uint32_t seq);

/* An entry of which nothing is borrowed. */
static int
find_entry(struct ct *ct, request_fn *request, const struct flow_key *key,
    struct ct_entry *ret)
{
	_Alignas(8) uint8_t buf[ANSWER_SIZE];
	int r;

	if (++ct->seq <= BATCH_MAX)
		ct->seq = BATCH_MAX + 1;
	r = request(buf, key, ct->seq);
	if (r < 0)
		return r;
	if (mnl_socket_sendto(
		ct->update, buf, ((struct nlmsghdr *)buf)->nlmsg_len) < 0)
		return -errno;
	r = read_one(ct, buf, sizeof(buf), ret);
	ret->tuple = ret->zone = NULL;
	return r;
}

int
ct_original(struct ct *ct, const struct flow_key *seen, struct flow_key *ret,
    uint32_t *ret_mark)
{
	struct ct_entry entry;
	int r = find_entry(ct, ct_msg_get_reply, seen, &entry);

	if (r < 0)
		return r;
	*ret = entry.orig;
	if (ret_mark != NULL)
		*ret_mark = entry.mark;
	return 0;
}

int
ct_reply(struct ct *ct, const struct flow_key *flow, struct flow_key *ret,
    uint32_t *ret_mark)
{
	struct ct_entry entry;
	int r = find_entry(ct, ct_msg_get_flow, flow, &entry);

	if (r < 0)
		return r;
	*ret = entry.reply;
	if (ret_mark != NULL)
		*ret_mark = entry.mark;
	return 0;
}

int
ct_began_outside(struct ct *ct, const struct flow_key *flow, bool *ret_outside)
{
	struct ct_entry entry;
	int r = find_entry(ct, ct_msg_get_flow, flow, &entry);

	if (r < 0)
		return r;
	if (entry.midway)
		return -ENODATA;
	*ret_outside = memcmp(&entry.reply, flow, sizeof(*flow)) == 0;
	return 0;
}

/* Dumps -------------------------------------------------------------------- */

int
ct_dump_begin(struct ct *ct)
{
	_Alignas(8) uint8_t buf[64] = { 0 };
	struct nlmsghdr *nlh = ct_msg_dump(buf);
	int r;

	dump_end(ct);
	r = open_socket(&ct->dump);
	if (r < 0)
		return r;
	if (mnl_socket_sendto(ct->dump, nlh, nlh->nlmsg_len) >= 0)
		return 0;
	r = -errno;
	dump_end(ct);
	return r;
}

static int
read_entry(
    struct ct *ct, const struct nlmsghdr *nlh, ct_entry_fn *fn, void *arg)
{
	struct ct_entry entry;
	int r = ct_msg_parse(&entry, nlh);

	if (r != 0)
		return r < 0 ? r : 0;
	return fn(arg, &entry) ? clear_entry(ct, &entry) : 0;
}

/* One datagram: 1 at the end, 0 to go on, -EINTR when the dump must begin
 * again, -errno. */
static int
read_dump(struct ct *ct, size_t len, ct_entry_fn *fn, void *arg)
{
	const struct nlmsghdr *nlh = (const void *)ct->in;
	int n = (int)len, r = 0;

	for (; r == 0 && nlmsg_is_whole(nlh, n);
	     nlh = mnl_nlmsg_next(nlh, &n)) {
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EINTR;
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 1;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
				return -EBADMSG;
			return e->error < 0 ? e->error : -EPROTO;
		}
		if (ct_msg_is_entry(nlh))
			r = read_entry(ct, nlh, fn, arg);
	}
	return r;
}

int
ct_dump_next(struct ct *ct, ct_entry_fn *fn, void *arg)
{
	ssize_t n = receive(ct->dump, ct->in, sizeof(ct->in));
	int r = n < 0 ? (int)n : read_dump(ct, (size_t)n, fn, arg), flushed;

	if (r == 0)
		return 0;
	dump_end(ct);
	flushed = ct_flush(ct);
	return flushed < 0 ? flushed : r;
}

/* All marks ---------------------------------------------------------------- */

struct marks {
	uint32_t first, last;
};

static bool
is_among(void *arg, const struct ct_entry *entry)
{
	const struct marks *marks = arg;

	return entry->mark >= marks->first && entry->mark <= marks->last;
}

int
ct_clear_marks(uint32_t first, uint32_t last, uint64_t *ret_count)
{
	struct marks marks = { first, last };
	struct ct *ct = NULL;
	int r = ct_open(&ct);

	if (r < 0)
		return r;
	for (int try = 0; try < CT_DUMP_TRIES; try++) {
		r = ct_dump_begin(ct);
		while (r == 0)
			r = ct_dump_next(ct, is_among, &marks);
		if (r != -EINTR && r != -ENOBUFS)
			break;
	}
	if (r == 1) {
		*ret_count = ct->changed;
		r = 0;
	}
	ct_close(ct);
	return r;
}
