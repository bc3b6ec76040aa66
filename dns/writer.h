#ifndef DNS_WRITER_H
#define DNS_WRITER_H

#include "dns/answer.h"

/* Writes an answer's message: names are compressed, each record's TTL is
 * noted. An overflow sticks in `bad`. */

#define WRITER_RRS_MAX 4096
#define WRITER_NAMES_MAX 64

struct writer {
	uint8_t *buf;
	size_t len, cap;
	bool bad;
	uint16_t *ttls; /* room for WRITER_RRS_MAX */
	unsigned int n_rrs;
	/* where names, and the ends of names, stand that may be pointed to;
	 * and how long they are: only those as long are compared */
	uint16_t names[WRITER_NAMES_MAX];
	uint8_t name_lens[WRITER_NAMES_MAX];
	unsigned int n_names;
};

/* Memory for one message; several are never written at once. */
struct writer_space {
	uint8_t buf[WIRE_MESSAGE_MAX];
	uint16_t ttls[WRITER_RRS_MAX];
	char ede_text[ANSWER_EDE_MAX + 1];
};

/* Begins with room for the header, and the question. */
void writer_begin(struct writer *w, struct writer_space *space,
    const struct name *qname, uint16_t qtype, uint16_t qclass);

void writer_u16(struct writer *w, unsigned int value);
void writer_u32(struct writer *w, uint32_t value);
void writer_bytes(struct writer *w, const void *bytes, size_t len);

/* compress: pointers may be used, and later names may point here. */
void writer_name(struct writer *w, const struct name *name, bool compress);

/* A record up to its RDATA; writer_rr_end() sets the length. */
struct writer_rr {
	const struct name *owner;
	uint16_t type, class;
	uint32_t ttl;
};
size_t writer_rr_begin(struct writer *w, const struct writer_rr *rr);
void writer_rr_end(struct writer *w, size_t begun);

/* The RDATA of a record of another message, with names that are compressed
 * there (RFC 3597 section 4) read out. 0 or -EBADMSG. */
int writer_rdata(
    struct writer *w, const uint8_t *msg, size_t len, const struct wire_rr *rr);

/* What was written; counts and all else are the caller's to set. */
void writer_answer(const struct writer *w, struct answer *ret);

#endif
