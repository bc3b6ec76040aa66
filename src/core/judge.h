#ifndef CORE_JUDGE_H
#define CORE_JUDGE_H

#include <stdbool.h>

#include "src/base/mono.h"
#include "src/core/flow.h"
#include "src/core/mark.h"
#include "src/core/packet.h"
#include "src/core/process.h"
#include "src/core/socket.h"
#include "src/core/stats.h"

struct fakeip;
struct hits;
struct policy;
struct subject;

/* The ladder of design.md section 3 as a step machine: where a fact is
 * missing it asks for it, and the shell goes and looks. */
enum judge_step {
	JUDGE_NEED_SOCKET,  /* call judge_socket() with the facts */
	JUDGE_NEED_PROCESS, /* call judge_process() with the owner */
	JUDGE_DECIDED,	    /* ret is set: send the verdict */
};

struct verdict {
	struct decision decision;
	enum mark mark;
	const struct flow *flow; /* NULL where none is kept; borrowed */
	bool new_flow;		 /* judged now, not remembered */
	bool destroy;		 /* end the local socket: it was up already */
};

struct judge;

/* stats is borrowed and outlives the judge. NULL when there is no memory. */
struct judge *judge_new(size_t flows_max, struct stats *stats);
void judge_free(struct judge *judge);

/* Names of addresses, from here on; borrowed. */
void judge_set_names(struct judge *judge, struct names *names);

/* Addresses that stand for names (borrowed; NULL: there are none): they go
 * through a tunnel, by that name alone, or nowhere. */
void judge_set_fakes(struct judge *judge, struct fakeip *fakeip);

/* Where the resolver answers: queries to other servers are brought there by
 * DNAT, which knows 127.0.0.1 and [::1] alone, port 53. */
#define JUDGE_OURS_MAX 16
#define JUDGE_SERVERS_MAX 8
struct judge_capture {
	bool ip4, ip6; /* it is there, and the settings say so */
	struct addr ours[JUDGE_OURS_MAX]; /* all of them; 0.0.0.0 and :: too */
	size_t n_ours;
	/* upstreams that run on this host: what they ask in turn must not come
	 * back to us. Not the process alone, since it may fork, or be started
	 * again: who is the same user and runs the same executable, and script
	 * where that is an interpreter */
	const struct process *servers[JUDGE_SERVERS_MAX];
	size_t n_servers;
	bool stand_ins; /* of a copy: such are given out, fakeip.h */
};
/* Takes references of the servers. */
void judge_set_capture(
    struct judge *judge, const struct judge_capture *capture);
/* A copy with references of its own, and their end. */
void judge_get_capture(const struct judge *judge, struct judge_capture *ret);
void judge_capture_done(struct judge_capture *capture);
/* What becomes of a query to another server, or to ours, that the policy
 * decided so. */
struct decision judge_capture_ask(const struct judge_capture *capture,
    const struct policy *policy, const struct subject *subject,
    const struct decision *d);

/* From here on decisions are taken by this policy, of which it takes a
 * reference, and counted in `hits` (NULL for not at all): what the policy
 * before had counted is carried over. */
void judge_set_policy(struct judge *judge, const struct policy *policy,
    struct hits *hits_take, mono_t now);

/* A rule has decided about something that is no packet. */
void judge_count(struct judge *judge, uint32_t rule, mono_t now);

/* What that address is called for that program (NULL: for anybody), as its
 * packets are judged by; NULL where it has no name. Borrowed until the next
 * look-up. */
const struct host_names *judge_hosts(const struct judge *judge,
    const struct process *proc, const struct addr *addr, mono_t now);

/* Whether a packet of TCP's opens a connection: not where the other side's SYN
 * finds one that is up, whose ends anybody may put on it. */
bool judge_opens(const struct packet *pkt, const struct socket_facts *sock);

/* The same, also of an address that stands for a name; to be given back. */
const struct host_names *judge_called(const struct judge *judge,
    const struct process *proc, const struct addr *addr, mono_t now);

/* NULL where nothing is counted. */
const struct hits *judge_hits(const struct judge *judge);

/* Whether rung 3 goes by pkt->on_link, which is to be set then. */
bool judge_wants_link(const struct packet *pkt);

/* This packet is judged next, and its direction is known: see flow_expect(). */
void judge_expect(const struct judge *judge, const struct packet *pkt);

/* Rungs 2 and 3 as far as they are certain without a look-up. Never
 * JUDGE_NEED_PROCESS. */
enum judge_step judge_packet(struct judge *judge, const struct packet *pkt,
    mono_t now, struct verdict *ret);

/* Where the kernel turns the addresses of an answer back only behind us: of is
 * the flow that it belongs to, as conntrack has it. True if a program here
 * began that one with an address of this host, so that nothing was saved of its
 * verdict yet: ret is set. */
bool judge_answer(struct judge *judge, const struct packet *pkt,
    const struct flow_key *of, mono_t now, struct verdict *ret);

/* Rung 2 for a known socket; decides where there is none. */
enum judge_step judge_socket(struct judge *judge, const struct packet *pkt,
    const struct socket_facts *sock, mono_t now, struct verdict *ret);

/* Rungs 4 and 5: always decides. proc is the owner of the socket, borrowed;
 * NULL when no process holds it. */
void judge_process(struct judge *judge, const struct packet *pkt,
    const struct socket_facts *sock, const struct process *proc, mono_t now,
    struct verdict *ret);

/* Rung 1: the verdict for bytes that packet_parse() refused with `fault`, or
 * that are not to go out (-EXDEV: source-routed, -EADDRNOTAVAIL: with another
 * host's address). */
void judge_malformed(struct judge *judge, int fault, struct verdict *ret);

/* A look-up of ours failed: closed for this packet, and nothing is kept, so
 * that a retransmit gets another chance. */
void judge_failure(struct judge *judge, struct verdict *ret);

/* It belongs to a flow that is no more: dropped, and nothing is kept. */
void judge_orphan(struct judge *judge, struct verdict *ret);

/* A verdict that reroutes or captures a flow, and that the shell found to be
 * impossible (a socket bound to a device, a tunnel without UDP): it is blocked,
 * or dropped, instead. verdict->flow is not NULL. */
void judge_refuse(struct judge *judge, enum action action, enum reason reason,
    struct verdict *verdict);

/* What was decided could not be carried out: it is only to be seen from now on,
 * and the next packet of this flow is judged as if it were the first. */
void judge_end_key(struct judge *judge, const struct flow_key *key);

/* Nobody has that socket any more: what was decided for its flows of datagrams
 * is not for who has its port next. judge_closed_next() gives each of them,
 * whose entry in conntrack is to go; NULL at the end. */
void judge_closed(struct judge *judge, uint64_t inode, mono_t when);
const struct flow *judge_closed_next(struct judge *judge);

/* After a change of policy: begins to judge all flows again. */
void judge_review_begin(struct judge *judge);

enum review {
	REVIEW_DONE, /* no flow is left that an older policy decided */
	REVIEW_SAME, /* the decision stands; the flow is of this policy now */
	/* the same, for another reason; shown is the old one, and one that goes
	 * on is to be told anew: flow_show_anew() */
	REVIEW_ALIKE,
	REVIEW_CHANGED, /* ret is what would be decided now */
};

/* Whether the flow goes elsewhere now: what NAT has to do with its first
 * packet. */
bool judge_is_moved(const struct decision *from, const struct decision *to);

/* Asks the policy in force about the next flow, with the process as it was
 * when the flow was judged, and by the names that the address had then. An
 * alike or changed flow is borrowed in *ret_flow; of a changed one the caller
 * calls one of the two below before anything else. */
enum review judge_review(
    struct judge *judge, struct flow **ret_flow, struct decision *ret);

/* What was decided is only to be seen from now on, with the rule as it was: its
 * next packet is judged as if it were the first. */
void judge_part(struct flow *flow);
/* It was ended by this decision, and is shown so where that denies it; one that
 * would go another way, as it went. */
void judge_settle(struct judge *judge, struct flow *flow,
    const struct decision *d, mono_t now);

/* Whether that program, which has the socket of what began outside, too, may
 * answer: the rules let it in for it, and none denies it what it sends. */
bool judge_may_answer(const struct judge *judge, const struct flow *flow,
    const struct process *proc);

/* Whether the policy in force has decided this flow. */
bool judge_knows(const struct judge *judge, const struct flow_key *key);

const struct flow_table *judge_flows(const struct judge *judge);
const struct policy *judge_policy(const struct judge *judge);

#endif
