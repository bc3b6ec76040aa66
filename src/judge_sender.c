#include "src/judge_own.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "port17/listen_ev.h"
#include "src/base/log.h"
#include "src/linux/ct.h"
#include "src/linux/nfq.h"
#include "src/linux/procfs.h"

/* A datagram for a socket that is not connected says nothing of who began. As
 * a rule it did; where the flow may be older than what we know of it, conntrack
 * knows. Our own have no such flows: one like that is a server's. */
static bool
was_begun_here(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, const struct flow_key *key)
{
	struct flow_key began;

	return pkt->in && pkt->tuple.has_ports &&
	       pkt->tuple.proto != IPPROTO_TCP && je->ct != NULL &&
	       mono_before(je->now, je->doubt_end) &&
	       !je->opts.is_own(je->opts.arg, sock->inode) &&
	       ct_original(je->ct, key, &began, NULL) == 0 &&
	       memcmp(&began, key, sizeof(began)) == 0;
}

/* The same of one that such a socket sends: the kernel's own record of who
 * sends (BPF) has it. And of one for a socket that was connected to who had
 * spoken to it. */
static bool
was_begun_outside(
    struct judge_ev *je, const struct packet *pkt, const struct flow_key *key)
{
	struct flow_key reply;

	return pkt->tuple.has_ports && pkt->tuple.proto != IPPROTO_TCP &&
	       je->ct != NULL && mono_before(je->now, je->doubt_end) &&
	       ct_reply(je->ct, key, &reply, NULL) == 0 &&
	       memcmp(&reply, key, sizeof(reply)) == 0;
}

/* Where others keep a server's packets from conntrack (CT --notrack), nothing
 * but the table knows that it answers: what began a flow had an entry of its
 * own, and this has none. Only the program that was meant does. */
static bool
answers_untracked(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, const struct flow_key *key)
{
	const struct flow *flow;
	struct flow_key reply;

	if (sock->begins || !pkt->tuple.has_ports ||
	    pkt->tuple.proto == IPPROTO_TCP || je->ct == NULL)
		return false;
	flow = flow_find(judge_flows(je->opts.judge), key);
	return flow != NULL && flow->in && flow->inode == sock->inode &&
	       flow->decision.action == ACTION_ACCEPT &&
	       attr_is_meant(je->opts.attr, flow->process) &&
	       ct_reply(je->ct, key, &reply, NULL) == -ENOENT;
}

/* What was denied is remembered here and not by conntrack: what a server sent
 * too late, or what came for a program too late, ends there. Neither denies
 * what the other side begins with the same ports. */
static bool
begins_anew(
    struct judge_ev *je, const struct packet *pkt, const struct flow_key *key)
{
	const struct flow *flow = flow_find(judge_flows(je->opts.judge), key);
	struct flow_key reply;
	int r;

	if (flow == NULL || flow->in == pkt->in || !pkt->tuple.has_ports ||
	    pkt->tuple.proto == IPPROTO_TCP || je->ct == NULL ||
	    (flow->decision.action != ACTION_BLOCK &&
		flow->decision.action != ACTION_DROP))
		return false;
	r = ct_reply(je->ct, key, &reply, NULL);
	if (r < 0)
		return r == -ENOENT;
	return (memcmp(&reply, key, sizeof(reply)) == 0) == pkt->in;
}

/* A packet of TCP's that opens nothing does not show who began, and a listener
 * at its port neither, which may be closed by now (who serves one client), or
 * be of a program that calls from there: it is believed of what conntrack did
 * not see begin, and of a connection to itself. */
static bool
is_accepted(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, const struct flow_key *key)
{
	bool outside;

	if (pkt->tuple.proto != IPPROTO_TCP || judge_opens(pkt, sock))
		return false;
	if ((key->lport == key->rport &&
		addr_equal(&key->local, &key->remote)) ||
	    je->ct == NULL || ct_began_outside(je->ct, key, &outside) < 0)
		return attr_is_listening(je->opts.attr, pkt);
	return outside;
}

/* What a verdict of ours lets go may be packed into another packet at once
 * (VXLAN, IPsec): this leaves while we are at work, and has the socket still.
 * It is of the program that has that one. A socket of ours may be closed by
 * now, but it was of our user, who has no other programs, unless that is
 * root. */
static void
pass_on(struct judge_ev *je, struct socket_facts *sock)
{
	if (sock->by != BY_BPF || sock->pid != je->self->pid ||
	    (sock->uid == je->self->uid && sock->uid != 0) ||
	    je->opts.is_own(je->opts.arg, sock->inode))
		return;
	sock->by = BY_SOCK_DIAG;
	sock->user = 0;
	sock->pid = 0;
}

/* Of a program, which ends or has ended: what is the kernel's own is of
 * nobody's user. What has no socket any more is a reset. */
static bool
may_be_last_word(const struct packet *pkt, const struct socket_facts *sock)
{
	if (pkt->in || pkt->loopback || pkt->tuple.proto != IPPROTO_TCP ||
	    packet_is_syn(pkt) || sock->accepted)
		return false;
	if (sock->status == SOCKET_NONE)
		return (pkt->tcp_flags & PACKET_TCP_RST) != 0;
	return sock->status == SOCKET_FOUND &&
	       (sock->inode == 0 ||
		   (pkt->has_uid && (pkt->tcp_flags & PACKET_TCP_FIN) != 0));
}

static bool
is_forgotten(struct judge_ev *je, const struct flow_key *key)
{
	struct flow_key reply;

	return je->ct != NULL && ct_reply(je->ct, key, &reply, NULL) == -ENOENT;
}

void
judge_ev_find_socket(struct judge_ev *je, const struct packet *pkt,
    const struct nfq_packet *raw, struct socket_facts *ret)
{
	struct flow_key key = flow_key_of(&pkt->tuple, pkt->in);

	attr_socket(je->opts.attr, pkt, raw->payload, raw->len, ret);
	if (ret->status == SOCKET_FOUND && !ret->accepted)
		ret->accepted = is_accepted(je, pkt, ret, &key);
	ret->forgotten = may_be_last_word(pkt, ret) && is_forgotten(je, &key);
	if (ret->status != SOCKET_FOUND)
		return;
	pass_on(je, ret);
	if (!ret->connected)
		ret->connected = was_begun_here(je, pkt, ret, &key);
	else if (pkt->in)
		ret->connected = !was_begun_outside(je, pkt, &key);
	if (!pkt->in && !ret->accepted)
		ret->accepted = ret->by == BY_BPF
				    ? answers_untracked(je, pkt, ret, &key)
				    : was_begun_outside(je, pkt, &key);
	ret->anew = begins_anew(je, pkt, &key);
}

/* Raw sockets of the daemon's own send ICMP errors and nothing else, while
 * /proc/net/raw has them for all that leaves as ICMP: the kernel's answer to a
 * ping, and what a program sent that is gone. */
static bool
may_be_ours(const struct packet *pkt)
{
	return pkt->icmp_error || (pkt->tuple.proto != IPPROTO_ICMP &&
				      pkt->tuple.proto != IPPROTO_ICMPV6);
}

static const char *
why_not(int error)
{
	if (error == -EAGAIN)
		return "too much was looked for lately";
	if (error == -ETIMEDOUT)
		return "its command line does not come (it keeps its memory "
		       "locked, or that is on a slow disk), or what is at its "
		       "path (the file system does not answer)";
	if (error == -ENAMETOOLONG)
		return "the kernel does not tell the path of its executable, "
		       "which is longer than 4095 bytes";
	return strerror(-error);
}

void
judge_ev_refuse_unfound(struct judge_ev *je, int error, struct verdict *ret)
{
	je->opts.stats->processes_failed++;
	log_limited(LOG_LEVEL_WARNING, "judge",
	    "the process can't be looked for, the packet is dropped: %s",
	    why_not(error));
	judge_failure(je->opts.judge, ret);
}

static bool
is_own(struct judge_ev *je, const struct socket_facts *sock)
{
	const struct process *self = je->self;

	return je->opts.is_own(je->opts.arg, sock->inode) &&
	       (socket_may_be_of(sock, self->pid, self->uid) ||
		   socket_may_be_of(sock, self->pid, je->began_as));
}

int
judge_ev_became(struct judge_ev *je)
{
	const struct process *self;
	int r = procfs_self(je->opts.procfs, &self);

	if (r < 0)
		return r;
	process_unref(je->self);
	je->self = self;
	return 0;
}

int
judge_ev_find_process(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, struct verdict *ret)
{
	const struct process *proc = NULL;
	int r;

	if (is_own(je, sock)) {
		judge_process(je->opts.judge, pkt, sock,
		    may_be_ours(pkt) ? je->self : NULL, je->now, ret);
		return 0;
	}
	r = attr_look(je->opts.attr, sock, &proc);
	je->looks_on = je->looks_on || r == -EINPROGRESS;
	/* what bpf says of a packet is known until the next one only */
	if (r == -EINPROGRESS || (r == -EAGAIN && sock->by != BY_BPF))
		return r;
	if (r < 0 && r != -ENOENT) {
		judge_ev_refuse_unfound(je, r, ret);
		return 0;
	}
	if (r < 0 || (proc->self && !may_be_ours(pkt)))
		judge_process(je->opts.judge, pkt, sock, NULL, je->now, ret);
	else
		judge_process(je->opts.judge, pkt, sock, proc, je->now, ret);
	process_unref(proc);
	return 0;
}

/* Where others give what they send on another source as well (the MASQUERADE of
 * what Docker, Podman, CNI or kube-proxy publish on this host), the destination
 * of an answer is turned back before it comes to us, and no entry has ends like
 * that, as none has of a datagram that begins a flow. Its flow is one of those
 * seen last, since all that a program sends to this host comes to us. */
#define MOVED_LOOKS 128
static bool
find_moved(
    struct judge_ev *je, const struct packet *pkt, struct flow_key *ret_of)
{
	const struct flow_table *flows = judge_flows(je->opts.judge);
	const struct packet_tuple *t = &pkt->tuple;
	const struct flow *flow = NULL;
	struct flow_key reply;

	for (int n = 0; n < MOVED_LOOKS; n++) {
		flow = flow_older(flows, flow);
		if (flow == NULL)
			return false;
		if (!flow->loopback || flow->in ||
		    flow->key.proto != t->proto ||
		    flow->key.lport != t->dport ||
		    !addr_equal(&flow->key.local, &t->dst) ||
		    ct_reply(je->ct, &flow->key, &reply, NULL) < 0 ||
		    reply.lport != t->sport ||
		    !addr_equal(&reply.local, &t->src))
			continue;
		*ret_of = flow->key;
		return true;
	}
	return false;
}

bool
judge_ev_is_moved_answer(
    struct judge_ev *je, const struct packet *pkt, struct verdict *ret)
{
	struct flow_key seen, of;
	int r;

	if (!pkt->in || pkt->loopback || !pkt->tuple.has_ports ||
	    packet_is_syn(pkt) || je->ct == NULL)
		return false;
	seen = flow_key_of(&pkt->tuple, false); /* the far end answers */
	r = ct_original(je->ct, &seen, &of, NULL);
	if (r == 0 ? memcmp(&of, &seen, sizeof(of)) == 0
		   : r != -ENOENT || !find_moved(je, pkt, &of))
		return false;
	return judge_answer(je->opts.judge, pkt, &of, je->now, ret);
}

/* The address of Port17's entry, of the packet's family. */
static struct addr
entry_of(const struct packet *pkt)
{
	const char *text =
	    pkt->tuple.src.family == ADDR_IP6 ? PORT17_IP6 : PORT17_IP4;
	struct addr entry;

	(void)addr_parse(&entry, text, strlen(text));
	return entry;
}

/* By now another flow may have an entry with its port, and the mark of one that
 * was judged: no packet of that is queued, but where the mark was taken away so
 * that it is judged again. */
bool
judge_ev_is_orphan(struct judge_ev *je, const struct packet *pkt)
{
	struct flow_key seen, orig;
	uint32_t mark = 0;
	struct addr entry;

	if (pkt->in || pkt->tuple.proto != IPPROTO_UDP ||
	    pkt->tuple.sport != PORT17_PORT || je->ct == NULL)
		return false;
	entry = entry_of(pkt);
	seen = flow_key_of(&pkt->tuple, false);
	return addr_equal(&pkt->tuple.src, &entry) &&
	       (ct_original(je->ct, &seen, &orig, &mark) == -ENOENT ||
		   mark != 0);
}

void
judge_ev_note_straight(struct judge_ev *je, const struct packet *pkt)
{
	struct flow_key key;
	struct addr entry;

	if (pkt->in || pkt->tuple.proto != IPPROTO_UDP ||
	    !pkt->tuple.has_ports || pkt->tuple.dport != PORT17_PORT)
		return;
	entry = entry_of(pkt);
	key = flow_key_of(&pkt->tuple, false);
	if (addr_equal(&key.remote, &entry))
		je->opts.straight(je->opts.arg, &key);
}
