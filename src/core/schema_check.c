#include "src/core/schema_check.h"

#include <ctype.h>
#include <string.h>
#include <sys/un.h>

#include "src/base/addr.h"
#include "src/core/conf.h"
#include "src/core/endpoint.h"

/* ADDRESS[:PORT] */
bool
schema_is_listen(const char *s, size_t len)
{
	struct endpoint e;

	return endpoint_parse(&e, s, len) == 0 && e.addr.family != ADDR_NONE &&
	       e.scheme.s == NULL && e.name.s == NULL && e.zone.s == NULL;
}

bool
schema_is_prefix(const char *s, size_t len)
{
	struct prefix prefix;

	return prefix_parse(&prefix, s, len) == 0;
}

/* An address that somebody has. */
static bool
is_host(const struct addr *addr)
{
	return addr->family != ADDR_NONE && !addr_is_any(addr) &&
	       !addr_is_multicast(addr) && !addr_is_broadcast(addr);
}

/* ADDRESS[:PORT], or tls://ADDRESS[:PORT][#NAME] */
bool
schema_is_dns_upstream(const char *s, size_t len)
{
	struct endpoint e;

	if (endpoint_parse(&e, s, len) < 0 || !is_host(&e.addr) ||
	    e.user.s != NULL)
		return false;
	return (e.scheme.s == NULL && e.name.s == NULL) ||
	       endpoint_is(&e, "tls") || endpoint_is(&e, "tls-opportunistic") ||
	       (endpoint_is(&e, "tcp") && e.name.s == NULL);
}

/* By way of a tunnel it is TCP in any case. */
bool
schema_is_dns_server(const char *s, size_t len)
{
	struct endpoint e;

	return endpoint_parse(&e, s, len) == 0 && is_host(&e.addr) &&
	       e.user.s == NULL && e.name.s == NULL && e.scheme.s == NULL &&
	       e.zone.s == NULL;
}

bool
schema_is_system_or_upstream(const char *s, size_t len)
{
	return (len == 6 && memcmp(s, "system", 6) == 0) ||
	       schema_is_dns_upstream(s, len);
}

const char *const schema_block_answers[SCHEMA_BLOCK_ANSWERS] = { "null",
	"nxdomain", "refused", "nodata" };

bool
schema_is_block_answer(const char *s, size_t len)
{
	struct addr addr;

	for (size_t i = 0; i < SCHEMA_BLOCK_ANSWERS; i++)
		if (strlen(schema_block_answers[i]) == len &&
		    memcmp(schema_block_answers[i], s, len) == 0)
			return true;
	return addr_parse(&addr, s, len) == 0;
}

/* No pattern, and no quotes or slashes round it, as others have them: names
 * below it are meant, too. A slash within is one of RFC 2317; but an address or
 * a prefix is no name. */
bool
schema_is_domain(struct name *ret, const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);
	struct addr addr;

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) &&
		    strchr("-_.\\", s[i]) == NULL &&
		    (s[i] != '/' || i == 0 || i + 1 == len))
			return false;
	return name_parse(ret, s, len) == 0 &&
	       addr_parse(&addr, s, slash != NULL ? (size_t)(slash - s) : len) <
		   0;
}

bool
schema_is_name(const char *s, size_t len)
{
	struct name name;

	return schema_is_domain(&name, s, len);
}

bool
schema_is_path(const char *s, size_t len)
{
	return len > 0 && len < 4096 && s[0] == '/';
}

/* One: what looks like another path behind it is a fault. */
bool
schema_is_path_or_none(const char *s, size_t len)
{
	if (memmem(s, len, ", ", 2) != NULL || memmem(s, len, ",/", 2) != NULL)
		return false;
	return schema_is_path(s, len) ||
	       (len == 4 && memcmp(s, "none", 4) == 0);
}

bool
schema_is_path_or_system(const char *s, size_t len)
{
	return schema_is_path(s, len) ||
	       (len == 6 && memcmp(s, "system", 6) == 0);
}

/* A path, or what ip-netns(8) calls one. */
bool
schema_is_netns(const char *s, size_t len)
{
	return len > 0 && len < CONF_NETNS_MAX &&
	       memchr(s, '\0', len) == NULL &&
	       (s[0] == '/' || (memchr(s, '/', len) == NULL && s[0] != '.'));
}

bool
schema_is_address(const char *s, size_t len)
{
	struct addr addr;

	return addr_parse(&addr, s, len) == 0;
}

bool
schema_is_device(const char *s, size_t len)
{
	/* IFNAMSIZ, dev_valid_name() */
	return len > 0 && len < 16 && memchr(s, '/', len) == NULL &&
	       memchr(s, ':', len) == NULL && s[0] != '.';
}

/* A word of rules: letters, digits, '.', '_' and '-'. */
bool
schema_is_word(const char *s, size_t len)
{
	if (len == 0 || len > 63)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') &&
		    !(s[i] >= 'A' && s[i] <= 'Z') &&
		    !(s[i] >= '0' && s[i] <= '9') && s[i] != '.' &&
		    s[i] != '_' && s[i] != '-')
			return false;
	return s[0] != '-' && s[0] != '.';
}

/* Of a proxy: what SOCKS can say (RFC 1929), and of a name. */
#define WORD_MAX 255

bool
schema_is_credential(const char *s, size_t len)
{
	(void)s;
	return len <= WORD_MAX;
}

static bool
is_credential_part(const struct endpoint_part *part)
{
	char text[WORD_MAX + 1];

	return part->s == NULL ||
	       endpoint_decode(part, text, sizeof(text)) >= 0;
}

/* The digest of SHA-256: 32 octets. */
bool
schema_is_pin(const char *s, size_t len)
{
	static const char prefix[] = "sha256//";
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = sizeof(prefix) - 1;

	if (len < n || memcmp(s, prefix, n) != 0)
		return false;
	if (len == n + 44 && s[len - 1] == '=')
		len--;
	if (len != n + 43)
		return false;
	for (; n < len; n++)
		if (memchr(digits, s[n], sizeof(digits) - 1) == NULL)
			return false;
	return true;
}

bool
schema_is_tunnel_url(const char *s, size_t len)
{
	static const char *const schemes[] = { "socks5", "socks5h", "http",
		"https", "proxy2" };
	struct endpoint e;

	if (len == 6 && memcmp(s, "direct", 6) == 0)
		return true;
	if (endpoint_parse(&e, s, len) < 0 || e.scheme.s == NULL)
		return false;
	if (e.path.s != NULL)
		return endpoint_is(&e, "proxy2") &&
		       e.path.len < sizeof(((struct sockaddr_un *)0)->sun_path);
	if (e.name.s != NULL && !endpoint_is(&e, "https"))
		return false;
	if (e.host.len > WORD_MAX || e.name.len > WORD_MAX ||
	    !is_credential_part(&e.user) || !is_credential_part(&e.password))
		return false;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (endpoint_is(&e, schemes[i]))
			return true;
	return false;
}
