#ifndef BASE_SIP_H
#define BASE_SIP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* SipHash-1-3 (Aumasson, Bernstein): one round a word, three to finish. Keyed:
 * who does not know the key can't choose collisions. */
struct sip {
	uint64_t v[4];
};

static inline uint64_t
sip_rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void
sip_round(struct sip *s)
{
	uint64_t *v = s->v;

	v[0] += v[1];
	v[1] = sip_rotl(v[1], 13) ^ v[0];
	v[0] = sip_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = sip_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = sip_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = sip_rotl(v[1], 17) ^ v[2];
	v[2] = sip_rotl(v[2], 32);
}

static inline void
sip_init(struct sip *s, const uint64_t key[2])
{
	s->v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
	s->v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
	s->v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
	s->v[3] = key[1] ^ UINT64_C(0x7465646279746573);
}

static inline void
sip_word(struct sip *s, uint64_t m)
{
	s->v[3] ^= m;
	sip_round(s);
	s->v[0] ^= m;
}

static inline uint64_t
sip_fold(const struct sip *s)
{
	return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

/* All bytes, the last word with their number on top. */
static inline void
sip_bytes(struct sip *s, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	size_t left = len;
	uint64_t m;

	for (; left >= 8; p += 8, left -= 8) {
		memcpy(&m, p, 8);
		sip_word(s, m);
	}
	m = 0;
	memcpy(&m, p, left);
	sip_word(s, m | (uint64_t)len << 56);
}

static inline uint64_t
sip_end(struct sip *s)
{
	s->v[2] ^= 0xff;
	sip_round(s);
	sip_round(s);
	sip_round(s);
	return sip_fold(s);
}

/* 128 bits: the state stays as it was, so that more may follow. */
static inline void
sip_end128(const struct sip *s, uint64_t ret[2])
{
	struct sip end = *s;

	end.v[2] ^= 0xee;
	sip_round(&end);
	sip_round(&end);
	sip_round(&end);
	ret[0] = sip_fold(&end);
	end.v[1] ^= 0xdd;
	sip_round(&end);
	sip_round(&end);
	sip_round(&end);
	ret[1] = sip_fold(&end);
}

#endif
