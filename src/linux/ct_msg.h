#ifndef LINUX_CT_MSG_H
#define LINUX_CT_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/core/flow.h"

/* Messages of ctnetlink: what the kernel says of an entry, what it is told. */

struct nlmsghdr;
struct nlattr;

struct ct_entry {
	/* source and destination as local and remote: of what began the
	 * connection, and of its answers (they differ where there is NAT) */
	struct flow_key orig, reply;
	uint32_t mark;
	uint32_t id;  /* of the entry itself, as it is in the kernel */
	bool counted; /* the kernel counts bytes */
	/* of TCP: it was met on its way, and orig is who spoke next */
	bool midway;
	uint64_t bytes_orig, bytes_reply;
	/* for an update of this very entry; borrowed from the message */
	uint8_t family;
	const struct nlattr *tuple, *zone;
};

/* The largest update: two addresses, protocol, ports, zone and mark take some
 * 120 bytes. */
#define CT_UPDATE_SIZE 256

/* 0, 1 where the entry has no tuple, or -EBADMSG. Ports are 0 where the
 * protocol has none; the mark is 0 where it isn't told. */
int ct_msg_parse(struct ct_entry *ret, const struct nlmsghdr *nlh);

/* The same of the last that the kernel says of an entry; 1 also where the
 * message is something else. */
int ct_msg_destroyed(struct ct_entry *ret, const struct nlmsghdr *nlh);

/* Builds "mark = 0" in buf[CT_UPDATE_SIZE], aligned for a message, with that
 * sequence number; 0 or -EMSGSIZE. */
int ct_msg_clear_entry(void *buf, const struct ct_entry *entry, uint32_t seq);
int ct_msg_clear_flow(void *buf, const struct flow_key *key, uint32_t seq);

/* Asks for all entries. */
struct nlmsghdr *ct_msg_dump(void *buf);

/* Whether the message is an entry. */
bool ct_msg_is_entry(const struct nlmsghdr *nlh);

/* Takes the flow's entry out, as ct_msg_clear_flow() sets its mark. */
int ct_msg_delete_flow(void *buf, const struct flow_key *key, uint32_t seq);

/* Asks for the one entry that began so. */
int ct_msg_get_flow(void *buf, const struct flow_key *key, uint32_t seq);

/* Asks for the one entry whose answers go from key->local to key->remote: in
 * buf[CT_UPDATE_SIZE], aligned for a message. */
int ct_msg_get_reply(void *buf, const struct flow_key *key, uint32_t seq);

/* What one datagram says to request seq: 0 with *ret set (it borrows from the
 * datagram), 1 where it is an answer to something else, -ENOENT (no such
 * entry), another error of the kernel's, or -EBADMSG. The bytes are aligned
 * for a message. */
int ct_msg_answer(
    struct ct_entry *ret, const void *bytes, size_t len, uint32_t seq);

#endif
