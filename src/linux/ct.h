#ifndef LINUX_CT_H
#define LINUX_CT_H

#include <stdbool.h>
#include <stdint.h>

#include "src/core/flow.h"
#include "src/linux/ct_msg.h"

/* Conntrack by ctnetlink. Nothing waits: the kernel answers within the call. */
struct ct;

/* 0 or -errno (-EPERM: needs CAP_NET_ADMIN). */
int ct_open(struct ct **ret);
void ct_close(struct ct *ct); /* accepts NULL */

/* Sets the mark of the flow's entry to 0, so that its next packet is judged.
 * Leaves in a batch: with the 64th, or with ct_flush(). An entry that is not
 * there needs no change. 0 or -errno. */
int ct_clear_flow(struct ct *ct, const struct flow_key *key);
int ct_flush(struct ct *ct);

/* What a listener needs that gets its connections by DNAT: `seen` is how it
 * sees one (its own address and port as local, the peer's as remote). Sets
 * *ret to the flow as its program sees it, whose real port may be another than
 * the peer's (the kernel moves it where two flows would collide) and whose
 * remote end is what the program asked for; *ret_mark (NULL: not wanted) to
 * the connection's mark. One question to the kernel, some 3 us, which answers
 * within the call. 0, -ENOENT (no such entry), or -errno. */
int ct_original(struct ct *ct, const struct flow_key *seen,
    struct flow_key *ret, uint32_t *ret_mark);

/* How the answers to a flow come, as the host that sends them sees it: *ret has
 * its end as local. Differs from the flow turned round where there is NAT.
 * *ret_mark as above. 0, -ENOENT (no such entry: its first packet has not left
 * yet), or -errno. */
int ct_reply(struct ct *ct, const struct flow_key *flow, struct flow_key *ret,
    uint32_t *ret_mark);

/* Who began a connection of TCP's, which is not who is the first in conntrack
 * where that was flushed, or came later. 0 with *ret_outside, -ENODATA (it does
 * not know), -ENOENT (no such entry), or -errno. */
int ct_began_outside(
    struct ct *ct, const struct flow_key *flow, bool *ret_outside);

/* Takes the flow's entry out, so that its next packet begins another, NAT and
 * all. As ct_clear_flow(). */
int ct_delete_flow(struct ct *ct, const struct flow_key *key);

/* How many entries were changed so far. */
uint64_t ct_changed(const struct ct *ct);

/* Goes through all entries, IPv4 and IPv6: begin, then next as long as it is
 * 0. Each next reads one datagram of some hundred entries and calls fn for
 * each; where fn says true, that entry's mark is set to 0 in a batch. next: 1
 * at the end (the batch has left), -EINTR or -ENOBUFS where it has to begin
 * again, -errno. */
typedef bool ct_entry_fn(void *arg, const struct ct_entry *entry);
int ct_dump_begin(struct ct *ct);
int ct_dump_next(struct ct *ct, ct_entry_fn *fn, void *arg);

/* A dump that the table's changes cut short so often is given up. */
#define CT_DUMP_TRIES 10

/* Sets every connection mark in first..last to 0, IPv4 and IPv6, so that
 * nothing of ours decides any more. 0 with the number of entries changed in
 * *ret_count, or -errno. */
int ct_clear_marks(uint32_t first, uint32_t last, uint64_t *ret_count);

#endif
