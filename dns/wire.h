#ifndef DNS_WIRE_H
#define DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/name.h"
#include "src/base/rd.h"

/* The wire format of RFC 1035, walked by hand: names, questions, records. What
 * is read is foreign; nothing here allocates, logs or decides. */

#define WIRE_HEADER ((size_t)12)
#define WIRE_MESSAGE_MAX ((size_t)65535)
/* OPT without options: root, type, size, flags, length. */
#define WIRE_OPT_SIZE ((size_t)11)
/* A message that asks: header, name, type and class, OPT. */
#define WIRE_QUESTION_MAX (WIRE_HEADER + NAME_WIRE_MAX + 4 + WIRE_OPT_SIZE)

enum wire_flag {
	WIRE_QR = 0x8000,
	WIRE_OPCODE = 0x7800,
	WIRE_AA = 0x0400,
	WIRE_TC = 0x0200,
	WIRE_RD = 0x0100,
	WIRE_RA = 0x0080,
	WIRE_AD = 0x0020,
	WIRE_CD = 0x0010,
	WIRE_RCODE = 0x000f,
};

enum wire_rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16, /* upper bits in the OPT */
};

enum wire_type {
	TYPE_NONE = 0, /* in the cache: every type */
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_HINFO = 13,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_DNAME = 39,
	TYPE_OPT = 41,
	TYPE_DS = 43,
	TYPE_RRSIG = 46,
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	TYPE_META_FIRST = 128, /* RFC 6895: no data types, 128 to 255 */
	TYPE_IXFR = 251,
	TYPE_AXFR = 252,
	TYPE_MAILB = 253,
	TYPE_MAILA = 254,
	TYPE_ANY = 255,
};

enum wire_class {
	CLASS_IN = 1,
	CLASS_CH = 3,
	CLASS_HS = 4,
	CLASS_NONE = 254,
	CLASS_ANY = 255,
};

/* Extended DNS Errors (RFC 8914) that we say. */
enum wire_ede {
	EDE_NONE = -1,
	EDE_OTHER = 0,
	EDE_STALE = 3,
	EDE_FORGED = 4,
	EDE_CACHED_ERROR = 13,
	EDE_NOT_READY = 14,
	EDE_BLOCKED = 15,
	EDE_CENSORED = 16,
	EDE_FILTERED = 17,
	EDE_PROHIBITED = 18,
	EDE_STALE_NXDOMAIN = 19,
	EDE_NOT_SUPPORTED = 21,
	EDE_NO_REACHABLE = 22,
	EDE_NETWORK = 23,
	EDE_INVALID_DATA = 24,
	EDE_SYNTHESIZED = 29,
};

#define EDNS_OPTION_KEEPALIVE 11
#define EDNS_OPTION_EDE 15
#define EDNS_DO 0x8000

struct wire_rr {
	struct name owner; /* lower case */
	uint16_t type, class;
	uint32_t ttl;
	size_t rdata; /* offset in the message */
	uint16_t rdlen;
};

static inline uint16_t
wire_u16(const uint8_t *p)
{
	return (uint16_t)((unsigned int)p[0] << 8 | p[1]);
}

static inline void
wire_put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline uint32_t
wire_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static inline void
wire_put32(uint8_t *p, uint32_t value)
{
	wire_put16(p, value >> 16);
	wire_put16(p + 2, value & 0xffff);
}

static inline uint8_t
wire_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Reads the name at *off of a message and moves *off behind it. Pointers lead
 * backwards only (RFC 1035 4.1.4: "a prior occurrence"), so that a loop can't
 * be. lower: letters are made lower case. 0 or -EBADMSG. */
int wire_name_read(
    struct name *ret, const uint8_t *msg, size_t len, size_t *off, bool lower);

/* The record at *off; moves behind it. 0 or -EBADMSG. */
int wire_rr_read(
    struct wire_rr *ret, const uint8_t *msg, size_t len, size_t *off);

/* Takes the first label off; false at the root. */
bool wire_name_up(struct name *name);

#endif
