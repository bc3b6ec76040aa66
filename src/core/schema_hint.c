#include "src/core/schema_hint.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "src/base/num.h"
#include "src/core/schema_check.h"
#include "src/core/text.h"

struct hint {
	const char *begins; /* the value, with this */
	const char *text;
};

static const char *
hint_of(const struct hint *hints, size_t n, const char *s, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		size_t begins = strlen(hints[i].begins);

		if (len >= begins && memcmp(s, hints[i].begins, begins) == 0)
			return hints[i].text;
	}
	return NULL;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind the one colon of HOST:PORT, or the one that follows the bracket of
 * [ADDRESS]:PORT. Returns where it begins; NULL where there is none. */
static const char *
find_port(const char *host, const char *end)
{
	const char *colon;

	if (host < end && *host == '[') {
		colon = memchr(host, ']', (size_t)(end - host));
		if (colon == NULL || ++colon == end || *colon != ':')
			return NULL;
		return colon + 1;
	}
	colon = memchr(host, ':', (size_t)(end - host));
	if (colon == NULL || memrchr(host, ':', (size_t)(end - host)) != colon)
		return NULL;
	return colon + 1;
}

const char *
schema_hint_port(const char *s, size_t len)
{
	const char *scheme = memmem(s, len, "://", 3), *end = s + len, *at;
	const char *host = scheme != NULL ? scheme + 3 : s;
	uint64_t port;

	at = memchr(host, '#', (size_t)(end - host));
	if (at != NULL)
		end = at;
	at = memrchr(host, '@', (size_t)(end - host));
	if (at != NULL)
		host = at + 1;
	at = find_port(host, end);
	if (at == NULL ||
	    (num_parse(&port, at, (size_t)(end - at), UINT16_MAX) == 0 &&
		port != 0))
		return NULL;
	return "a port from 1 to 65535 behind the last ':'";
}

#define NO_HTTPS                                                               \
	"tls://ADDRESS#NAME, such as tls://9.9.9.9#dns.quad9.net: of DNS in "  \
	"other wraps than TLS (HTTPS, QUIC) none is spoken"
#define FOR_DOMAIN                                                             \
	"the address alone: for a domain there is a section of its own, "      \
	"[forward \"DOMAIN\"] with upstream = ADDRESS"
#define FROM_FILE                                                              \
	"addresses, or system: the servers that /etc/resolv.conf names, and "  \
	"what others keep of them"
#define PLAIN                                                                  \
	"the address alone, such as 192.0.2.53: UDP is asked, and TCP where "  \
	"that is needed; tcp://ADDRESS asks over TCP alone"

/* As dnsmasq has a port, and resolved and unbound a server over TLS. */
static const char *
hint_without_scheme(const char *s, size_t len)
{
	const char *sharp = memchr(s, '#', len);
	uint64_t port;

	if (sharp != NULL &&
	    num_parse(&port, sharp + 1, len - (size_t)(sharp + 1 - s),
		UINT16_MAX) == 0)
		return "ADDRESS:PORT, such as 192.0.2.53:5353 or "
		       "[2001:db8::53]:5353";
	if (memchr(s, '@', len) != NULL)
		return "a port behind ':', such as 192.0.2.53:5353, and for "
		       "TLS tls://9.9.9.9:853#dns.quad9.net";
	return sharp != NULL
		   ? "tls://ADDRESS#NAME, such as tls://9.9.9.9#dns.quad9.net"
		   : NULL;
}

const char *
schema_hint_dns(const char *s, size_t len)
{
	static const struct hint hints[] = {
		{ "https://", NO_HTTPS },
		{ "http://", NO_HTTPS },
		{ "h3://", NO_HTTPS },
		{ "quic://", NO_HTTPS },
		{ "sdns://", NO_HTTPS },
		{ "[/", FOR_DOMAIN },
		{ "/etc/", FROM_FILE },
		{ "/run/", FROM_FILE },
		{ "/", FOR_DOMAIN },
		{ "udp://", PLAIN },
		{ "dns://", PLAIN },
		{ "tls://",
		    "tls://ADDRESS#NAME, such as tls://9.9.9.9#dns.quad9.net: "
		    "a name can't be looked up before its server is known, and "
		    "stands behind # as that of its certificate" },
	};
	const char *hint =
	    hint_of(hints, sizeof(hints) / sizeof(hints[0]), s, len);
	const char *port = schema_hint_port(s, len);

	if (hint == NULL && memmem(s, len, "://", 3) == NULL)
		hint = hint_without_scheme(s, len);
	if (len > 0 && memchr(s, ' ', len) != NULL)
		return "a comma between one server and the next";
	/* of the forms that are good here */
	if (port != NULL && (hint == NULL || memcmp(s, "tls:", 4) == 0))
		return port;
	if (hint != NULL || len == 0 || memmem(s, len, "://", 3) != NULL ||
	    memchr(s, '.', len) == NULL || !is_letter(s[len - 1]))
		return hint;
	return "an address, such as 192.0.2.53: a name can't be looked up "
	       "before its server is known";
}

#define CLIENT "socks5://127.0.0.1:PORT, where its client listens"

const char *
schema_hint_tunnel(const char *s, size_t len)
{
	static const struct hint hints[] = {
		{ "socks4",
		    "socks5://HOST:PORT: of SOCKS, version 5 is spoken" },
		{ "socks:", "socks5://HOST:PORT" },
		{ "socks5 ", "socks5://USER:PASSWORD@HOST:PORT" },
		{ "SOCKS", "socks5://HOST:PORT, in small letters" },
		{ "HTTP", "http:// or https://, in small letters" },
		{ "ssh://",
		    "socks5://127.0.0.1:PORT, and 'ssh -D PORT HOST' beside" },
		{ "tor:", "socks5://127.0.0.1:9050, where tor listens" },
		{ "unix:", "proxy2+unix:PATH" },
		{ "ss://", CLIENT },
		{ "vmess://", CLIENT },
		{ "vless://", CLIENT },
		{ "trojan://", CLIENT },
		{ "wireguard://", "direct, and device = wg0" },
		{ "wg", "direct, and device = wg0" },
		{ "\"", "it without quotes" },
	};
	const char *hint =
	    hint_of(hints, sizeof(hints) / sizeof(hints[0]), s, len);
	const char *at = memrchr(s, '@', len);

	if (memmem(s, len, ", ", 2) != NULL)
		return "one upstream: several are tunnels of their own, and "
		       "failover = NAME, NAME is one more";
	if (hint == NULL && memmem(s, len, "://", 3) != NULL) {
		if (at != NULL && (memchr(s, '#', (size_t)(at - s)) != NULL ||
				      memchr(s, '%', (size_t)(at - s)) != NULL))
			return "percent-encoding of user and password: '#' is "
			       "%23, '%' is %25, '@' is %40";
		return schema_hint_port(s, len);
	}
	if (hint != NULL || memchr(s, '/', len) != NULL ||
	    memchr(s, ':', len) == NULL)
		return hint;
	return "what it speaks in front: socks5://HOST:PORT, "
	       "http://HOST:PORT, https://HOST:PORT or proxy2://HOST:PORT";
}

const char *
schema_hint_prefix(const char *s, size_t len)
{
	static const struct hint hints[] = {
		{ "all", "0.0.0.0/0, ::/0, which is everybody" },
		{ "any", "0.0.0.0/0, ::/0, which is everybody" },
		{ "*", "0.0.0.0/0, ::/0, which is everybody" },
		{ "lan", "the prefixes of the LAN, such as 192.168.0.0/16, "
			 "fd00::/8, fe80::/10" },
		{ "local", "the prefixes of the LAN, such as 192.168.0.0/16, "
			   "fd00::/8, fe80::/10; this host may ask anyway" },
	};

	return hint_of(hints, sizeof(hints) / sizeof(hints[0]), s, len);
}

const char *
schema_hint_block_answer(const char *s, size_t len)
{
	return word_nearest(s, len, schema_block_answers, SCHEMA_BLOCK_ANSWERS);
}
