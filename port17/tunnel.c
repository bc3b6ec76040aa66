#include "port17/tunnel.h"

#include <stdio.h>
#include <string.h>

const char *
tunnel_kind_name(enum tunnel_kind kind)
{
	switch (kind) {
	case TUNNEL_DIRECT:
		return "direct";
	case TUNNEL_SOCKS5:
		return "socks5";
	case TUNNEL_HTTP:
		return "http";
	case TUNNEL_HTTPS:
		return "https";
	case TUNNEL_PROXY2:
		return "proxy2";
	case TUNNEL_LIST:
		return "failover";
	}
	__builtin_trap();
}

bool
tunnel_carries_udp(const struct tunnel *tunnel)
{
	if (tunnel->udp != TUNNEL_UDP_TUNNEL)
		return false;
	switch (tunnel->kind) {
	case TUNNEL_DIRECT:
	case TUNNEL_SOCKS5:
	case TUNNEL_LIST:
		return true;
	case TUNNEL_HTTP:
	case TUNNEL_HTTPS:
	case TUNNEL_PROXY2:
		return false;
	}
	__builtin_trap();
}

static bool
is_same_end(const struct tunnel *a, const struct tunnel *b)
{
	return a->kind == b->kind && a->port == b->port &&
	       addr_equal(&a->addr, &b->addr) &&
	       strcmp(a->path, b->path) == 0 && strcmp(a->zone, b->zone) == 0 &&
	       strcmp(a->host, b->host) == 0;
}

static bool
is_believed_alike(const struct tunnel *a, const struct tunnel *b)
{
	return strcmp(a->tls_name, b->tls_name) == 0 &&
	       strcmp(a->ca, b->ca) == 0 && a->has_pin == b->has_pin &&
	       memcmp(a->pin, b->pin, sizeof(a->pin)) == 0;
}

static bool
is_same_way(const struct tunnel *a, const struct tunnel *b)
{
	return a->fwmark == b->fwmark && addr_equal(&a->source, &b->source) &&
	       strcmp(a->device, b->device) == 0 &&
	       strcmp(a->netns, b->netns) == 0;
}

bool
tunnel_leads_alike(const struct tunnel *a, const struct tunnel *b)
{
	return is_same_end(a, b) && is_believed_alike(a, b) &&
	       is_same_way(a, b);
}

/* FNV-1a: tells two long texts apart, no more. */
static uint64_t
fold(uint64_t hash, const char *s)
{
	for (; *s != '\0'; s++)
		hash = (hash ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return hash;
}

struct expansion {
	char *buf;
	bool escape; /* colons, and what they become */
	size_t len;
	bool cut;
	uint64_t hash;
};

static void
add(struct expansion *to, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char one[2] = { s[i], '\0' };

		to->hash = fold(to->hash, one);
		if (to->len + 1 < TUNNEL_WORD_SIZE)
			to->buf[to->len++] = s[i];
		else
			to->cut = true;
	}
}

static void
add_value(struct expansion *to, const char *s)
{
	for (; *s != '\0'; s++)
		if (to->escape && (*s == ':' || *s == '%'))
			add(to, *s == ':' ? "%3A" : "%25", 3);
		else
			add(to, s, 1);
}

#define TEMPLATE_WORDS 3

/* Which word of templates stands there; TEMPLATE_WORDS: none. */
static size_t
template_word(const char *s, size_t *ret_len)
{
	static const char *const words[TEMPLATE_WORDS] = { "%exe", "%user",
		"%unit" };
	size_t i;

	for (i = 0; i < TEMPLATE_WORDS; i++) {
		*ret_len = strlen(words[i]);
		if (strncmp(s, words[i], *ret_len) == 0)
			break;
	}
	return i;
}

bool
tunnel_template_is_odd(const char *template)
{
	size_t len;

	for (const char *p = template; (p = strchr(p, '%')) != NULL; p += len) {
		if (template_word(p, &len) < TEMPLATE_WORDS)
			continue;
		len = 2;
		if (p[1] != '%')
			return true;
	}
	return false;
}

const char *
tunnel_exe_file(
    const struct tunnel_identity *identity, char buf[TUNNEL_EXE_FILE_SIZE])
{
	buf[0] = '\0';
	if (identity->exe_ino != 0)
		(void)snprintf(buf, TUNNEL_EXE_FILE_SIZE,
		    " (elsewhere %llx/%llu)",
		    (unsigned long long)identity->exe_dev,
		    (unsigned long long)identity->exe_ino); /* it fits */
	return buf;
}

static const char *
expand(const char *template, const struct tunnel_identity *identity,
    struct expansion to)
{
	const char *const values[TEMPLATE_WORDS] = { identity->exe,
		identity->user, identity->unit };
	char file[TUNNEL_EXE_FILE_SIZE];

	to.hash = UINT64_C(0xcbf29ce484222325);
	for (const char *p = template; *p != '\0';) {
		size_t len, i = template_word(p, &len);

		if (i < TEMPLATE_WORDS) {
			add_value(&to, values[i]);
			if (values[i] == identity->exe)
				add_value(&to, tunnel_exe_file(identity, file));
			p += len;
			continue;
		}
		add(&to, p, 1);
		p += strncmp(p, "%%", 2) == 0 ? 2 : 1;
	}
	if (to.cut) /* two programs must not become one user */
		to.len = TUNNEL_WORD_SIZE - 1 - 16 +
			 (size_t)snprintf(to.buf + TUNNEL_WORD_SIZE - 1 - 16,
			     17, "%016llx", (unsigned long long)to.hash);
	to.buf[to.len] = '\0';
	return to.buf;
}

const char *
tunnel_expand(const char *template, const struct tunnel_identity *identity,
    char buf[TUNNEL_WORD_SIZE])
{
	return expand(template, identity, (struct expansion){ .buf = buf });
}

const char *
tunnel_user(const struct tunnel *tunnel, const struct tunnel_identity *identity,
    char buf[TUNNEL_WORD_SIZE])
{
	return expand(tunnel->user, identity,
	    (struct expansion){ .buf = buf,
		.escape = tunnel->kind == TUNNEL_HTTP ||
			  tunnel->kind == TUNNEL_HTTPS });
}
