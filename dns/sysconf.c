#include "dns/sysconf.h"

#include <string.h>

/* A word of s[*at..end); its length, 0 for none. */
static size_t
next_word(const char *s, size_t *at, size_t end, const char **ret)
{
	size_t from;

	while (*at < end && (s[*at] == ' ' || s[*at] == '\t'))
		(*at)++;
	from = *at;
	while (*at < end && s[*at] != ' ' && s[*at] != '\t' && s[*at] != '\r')
		(*at)++;
	*ret = s + from;
	return *at - from;
}

/* An address, with the port and the zone that networkd may give, and the name
 * behind '#', which is for TLS and so left out. */
static bool
take_server(struct upstream_spec *ret, const char *word, size_t len)
{
	const char *hash = memchr(word, '#', len);

	if (hash != NULL)
		len = (size_t)(hash - word);
	return len > 0 && upstream_parse(ret, word, len) == 0 &&
	       ret->kind == UPSTREAM_PLAIN;
}

static bool
is_keyword(const char *word, size_t len, const char *keyword)
{
	return strlen(keyword) == len && memcmp(word, keyword, len) == 0;
}

size_t
sysconf_resolv(
    const char *text, size_t len, struct upstream_spec *ret, size_t max)
{
	size_t n = 0, at = 0;

	while (at < len && n < max) {
		const char *nl = memchr(text + at, '\n', len - at), *word;
		size_t end = nl != NULL ? (size_t)(nl - text) : len, size;

		size = next_word(text, &at, end, &word);
		if (is_keyword(word, size, "nameserver")) {
			size = next_word(text, &at, end, &word);
			n += take_server(&ret[n], word, size);
		}
		at = end + 1;
	}
	return n;
}

size_t
sysconf_networkd(
    const char *text, size_t len, struct upstream_spec *ret, size_t max)
{
	size_t n = 0, at = 0;

	while (at < len) {
		const char *nl = memchr(text + at, '\n', len - at), *word;
		size_t end = nl != NULL ? (size_t)(nl - text) : len, size;

		if (end - at > 4 && memcmp(text + at, "DNS=", 4) == 0) {
			at += 4;
			while (n < max &&
			       (size = next_word(text, &at, end, &word)) > 0)
				n += take_server(&ret[n], word, size);
		}
		at = end + 1;
	}
	return n;
}
