#include "src/core/endpoint.h"

#include <errno.h>
#include <string.h>

#include "src/base/num.h"

static struct endpoint_part
part(const char *from, const char *to)
{
	return (struct endpoint_part){ from, (size_t)(to - from) };
}

static bool
is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* "scheme://", or "scheme+unix:" with its path. Returns what follows; s where
 * there is no scheme; NULL for a bad one. */
static const char *
parse_scheme(struct endpoint *ret, const char *s, const char *end)
{
	const char *at = s;

	while (at < end && (is_letter(*at) || (*at >= '0' && *at <= '9') ||
			       (*at == '-' && at > s)))
		at++;
	if (end - at > 6 && memcmp(at, "+unix:", 6) == 0) {
		ret->scheme = part(s, at);
		ret->path = part(at + 6, end);
		return at > s && at[6] == '/' ? end : NULL;
	}
	if (end - at < 3 || memcmp(at, "://", 3) != 0)
		return s;
	ret->scheme = part(s, at);
	return at > s && is_letter(*s) ? at + 3 : NULL;
}

static const char *
parse_user(struct endpoint *ret, const char *s, const char *end)
{
	const char *at = memrchr(s, '@', (size_t)(end - s)), *colon;

	if (at == NULL)
		return s;
	colon = memchr(s, ':', (size_t)(at - s));
	ret->user = part(s, colon != NULL ? colon : at);
	if (colon != NULL)
		ret->password = part(colon + 1, at);
	return ret->user.len > 0 ? at + 1 : NULL;
}

static int
parse_port(struct endpoint *ret, const char *s, const char *end)
{
	uint64_t port = 0;

	if (num_parse(&port, s, (size_t)(end - s), UINT16_MAX) < 0 || port == 0)
		return -EINVAL;
	ret->port = (uint16_t)port;
	return 0;
}

/* An address with perhaps a zone; 0 or -EINVAL. */
static int
parse_addr(struct endpoint *ret, const char *s, const char *end)
{
	const char *zone = memchr(s, '%', (size_t)(end - s));
	int r = addr_parse(
	    &ret->addr, s, (size_t)((zone != NULL ? zone : end) - s));

	if (r < 0 || zone == NULL)
		return r;
	ret->zone = part(zone + 1, end);
	/* no device can have the others in its name (dev_valid_name()) */
	return ret->zone.len > 0 && ret->zone.len < 16 &&
		       memchr(ret->zone.s, '%', ret->zone.len) == NULL &&
		       memchr(ret->zone.s, '/', ret->zone.len) == NULL &&
		       addr_is_link_local(&ret->addr)
		   ? 0
		   : -EINVAL;
}

/* Patterns are for rules: nobody can be asked for one, and no certificate is to
 * show one. */
static bool
is_one_name(struct name *ret, const char *s, const char *end)
{
	return name_parse(ret, s, (size_t)(end - s)) == 0 &&
	       memchr(s, '*', (size_t)(end - s)) == NULL;
}

static int
parse_host(struct endpoint *ret, const char *s, const char *end)
{
	const char *colon;
	struct name name;

	if (s < end && *s == '[') {
		const char *close = memchr(s, ']', (size_t)(end - s));

		if (close == NULL || parse_addr(ret, s + 1, close) < 0 ||
		    ret->addr.family != ADDR_IP6)
			return -EINVAL;
		s = close + 1;
		return s == end	   ? 0
		       : *s == ':' ? parse_port(ret, s + 1, end)
				   : -EINVAL;
	}
	if (parse_addr(ret, s, end) == 0)
		return 0;
	memset(&ret->addr, 0, sizeof(ret->addr));
	ret->zone = (struct endpoint_part){ NULL, 0 };
	colon = memchr(s, ':', (size_t)(end - s));
	if (colon != NULL && parse_port(ret, colon + 1, end) < 0)
		return -EINVAL;
	end = colon != NULL ? colon : end;
	if (addr_parse(&ret->addr, s, (size_t)(end - s)) == 0)
		return ret->addr.family == ADDR_IP4 ? 0 : -EINVAL;
	/* 192.0.2.300 is a mistake and no name */
	if (s == end || (end[-1] >= '0' && end[-1] <= '9') ||
	    !is_one_name(&name, s, end) || name_is_root(&name))
		return -EINVAL;
	ret->host = part(s, end);
	return 0;
}

static bool
part_is_good(const struct endpoint_part *p)
{
	char buf[512];

	return p->s == NULL || endpoint_decode(p, buf, sizeof(buf)) >= 0;
}

int
endpoint_parse(struct endpoint *ret, const char *s, size_t len)
{
	struct endpoint e = { .port = 0 };
	const char *end = s + len, *hash;

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == '\x7f')
			return -EINVAL;
	s = parse_scheme(&e, s, end);
	if (s == NULL)
		return -EINVAL;
	if (e.path.s == NULL) {
		hash = memrchr(s, '#', (size_t)(end - s));
		if (hash != NULL) {
			struct name name;

			e.name = part(hash + 1, end);
			if (!is_one_name(&name, hash + 1, end))
				return -EINVAL;
			end = hash;
		}
		if (e.scheme.s != NULL)
			s = parse_user(&e, s, end);
		if (s == NULL || parse_host(&e, s, end) < 0)
			return -EINVAL;
	}
	if (!part_is_good(&e.user) || !part_is_good(&e.password))
		return -EINVAL;
	*ret = e;
	return 0;
}

bool
endpoint_is(const struct endpoint *endpoint, const char *scheme)
{
	if (scheme == NULL || endpoint->scheme.s == NULL)
		return scheme == NULL && endpoint->scheme.s == NULL;
	return strlen(scheme) == endpoint->scheme.len &&
	       memcmp(scheme, endpoint->scheme.s, endpoint->scheme.len) == 0;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
endpoint_decode(const struct endpoint_part *p, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < p->len; i++) {
		int c = (unsigned char)p->s[i];

		if (c == '%') {
			if (p->len - i < 3 || hex(p->s[i + 1]) < 0 ||
			    hex(p->s[i + 2]) < 0)
				return -EINVAL;
			c = hex(p->s[i + 1]) << 4 | hex(p->s[i + 2]);
			i += 2;
		}
		if (c == 0)
			return -EINVAL;
		if (n + 1 >= size)
			return -ERANGE;
		buf[n++] = (char)c;
	}
	if (size == 0)
		return -ERANGE;
	buf[n] = '\0';
	return (int)n;
}
