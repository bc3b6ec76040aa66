#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include "dns/query.h"

/* An answer as it is kept: a message without OPT whose records are those that
 * may be given to any client who asked this question. Borrows its bytes. */
struct answer {
	const uint8_t *wire; /* header (not filled in), question, records */
	uint32_t len;
	/* where each record's TTL stands: from there its end is known too */
	const uint16_t *ttls;
	uint16_t n_rrs;
	uint16_t n_answer, n_authority; /* of n_rrs; the rest is additional */
	uint8_t rcode;
	bool secure;	/* the upstream has validated it (AD) */
	bool nodata;	/* NOERROR, and no record of the type */
	bool cut;	/* NXDOMAIN of the very name asked: so is all below */
	bool shortened; /* it had more addresses or aliases than are kept */
	bool chased;	/* of several servers: one per name of its chain */
	uint32_t ttl;	/* s that it may be kept; 0: not at all */
	int16_t ede;	/* enum wire_ede, or the upstream's */
	const char *ede_text; /* never NULL; from the upstream: foreign */
};

/* Of the i-th of n_rrs. */
uint16_t answer_type(const struct answer *a, unsigned int i);

/* EDE text that is passed on: longer is cut. */
#define ANSWER_EDE_MAX 120

/* How one is to be sent. */
struct reply_opts {
	uint32_t age;	/* s since it was kept: TTLs are counted down */
	bool stale;	/* TTLs are REPLY_STALE_TTL instead */
	uint32_t limit; /* bytes: of the datagram, or 65535 */
	bool tcp;	/* keep-alive may be told */
	int16_t ede;	/* in place of the answer's own, where not EDE_NONE */
	const char *ede_text;
};

/* RFC 8767 section 5. */
#define REPLY_STALE_TTL 30
/* What TCP clients are told that they may idle (RFC 7828), in 100 ms. */
#define REPLY_KEEPALIVE 100

/* Writes the answer to q into out, which has room for limit bytes: its id, its
 * letters, RD and CD, TTLs counted down, OPT and Extended DNS Error where it
 * spoke EDNS. What does not fit is left out, record by record, with TC. Returns
 * the length. */
size_t reply_build(uint8_t *out, const struct answer *a, const struct query *q,
    const struct reply_opts *opts);

/* An answer without records, also where there was no question to be read. */
size_t reply_error(uint8_t *out, const struct query *q, unsigned int rcode,
    const struct reply_opts *opts);

#endif
