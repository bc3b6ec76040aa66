#ifndef DNS_SCRUB_H
#define DNS_SCRUB_H

#include "dns/key.h"
#include "dns/writer.h"
#include "src/base/addr.h"

/* What an upstream says, made fit to be kept: only the records that answer the
 * question, in the order of the CNAME chain, written anew. */

struct scrub_opts {
	uint32_t ttl_min, ttl_max, negative_max; /* s */
	/* addresses are taken out (DNS rebinding): of private space; of the
	 * program's own host; of those that stand for names of tunnels */
	bool no_private, no_own_host, no_stand_in;
};

enum scrub_result {
	SCRUB_GOOD,   /* *ret is to be kept and given to clients */
	SCRUB_ERROR,  /* a rcode that says that this server can't tell */
	SCRUB_BROKEN, /* malformed, or it does not answer the question */
};

/* Whether a message may be the answer to this question at all: a response, one
 * question, the name, type and class that were asked. asked: letter by letter
 * as it was sent (0x20); NULL: their case is no matter. */
bool scrub_is_answer(const uint8_t *msg, size_t len, const struct key *key,
    const uint8_t *asked);

/* Reads the message. *ret borrows space and ede_text. With SCRUB_ERROR it has
 * rcode and Extended DNS Error only. */
enum scrub_result scrub(struct answer *ret, struct writer_space *space,
    const uint8_t *msg, size_t len, const struct key *key,
    const struct scrub_opts *opts);

/* Extended DNS Error (RFC 8914) among the options of an OPT; false where there
 * is none. The text is foreign, and cut. */
bool scrub_ede(const uint8_t *options, size_t len, int16_t *ret,
    char text[ANSWER_EDE_MAX + 1]);

/* Whether an address is one that a public name should not have: loopback,
 * private, link-local, unspecified, also in IPv6 clothes. */
bool scrub_is_private(const struct addr *addr);

/* Whether it is one that these options leave out of an answer. */
bool scrub_takes_out(const struct scrub_opts *opts, const struct addr *addr);

#endif
