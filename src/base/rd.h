#ifndef BASE_RD_H
#define BASE_RD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A bounded cursor over foreign bytes whose error sticks: after the first read
 * past the end every read gives 0 and moves nothing, so that a parser checks
 * `bad` once. It borrows the bytes. */
struct rd {
	const uint8_t *p;
	size_t len;
	bool bad;
};

static inline void
rd_init(struct rd *rd, const void *bytes, size_t len)
{
	rd->p = bytes;
	rd->len = len;
	rd->bad = false;
}

/* The next n bytes, or NULL (and bad) when there are fewer. */
static inline const uint8_t *
rd_bytes(struct rd *rd, size_t n)
{
	const uint8_t *p = rd->p;

	if (rd->bad || n > rd->len) {
		rd->bad = true;
		return NULL;
	}
	rd->p += n;
	rd->len -= n;
	return p;
}

static inline void
rd_skip(struct rd *rd, size_t n)
{
	(void)rd_bytes(rd, n); /* a failure stays in rd->bad */
}

static inline uint8_t
rd_u8(struct rd *rd)
{
	const uint8_t *p = rd_bytes(rd, 1);

	return p != NULL ? p[0] : 0;
}

static inline uint16_t
rd_u16(struct rd *rd)
{
	const uint8_t *p = rd_bytes(rd, 2);

	return p != NULL ? (uint16_t)((unsigned int)p[0] << 8 | p[1]) : 0;
}

static inline uint32_t
rd_u32(struct rd *rd)
{
	const uint8_t *p = rd_bytes(rd, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* Copies the next n bytes to `to`; leaves it untouched when there are fewer. */
static inline void
rd_copy(struct rd *rd, void *to, size_t n)
{
	const uint8_t *p = rd_bytes(rd, n);

	if (p != NULL)
		memcpy(to, p, n);
}

#endif
