#include "src/core/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/base/escape.h"

/* No known word is longer; longer words are not compared. */
#define NEAR_MAX 32

#define QUOTE_SHOWN 40

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned int
min3(unsigned int a, unsigned int b, unsigned int c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Optimal string alignment: insert, delete, replace, swap of neighbours. Both
 * are at most NEAR_MAX long. */
static unsigned int
distance(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned int d[3][NEAR_MAX + 1];
	unsigned int *prev2 = d[0], *prev = d[1], *row = d[2], *tmp;

	for (size_t j = 0; j <= blen; j++)
		prev[j] = (unsigned int)j;
	for (size_t i = 1; i <= alen; i++) {
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= blen; j++) {
			char x = lower(a[i - 1]), y = lower(b[j - 1]);

			row[j] = min3(prev[j] + 1, row[j - 1] + 1,
			    prev[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b[j - 2]) &&
			    y == lower(a[i - 2]) && prev2[j - 2] + 1 < row[j])
				row[j] = prev2[j - 2] + 1;
		}
		tmp = prev2;
		prev2 = prev;
		prev = row;
		row = tmp;
	}
	return prev[blen];
}

/* As other firewalls call it: what of ours that is, where it is wanted. */
static const char *const same[][2] = {
	{ "allow", "accept" },
	{ "permit", "accept" },
	{ "pass", "accept" },
	{ "deny", "block" },
	{ "reject", "block" },
	{ "redirect", "reroute" },
	{ "route", "reroute" },
	{ "proxy", "reroute" },
	{ "tunnel", "reroute" },
	{ "outbound", "out" },
	{ "outgoing", "out" },
	{ "egress", "out" },
	{ "inbound", "in" },
	{ "incoming", "in" },
	{ "ingress", "in" },
	{ "src", "from" },
	{ "source", "from" },
	{ "dst", "to" },
	{ "dest", "to" },
	{ "destination", "to" },
	{ "ip", "to" },
	{ "uid", "user" },
	{ "gid", "group" },
	{ "path", "exe" },
	{ "program", "exe" },
	{ "process", "exe" },
	{ "app", "exe" },
	{ "application", "exe" },
	{ "profile", "exe" },
	{ "process-name", "exe" },
	{ "process_name", "exe" },
	{ "process_path", "exe" },
	{ "+", "accept" },
	{ "direct", "accept" },
	{ "-", "block" },
	{ "except", "not" },
	{ "ppid", "parent" },
	{ "user_id", "user" },
	{ "ip_cidr", "to" },
	{ "ip-cidr", "to" },
	{ "domain_suffix", "domain" },
	{ "domain-suffix", "domain" },
	{ "category", "list" },
	{ "filter-list", "list" },
	{ "filterlist", "list" },
	{ "geosite", "list" },
	{ "proxy", "tunnel" },
	{ "outbound", "tunnel" },
	{ "forward-zone", "forward" },
	{ "stub-zone", "forward" },
	{ "stub", "forward" },
	{ "remote", "fake" },
	{ "protocol", "proto" },
	{ "service", "unit" },
	{ "cgroup", "unit" },
	{ "slice", "unit" },
	{ "localhost", "loopback" },
	{ "wan", "internet" },
	{ "world", "internet" },
	{ "public", "internet" },
	{ "private", "lan" },
	{ "host", "domain" },
	{ "name", "domain" },
	{ "lists", "list" },
	{ "tunnel", "via" },
	{ "proxy", "via" },
	{ "type", "qtype" },
	{ "comment", "label" },
	{ "query", "domain" },
	{ "qname", "domain" },
	{ "remove", "delete" },
	{ "rm", "delete" },
	{ "clear", "flush" },
	{ "update", "reload" },
	{ "to", "address" },
	{ "from", "address" },
	{ "dst", "address" },
	{ "dest", "address" },
	{ "src", "address" },
	{ "client", "from" },
	{ "client", "address" },
	{ "policy", "default" },
	{ "delete", "rules" },
	{ "flush", "cache" },
	{ "querylog", "queries" },
	{ "ps", "processes" },
	{ "netstat", "flows" },
	{ "dns", "resolver" },
	{ "server", "resolver" },
	{ "default", "rules" },
	{ "pause", "rules" },
	{ "blocked", "verdict" },
	{ "pid", "exe" },
	{ "undo", "revert" },
	{ "start", "daemon" },
	{ "test", "check" },
	{ "configtest", "check" },
	{ "cancel", "revert" },
	{ "stop", "revert" },
	{ "query", "queries" },
	{ "tail", "watch" },
	{ "log", "watch" },
	{ "monitor", "watch" },
	{ "events", "watch" },
	{ "alerts", "watch" },
	{ "pending", "watch" },
	{ "prompts", "watch" },
	{ "history", "flows" },
	{ "apps", "processes" },
	{ "app", "processes" },
	{ "export", "rules" },
	{ "upstreams", "cache" },
	{ "lookup", "resolve" },
	{ "dig", "resolve" },
	{ "whitelist", "accept" },
	{ "blacklist", "block" },
	{ "unblock", "rules" },
	{ "action", "verdict" },
	{ "decision", "verdict" },
	{ "nft", "iptables-restore" },
	{ "nftables", "iptables-restore" },
	{ "nf_tables", "iptables-restore" },
	{ "iptables-nft", "iptables-restore" },
	{ "legacy", "libiptc" },
	{ "iptables-legacy", "libiptc" },
};

static const char *
translate(const char *s, size_t len, const char *const *words, size_t n)
{
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		for (size_t j = 0; j < n; j++)
			if (strlen(same[i][0]) == len &&
			    strncasecmp(same[i][0], s, len) == 0 &&
			    strcmp(words[j], same[i][1]) == 0)
				return words[j];
	return NULL;
}

/* Fewer begin too many words. */
#define BEGIN_MIN 3

/* The one word that begins so; NULL where none does, or several. */
static const char *
begun(const char *s, size_t len, const char *const *words, size_t n)
{
	const char *found = NULL;

	for (size_t i = 0; len >= BEGIN_MIN && i < n; i++) {
		if (strncmp(s, words[i], len) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = words[i];
	}
	return found;
}

const char *
word_nearest(const char *s, size_t len, const char *const *words, size_t n)
{
	unsigned int best = len <= 3	  ? 1
			    : len / 3 > 2 ? (unsigned int)len / 3
					  : 2;
	const char *nearest = begun(s, len, words, n);

	if (nearest == NULL)
		nearest = translate(s, len, words, n);
	if (nearest != NULL || len == 0 || len > NEAR_MAX)
		return nearest;
	for (size_t i = 0; i < n; i++) {
		size_t wlen = strlen(words[i]);
		unsigned int d;

		if (wlen > NEAR_MAX)
			continue;
		d = distance(s, len, words[i], wlen);
		/* a word that shares nothing is no hint */
		if (d < best || (d == best && nearest == NULL && d < wlen)) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}

const char *
word_quote(const char *s, size_t len, char buf[WORD_QUOTE_SIZE])
{
	size_t n = len < QUOTE_SHOWN ? len : QUOTE_SHOWN, one;
	char *p = buf;
	/* what has quotes of its own needs no others */
	bool bare = len > 1 && s[0] == '"' && s[len - 1] == '"';

	if (!bare)
		*p++ = '\'';
	for (size_t i = 0; i < n; i += one) {
		one = escape_visible(s + i, n - i);
		if (one > 0) {
			p = mempcpy(p, s + i, one);
			continue;
		}
		p += snprintf(p, 5, "\\x%02x", (unsigned char)s[i]);
		one = 1;
	}
	if (n < len)
		p = stpcpy(p, "...");
	if (!bare)
		*p++ = '\'';
	*p = '\0';
	return buf;
}

/* Length of the UTF-8 sequence at s[0..len), 0 if it is none (RFC 3629: no
 * overlong forms, no surrogates, nothing past U+10FFFF). */
static size_t
utf8_len(const uint8_t *s, size_t len)
{
	uint8_t c = s[0], lo = 0x80, hi = 0xbf;
	size_t n;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (c == 0xe0)
		lo = 0xa0;
	else if (c == 0xed)
		hi = 0x9f;
	else if (c == 0xf0)
		lo = 0x90;
	else if (c == 0xf4)
		hi = 0x8f;
	if (n > len || s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

size_t
text_bad_byte(const char *s, size_t len, const char **ret_what)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_len(p + i, len - i);
		if (n == 0)
			*ret_what = "bytes that are not UTF-8";
		else if (p[i] == '\0')
			*ret_what = "a NUL byte";
		else if (p[i] == '\r')
			*ret_what = "a carriage return";
		else if (n == 3 && memcmp(p + i, "\xef\xbb\xbf", 3) == 0)
			*ret_what = "a byte order mark";
		else if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f ||
			 (p[i] == 0xc2 && p[i + 1] < 0xa0))
			*ret_what = "a control character";
		else
			continue;
		return i;
	}
	return len;
}

const char *
text_good_for(char bad, const char *other)
{
	return bad == '\r'
		   ? "lines that end in LF, as after: sed -i 's/\\r$//' FILE"
		   : other;
}
