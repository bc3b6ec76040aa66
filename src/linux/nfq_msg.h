#ifndef LINUX_NFQ_MSG_H
#define LINUX_NFQ_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd;

/* The netlink messages of nfnetlink_queue as functions of bytes: no socket. */

/* Bytes of each packet that the kernel copies to us: headers of IP, all
 * extension headers in practice, TCP, and what an ICMP error quotes. */
#define NFQ_COPY_RANGE 512

/* A packet as the kernel handed it over. Borrows the payload until the
 * callback returns. */
struct nfq_packet {
	uint16_t queue;
	uint32_t id;
	bool in;
	uint32_t mark;	  /* what it has already; 0 for none */
	uint32_t ifindex; /* in: came by; out: leaves by */
	bool has_uid;
	uint32_t uid, gid;
	const uint8_t *payload;
	size_t len;   /* bytes copied */
	size_t total; /* bytes of the packet */
};

enum nfq_msg {
	NFQ_MSG_PACKET, /* ret is set */
	/* a packet that can't be read: ret->queue and ret->id alone are set,
	 * and it needs a verdict all the same */
	NFQ_MSG_UNREADABLE,
	NFQ_MSG_ERROR, /* *ret_error: 0 or -errno for our message *ret_seq */
	NFQ_MSG_OTHER, /* well-formed, not for us */
	NFQ_MSG_BAD,   /* not even its id can be read */
};

/* Takes the next netlink message off rd, which must start at a multiple of 4
 * in memory. The payload lies within rd's bytes. Nothing more can be read when
 * rd is bad or empty. */
enum nfq_msg nfq_msg_take(
    struct rd *rd, struct nfq_packet *ret, int *ret_error, uint32_t *ret_seq);

/* Room for any one message that is built here. */
#define NFQ_MSG_MAX 64

/* Each writes one message at buf (aligned to 4, NFQ_MSG_MAX bytes) and
 * returns its length, a multiple of 4. With seq the kernel answers each one,
 * without (0) only the errors. */
size_t nfq_msg_bind(void *buf, uint16_t queue, uint32_t seq);
size_t nfq_msg_copy_range(void *buf, uint16_t queue, uint32_t seq);
size_t nfq_msg_flag(void *buf, uint16_t queue, uint32_t flag, uint32_t seq);
size_t nfq_msg_queue_length(
    void *buf, uint16_t queue, uint32_t packets, uint32_t seq);

/* NF_ACCEPT with a mark. */
size_t nfq_msg_verdict(void *buf, uint16_t queue, uint32_t id, uint32_t mark);

#endif
