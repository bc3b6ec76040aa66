#ifndef JUDGE_OWN_H
#define JUDGE_OWN_H

#include "src/judge_ev.h"

#include "src/attr.h"
#include "src/base/budget.h"
#include "src/waiting.h"

struct closing_ev;
struct ct;
struct event;

/* Errors that are left to the kernel. */
struct rejects {
	mono_t begin;
	unsigned int n; /* since then */
	bool crowded;	/* there were too many before that */
};

/* A socket by which another program has answered than has it. */
struct handed {
	uint64_t inode; /* 0: none */
	struct flow_key key;
	bool asks;		       /* who it was is not known yet */
	const struct process *process; /* it might; a reference, or NULL */
};
/* More are looked for anew: an answer is lost with each. */
#define HANDED_MAX 32

/* Behind struct judge_ev: shared by judge_ev.c (packets and their verdicts),
 * judge_read.c (what they say), judge_sender.c (who sent them),
 * judge_refused.c (who is told of a block), judge_others.c (what rules of
 * others make of it) and judge_handed.c (who answers by whose socket). */

struct judge_ev {
	struct judge_ev_opts opts;
	struct event *readable;
	struct event *looking;	/* due: for the processes of these */
	struct event *sweeping; /* due: a piece of procfs_sweep() */
	struct waiting waiting;
	mono_t looked; /* for so long in all, by a clock of its own */
	mono_t last_look;
	bool looks_on; /* for one of them, in this wake-up */
	struct event *heard[ATTR_FDS];
	struct closing_ev *closing;
	struct ct *ct;	     /* NULL: conntrack can't be asked */
	uint64_t ct_dropped; /* by it, when that was last looked at */
	uint32_t lo;	     /* interface index of loopback in this namespace */
	mono_t now;	     /* read once a wake-up */
	/* until then flows may be met that began before the policy in force */
	const struct policy *policy; /* only compared */
	mono_t doubt_end;
	const struct process *self;
	uid_t began_as; /* what was opened at the start is that user's */
	bool bpf;	/* what the daemon sends is known as its own by that */
	/* what was sent to the resolver or into a tunnel: whether it got there
	 * is looked at later */
	struct {
		struct flow_key key;
		mono_t when;
		uint32_t mark;
		bool waits;
	} led;
	struct handed handed[HANDED_MAX];
	unsigned int next_handed;
	struct rejects rejects, calls;
	struct budget told; /* by us, beyond these */
	struct budget told_callers;
};

/* Reads it. False where nothing is left to judge: it has had its verdict. */
bool judge_ev_read(
    struct judge_ev *je, const struct nfq_packet *raw, struct packet *ret);

/* Its socket, and whether that began what the packet belongs to. */
void judge_ev_find_socket(struct judge_ev *je, const struct packet *pkt,
    const struct nfq_packet *raw, struct socket_facts *ret);

/* The process, and with it the verdict: 0; -EINPROGRESS where it is being
 * looked for; or -EAGAIN where it will be, since too much was lately. */
int judge_ev_find_process(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, struct verdict *ret);

/* Whether the socket of what goes out is bound to a device. */
bool judge_ev_is_bound(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock);

/* What is to be answered here is refused where it comes from such a socket (of
 * what leaves by lo: one that is bound to that). */
void judge_ev_refuse_bound(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, struct verdict *verdict);

/* What goes out was blocked: sees to it that its program is told where REJECT
 * does not. True where its socket is to be ended for that. */
bool judge_ev_refused(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock);
void judge_ev_refused_init(struct judge_ev *je);

/* A packet whose process can't be looked for: what a failure gets. */
void judge_ev_refuse_unfound(
    struct judge_ev *je, int error, struct verdict *ret);

/* A program here spoke to an address of this host, and others' rules moved that
 * elsewhere (docker's published ports): in INPUT the answer still comes from
 * there. True with its verdict. */
bool judge_ev_is_moved_answer(
    struct judge_ev *je, const struct packet *pkt, struct verdict *ret);

/* An answer of Port17's entry whose conntrack entry was gone when it was sent:
 * nothing would turn its source into the far end, and the program would hear it
 * from us. */
bool judge_ev_is_orphan(struct judge_ev *je, const struct packet *pkt);

/* Each packet that has its verdict: warns of what rules of others make of it,
 * so that it is led nowhere, or is nobody's. */
void judge_ev_note_others(struct judge_ev *je, const struct packet *pkt,
    const struct socket_facts *sock, const struct verdict *verdict,
    uint32_t mark);

/* Another program than was meant has sent, and was dropped: if it was an answer
 * by the socket that the datagram came to, who that was is asked later. */
void judge_ev_note_handed(struct judge_ev *je, const struct flow_key *key);
void judge_ev_forget_handed(struct judge_ev *je);

/* Who is to answer what began outside: who has the socket, or whom it is handed
 * to, where the rules let that one. Borrowed. */
const struct process *judge_ev_answerer(
    struct judge_ev *je, const struct flow *flow);

/* Tells who waits for it of a datagram to the entry itself. */
void judge_ev_note_straight(struct judge_ev *je, const struct packet *pkt);

#endif
