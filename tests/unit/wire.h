#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include <netinet/in.h>
#include <string.h>

#include "src/base/addr.h"

/* Packets for tests, byte by byte. */
struct wire {
	uint8_t bytes[2048];
	size_t len;
};

static inline void
wire_put(struct wire *w, const void *bytes, size_t n)
{
	memcpy(w->bytes + w->len, bytes, n);
	w->len += n;
}

static inline void
wire_u8(struct wire *w, unsigned int v)
{
	w->bytes[w->len++] = (uint8_t)v;
}

static inline void
wire_u16(struct wire *w, unsigned int v)
{
	wire_u8(w, v >> 8);
	wire_u8(w, v & 255);
}

static inline void
wire_u32(struct wire *w, uint32_t v)
{
	wire_u16(w, v >> 16);
	wire_u16(w, v & 0xffff);
}

static inline struct addr
wire_addr(const char *text)
{
	struct addr a;

	if (addr_parse(&a, text, strlen(text)) < 0)
		__builtin_trap();
	return a;
}

/* An IPv4 or IPv6 header, by the family of the addresses, for `payload` bytes
 * that follow. */
static inline void
wire_ip(struct wire *w, const char *src, const char *dst, uint8_t proto,
    size_t payload)
{
	struct addr s = wire_addr(src), d = wire_addr(dst);

	if (s.family == ADDR_IP4) {
		wire_u16(w, 0x4500);
		wire_u16(w, (unsigned int)(20 + payload));
		wire_u32(w, 0x00010000); /* id, no fragment */
		wire_u8(w, 64);
		wire_u8(w, proto);
		wire_u16(w, 0);
	} else {
		wire_u32(w, 0x60000000);
		wire_u16(w, (unsigned int)payload);
		wire_u8(w, proto);
		wire_u8(w, 64);
	}
	wire_put(w, s.bytes, addr_len(&s));
	wire_put(w, d.bytes, addr_len(&d));
}

static inline void
wire_tcp(struct wire *w, unsigned int sport, unsigned int dport, uint32_t seq,
    unsigned int flags)
{
	wire_u16(w, sport);
	wire_u16(w, dport);
	wire_u32(w, seq);
	wire_u32(w, 0);
	wire_u8(w, 0x50);
	wire_u8(w, flags);
	wire_u32(w, 0xffff0000); /* window, checksum */
	wire_u16(w, 0);
}

static inline void
wire_udp(
    struct wire *w, unsigned int sport, unsigned int dport, unsigned int length)
{
	wire_u16(w, sport);
	wire_u16(w, dport);
	wire_u16(w, length);
	wire_u16(w, 0);
}

#endif
