#include "src/base/name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* One byte of a label, escaped or not; moves *at past it. False for what may
 * not stand there. */
static bool
text_byte(const char *s, size_t len, size_t *at, uint8_t *ret)
{
	unsigned int n = 0;
	char c = s[*at];

	(*at)++;
	if (c <= ' ' || c > '~')
		return false;
	if (c != '\\') {
		*ret = (uint8_t)c;
		return true;
	}
	if (*at >= len)
		return false;
	c = s[*at];
	if (c < '0' || c > '9') {
		(*at)++;
		*ret = (uint8_t)c;
		return c > ' ' && c <= '~';
	}
	if (len - *at < 3)
		return false;
	for (int i = 0; i < 3; i++, (*at)++) {
		if (s[*at] < '0' || s[*at] > '9')
			return false;
		n = n * 10 + (unsigned int)(s[*at] - '0');
	}
	*ret = (uint8_t)n;
	return n <= UINT8_MAX;
}

/* One label and the dot behind it. Its length octet goes to wire[used]; returns
 * how many octets the name has now, 0 for a fault. */
static size_t
text_label(struct name *ret, size_t used, const char *s, size_t len, size_t *at)
{
	size_t n = 0;
	uint8_t c;

	while (*at < len && s[*at] != '.') {
		/* the root's octet must still fit */
		if (!text_byte(s, len, at, &c) || n == NAME_LABEL_MAX ||
		    used + 1 + n + 1 >= NAME_WIRE_MAX)
			return 0;
		ret->wire[used + 1 + n++] = lower(c);
	}
	if (n == 0)
		return 0;
	if (*at < len)
		(*at)++; /* the dot */
	ret->wire[used] = (uint8_t)n;
	return used + 1 + n;
}

int
name_parse(struct name *ret, const char *s, size_t len)
{
	struct name name;
	size_t used = 0, at = 0;

	if (len == 1 && s[0] == '.')
		at = 1;
	else if (len == 0)
		return -EINVAL;
	while (at < len) {
		used = text_label(&name, used, s, len, &at);
		if (used == 0)
			return -EINVAL;
	}
	name.wire[used++] = 0;
	name.len = (uint8_t)used;
	memcpy(ret->wire, name.wire, used);
	ret->len = name.len;
	return 0;
}

int
name_from_wire(struct name *ret, const uint8_t *wire, size_t len)
{
	size_t used = 0;

	while (used < len && wire[used] != 0) {
		if (wire[used] > NAME_LABEL_MAX)
			return -EINVAL;
		used += 1 + (size_t)wire[used];
		if (used >= NAME_WIRE_MAX)
			return -EINVAL;
	}
	if (used >= len)
		return -EINVAL;
	used++; /* the root */
	/* a length octet is smaller than any letter */
	for (size_t i = 0; i < used; i++)
		ret->wire[i] = lower(wire[i]);
	ret->len = (uint8_t)used;
	return 0;
}

const char *
name_format(const struct name *name, char buf[NAME_TEXT_SIZE])
{
	const uint8_t *at = name->wire;
	char *to = buf;

	if (name_is_root(name))
		*to++ = '.';
	for (; *at != 0; at += 1 + *at) {
		if (at != name->wire)
			*to++ = '.';
		for (size_t i = 1; i <= *at; i++) {
			uint8_t c = at[i];

			if (c <= ' ' || c > '~') {
				/* 255 octets at 4 bytes each fit */
				(void)sprintf(to, "\\%03u", c);
				to += 4;
				continue;
			}
			if (c == '.' || c == '\\')
				*to++ = '\\';
			*to++ = (char)c;
		}
	}
	*to = '\0';
	return buf;
}

bool
name_equal(const struct name *a, const struct name *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

const uint8_t *
name_step(const uint8_t *at)
{
	return *at == 0 ? NULL : at + 1 + *at;
}

size_t
name_rest(const struct name *name, const uint8_t *at)
{
	return (size_t)(name->wire + name->len - at);
}

bool
name_is_root(const struct name *name)
{
	return name->len == 1;
}

size_t
name_n_labels(const struct name *name)
{
	size_t n = 0;

	for (const uint8_t *at = name->wire; *at != 0; at = name_step(at))
		n++;
	return n;
}

bool
name_in(const struct name *name, const struct name *zone)
{
	for (const uint8_t *at = name->wire; at != NULL; at = name_step(at)) {
		size_t rest = name_rest(name, at);

		if (rest <= zone->len)
			return rest == zone->len &&
			       memcmp(at, zone->wire, rest) == 0;
	}
	return false;
}

struct name
name_of(const char *text)
{
	struct name name;

	if (name_parse(&name, text, strlen(text)) < 0)
		abort();
	return name;
}
