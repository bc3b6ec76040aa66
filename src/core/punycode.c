#include "src/core/punycode.h"

#include <stdint.h>
#include <string.h>

/* RFC 3492 section 5. */
#define BASE 36
#define T_MIN 1
#define T_MAX 26
#define SKEW 38
#define DAMP 700
#define BIAS 72
#define FIRST 128

/* Every code point takes one octet at least. */
#define POINTS_MAX PUNYCODE_MAX

static uint32_t
small(uint32_t c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
	    (c >= 0x391 && c <= 0x3ab) || (c >= 0x410 && c <= 0x42f))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40f)
		return c + 0x50;
	return c;
}

/* What nobody sees, or takes for a blank or a dot: controls, blanks, marks of
 * direction and order. Names that hold them were not meant. */
static bool
is_unseen(uint32_t c)
{
	return (c >= 0x80 && c <= 0xa0) || c == 0xad ||
	       (c >= 0x2000 && c <= 0x200b) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) ||
	       (c >= 0x3000 && c <= 0x3002) || c == 0xfeff || c == 0xff0e ||
	       c == 0xff61 || (c >= 0xfff0 && c <= 0xffff);
}

/* One code point; 0 for what is none. */
static uint32_t
take_point(const uint8_t **at, const uint8_t *end)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = *at;
	uint32_t c = *p++;
	int more = c < 0x80   ? 0
		   : c < 0xc0 ? -1
		   : c < 0xe0 ? 1
		   : c < 0xf0 ? 2
		   : c < 0xf8 ? 3
			      : -1;

	if (more < 0 || end - p < more)
		return 0;
	if (more > 0)
		c &= 0x3fU >> more;
	for (int i = 0; i < more; i++, p++) {
		if ((*p & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (*p & 0x3fU);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ||
	    is_unseen(c))
		return 0;
	*at = p;
	return c;
}

/* How many code points the label has; 0 where it is no good. */
static size_t
take_points(uint32_t points[POINTS_MAX], const char *label, size_t len)
{
	const uint8_t *at = (const uint8_t *)label, *end = at + len;
	size_t n = 0;
	uint32_t c;

	while (at < end) {
		c = n < POINTS_MAX ? take_point(&at, end) : 0;
		if (c == 0)
			return 0;
		points[n++] = small(c);
	}
	return n;
}

static uint32_t
adapt(uint32_t delta, uint32_t n, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / n;
	for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

struct out {
	char *at;
	size_t left;
};

static bool
put(struct out *out, uint32_t digit)
{
	if (out->left == 0)
		return false;
	*out->at++ = (char)(digit < 26 ? 'a' + digit : '0' + (digit - 26));
	out->left--;
	return true;
}

static bool
put_number(struct out *out, uint32_t q, uint32_t bias)
{
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = k <= bias ? T_MIN : k - bias;

		if (t > T_MAX)
			t = T_MAX;
		if (q < t)
			return put(out, q);
		if (!put(out, t + (q - t) % (BASE - t)))
			return false;
		q = (q - t) / (BASE - t);
	}
}

/* The least code point that is not smaller than n. */
static uint32_t
next_point(const uint32_t *points, size_t len, uint32_t n)
{
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < len; i++)
		if (points[i] >= n && points[i] < least)
			least = points[i];
	return least;
}

/* Numbers can't overflow: at most 63 points below 2^21. */
static bool
encode(struct out *out, const uint32_t *points, size_t len, uint32_t basic)
{
	uint32_t n = FIRST, delta = 0, bias = BIAS, done = basic;

	while (done < len) {
		uint32_t next = next_point(points, len, n);

		delta += (next - n) * (done + 1);
		n = next;
		for (size_t i = 0; i < len; i++) {
			if (points[i] < n)
				delta++;
			if (points[i] != n)
				continue;
			if (!put_number(out, delta, bias))
				return false;
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
		delta++;
		n++;
	}
	return true;
}

size_t
punycode_label(char ret[PUNYCODE_MAX], const char *label, size_t len)
{
	struct out out = { ret, PUNYCODE_MAX };
	uint32_t points[POINTS_MAX];
	size_t n = take_points(points, label, len);
	uint32_t basic = 0;

	if (n == 0)
		return 0;
	memcpy(out.at, "xn--", 4);
	out.at += 4;
	out.left -= 4;
	for (size_t i = 0; i < n; i++) {
		if (points[i] >= FIRST)
			continue;
		if (out.left == 0)
			return 0;
		*out.at++ = (char)points[i];
		out.left--;
		basic++;
	}
	if (basic > 0) {
		if (out.left == 0)
			return 0;
		*out.at++ = '-';
		out.left--;
	}
	if (!encode(&out, points, n, basic))
		return 0;
	return (size_t)(out.at - ret);
}

static bool
is_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)s[i] >= FIRST)
			return false;
	return true;
}

bool
punycode_name(char *ret, size_t size, const char *s, size_t len)
{
	char label[PUNYCODE_MAX];
	size_t used = 0, at = 0;

	while (at <= len) {
		const char *from = s + at, *dot = memchr(from, '.', len - at);
		size_t n = dot != NULL ? (size_t)(dot - from) : len - at;

		at += n + 1;
		if (!is_ascii(from, n)) {
			n = punycode_label(label, from, n);
			if (n == 0)
				return false;
			from = label;
		}
		if (n + 1 > size - used)
			return false;
		memcpy(ret + used, from, n);
		used += n;
		ret[used++] = dot != NULL ? '.' : '\0';
	}
	return true;
}
