#include "src/core/value.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/base/name.h"
#include "src/base/num.h"
#include "src/core/glob.h"
#include "src/core/qtype.h"
#include "src/core/text.h"

static const char *const proto_words[] = { "tcp", "udp", "icmp", "icmp6",
	"udplite", "sctp" };
static const uint8_t proto_numbers[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP,
	IPPROTO_ICMPV6, IPPROTO_UDPLITE, IPPROTO_SCTP };
#define N_PROTOS (sizeof(proto_numbers) / sizeof(proto_numbers[0]))

static const char *const scope_words[] = {
#define X(suffix, word, bit) word,
	RULE_SCOPES(X)
#undef X
};
#define N_SCOPES (sizeof(scope_words) / sizeof(scope_words[0]))

/* In the order of the bits. */
static const char *const process_words[] = { "unknown", "kernel", "self" };
#define N_PROCESSES (sizeof(process_words) / sizeof(process_words[0]))

bool
rule_proto_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP;
}

const char *
rule_field_word(enum rule_field field)
{
	static const char *const words[] = {
#define X(suffix, word, value, set) word,
		RULE_FIELDS(X)
#undef X
	};

	return words[field];
}

enum value_kind
value_kind_of(enum rule_field field)
{
	static const enum value_kind kinds[] = {
#define X(suffix, word, value, set) VALUE_##value,
		RULE_FIELDS(X)
#undef X
	};

	return kinds[field];
}

const char *const *
value_words(enum value_kind kind, size_t *ret_n)
{
	switch (kind) {
	case VALUE_ADDR:
		*ret_n = N_SCOPES;
		return scope_words;
	case VALUE_PROTO:
		*ret_n = N_PROTOS;
		return proto_words;
	case VALUE_PROCESS:
		*ret_n = N_PROCESSES;
		return process_words;
	case VALUE_QTYPE:
		return qtype_names(ret_n);
	case VALUE_PORT:
	case VALUE_PATH:
	case VALUE_GLOB:
	case VALUE_NAME:
	case VALUE_DOMAIN:
	case VALUE_LIST:
		break;
	}
	*ret_n = 0;
	return NULL;
}

const char *
value_expected(enum value_kind kind)
{
	switch (kind) {
	case VALUE_ADDR:
		return "an address, prefix, range LO-HI, $NAME, any, loopback, "
		       "lan, internet, multicast, broadcast or self";
	case VALUE_PORT:
		return "a port N or N-M, from 0 to 65535";
	case VALUE_PROTO:
		return "tcp, udp, icmp, icmp6, udplite, sctp or a number from "
		       "0 to 255";
	case VALUE_PATH:
		return "an absolute path; * ** ? are wildcards";
	case VALUE_GLOB:
		return "a text; * ** ? are wildcards";
	case VALUE_NAME:
		return "a name or number";
	case VALUE_PROCESS:
		return "unknown, kernel or self";
	case VALUE_DOMAIN:
		return "a name: example.com for itself, *.example.com for all "
		       "below it, .example.com for both";
	case VALUE_LIST:
		return "a list of the settings";
	case VALUE_QTYPE:
		return "a type of DNS record (A, AAAA, HTTPS, TYPE65, ...)";
	}
	__builtin_trap();
}

/* "WORD is WRONG", and what is expected; always -EINVAL. */
static int
refuse(struct value_fault *fault, const char *s, size_t len, const char *wrong,
    const char *expected)
{
	char word[WORD_QUOTE_SIZE];

	/* both are large enough for the longest */
	(void)snprintf(fault->what, sizeof(fault->what), "%s %s",
	    word_quote(s, len, word), wrong);
	(void)snprintf(
	    fault->expected, sizeof(fault->expected), "%s", expected);
	return -EINVAL;
}

static int
index_of(const char *const *words, size_t n, const char *s, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(words[i]) == len && memcmp(words[i], s, len) == 0)
			return (int)i;
	return -1;
}

bool
value_is_word(enum value_kind kind, const char *s, size_t len)
{
	size_t n;
	const char *const *words = value_words(kind, &n);

	return index_of(words, n, s, len) >= 0;
}

/* "tcp", "17", …; 0 or -EINVAL. */
static int
parse_proto_number(uint8_t *ret, const char *s, size_t len)
{
	int i = index_of(proto_words, N_PROTOS, s, len);
	uint64_t n;

	if (i >= 0) {
		*ret = proto_numbers[i];
		return 0;
	}
	if (num_parse(&n, s, len, UINT8_MAX) < 0)
		return -EINVAL;
	*ret = (uint8_t)n;
	return 0;
}

static int
parse_proto(struct rule_value *ret, const char *s, size_t len,
    struct value_fault *fault)
{
	if (parse_proto_number(&ret->proto, s, len) == 0)
		return 0;
	fault->nearest = word_nearest(s, len, proto_words, N_PROTOS);
	return refuse(
	    fault, s, len, "is no protocol", value_expected(VALUE_PROTO));
}

static int
parse_process(struct rule_value *ret, const char *s, size_t len,
    struct value_fault *fault)
{
	int i = index_of(process_words, N_PROCESSES, s, len);

	if (i >= 0) {
		ret->bits = 1U << i;
		return 0;
	}
	fault->nearest = word_nearest(s, len, process_words, N_PROCESSES);
	return refuse(fault, s, len, "is no kind of process",
	    value_expected(VALUE_PROCESS));
}

/* N, or N and M with that between. */
static bool
read_ports(uint64_t *lo, uint64_t *hi, const char *s, size_t len, char sep)
{
	const char *at = memchr(s, sep, len);
	size_t first = at != NULL ? (size_t)(at - s) : len;

	if (num_parse(lo, s, first, UINT16_MAX) < 0)
		return false;
	*hi = *lo;
	return at == NULL ||
	       num_parse(hi, at + 1, len - first - 1, UINT16_MAX) == 0;
}

/* What a port that is no number was meant to be: a range of iptables', what ufw
 * has with a protocol, or the name of a common service. */
static void
port_near(struct value_fault *fault, const char *s, size_t len)
{
	static const char *const services[][2] = {
		{ "ssh", "22" },
		{ "smtp", "25" },
		{ "domain", "53" },
		{ "http", "80" },
		{ "ntp", "123" },
		{ "https", "443" },
		{ "imaps", "993" },
	};
	const char *slash = memchr(s, '/', len);
	size_t first = slash != NULL ? (size_t)(slash - s) : len;
	uint64_t lo, hi;

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strlen(services[i][0]) == len &&
		    memcmp(services[i][0], s, len) == 0)
			fault->nearest = services[i][1];
	if (!read_ports(&lo, &hi, s, first, ':') || lo > hi)
		return;
	(void)snprintf(fault->hint, sizeof(fault->hint),
	    lo < hi ? "%u-%u" : "%u", (unsigned int)lo,
	    (unsigned int)hi); /* fits */
	fault->nearest = fault->hint;
}

static int
parse_ports(struct rule_value *ret, const char *s, size_t len,
    struct value_fault *fault)
{
	char expected[64];
	uint64_t lo, hi;

	if (!read_ports(&lo, &hi, s, len, '-')) {
		port_near(fault, s, len);
		return refuse(
		    fault, s, len, "is no port", value_expected(VALUE_PORT));
	}
	if (lo > hi) {
		(void)snprintf(expected, sizeof(expected), "%u-%u",
		    (unsigned int)hi, (unsigned int)lo); /* fits */
		return refuse(fault, s, len, "is reversed", expected);
	}
	ret->ports = (struct rule_ports){ (uint16_t)lo, (uint16_t)hi };
	return 0;
}

/* A name with a dot, and no address with a mistake. */
static bool
is_host(const char *s, size_t len)
{
	struct name name;
	char last = len > 0 ? (char)(s[len - 1] | 0x20) : '\0';

	return last >= 'a' && last <= 'z' && memchr(s, '.', len) != NULL &&
	       name_parse(&name, s, len) == 0;
}

static bool
is_addr(const char *s, size_t len)
{
	struct addr_range range;

	return index_of(scope_words, N_SCOPES, s, len) >= 0 ||
	       addr_range_parse(&range, s, len) == 0;
}

/* "[ADDR]" and "ADDR%DEVICE". */
static const char *
addr_hint(struct value_fault *fault, const char *s, size_t len)
{
	const char *end = memchr(s, s[0] == '[' ? ']' : '%', len);

	s += s[0] == '[';
	if (end == NULL || !is_addr(s, (size_t)(end - s)))
		return NULL;
	(void)snprintf(fault->hint, sizeof(fault->hint), "%.*s", (int)(end - s),
	    s); /* fits */
	return fault->hint;
}

/* "ADDR:PORT", "[ADDR]:PORT", ":PORT" and "*:PORT", as others have it, and a
 * port alone: how it is said here. */
static const char *
port_hint(struct value_fault *fault, const char *s, size_t len)
{
	const char *colon = memrchr(s, ':', len), *addr = s;
	const char *port = colon != NULL ? colon + 1 : s;
	size_t n = colon != NULL ? (size_t)(colon - s) : 0;
	struct rule_value ports;

	if (parse_ports(&ports, port, len - (size_t)(port - s), fault) < 0)
		return addr_hint(fault, s, len);
	if (n > 2 && s[0] == '[' && s[n - 1] == ']') {
		addr++;
		n -= 2;
	}
	if (n == 1 && *addr == '*')
		n = 0;
	if (n > 0 && !is_addr(addr, n))
		return is_host(addr, n) ? "domain NAME" : NULL;
	(void)snprintf(fault->hint, sizeof(fault->hint), "%.*s%sport %.*s",
	    (int)n, addr, n > 0 ? " " : "", (int)(len - (size_t)(port - s)),
	    port); /* fits: both were read */
	return fault->hint;
}

/* "AS13335", "country:CN": what others know by themselves. */
static bool
is_of_database(const char *s, size_t len)
{
	return (len > 2 && strncasecmp(s, "as", 2) == 0 &&
		   isdigit((unsigned char)s[2])) ||
	       (len > 8 && strncasecmp(s, "country:", 8) == 0) ||
	       (len > 6 && strncasecmp(s, "geoip:", 6) == 0);
}

/* What is wrong with s, which is no range. */
static int
refuse_addr(struct value_fault *fault, const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len), *dash = memchr(s, '-', len);
	const char *sep = slash != NULL ? slash : dash;
	size_t first = sep != NULL ? (size_t)(sep - s) : len;
	size_t rest = sep != NULL ? len - first - 1 : 0;
	char expected[2 * ADDR_STRLEN + 8], buf[ADDR_STRLEN], buf2[ADDR_STRLEN];
	struct addr a, b;
	uint64_t bits;

	fault->nearest = port_hint(fault, s, len);
	if (fault->nearest != NULL || sep == NULL ||
	    addr_parse(&a, s, first) < 0)
		goto bad;
	if (slash != NULL) {
		if (num_parse(&bits, sep + 1, rest, addr_len(&a) * 8) < 0)
			return refuse(fault, s, len,
			    "has no such prefix length",
			    a.family == ADDR_IP4 ? "/0 to /32" : "/0 to /128");
		for (size_t i = bits; i < addr_len(&a) * 8; i++)
			a.bytes[i / 8] &= (uint8_t)(0xff ^ (0x80 >> i % 8));
		(void)snprintf(expected, sizeof(expected), "%s/%u",
		    addr_format(&a, buf), (unsigned int)bits); /* fits */
		return refuse(
		    fault, s, len, "has bits set past its length", expected);
	}
	if (addr_parse(&b, sep + 1, rest) < 0)
		goto bad;
	if (a.family != b.family)
		return refuse(fault, s, len, "mixes IPv4 and IPv6",
		    "two addresses of one family");
	(void)snprintf(expected, sizeof(expected), "%s-%s",
	    addr_format(&b, buf), addr_format(&a, buf2)); /* fits */
	return refuse(fault, s, len, "is reversed", expected);
bad:
	if (is_of_database(s, len))
		return refuse(fault, s, len, "is no address",
		    "list NAME in place of it: addresses of countries, and of "
		    "an AS, come from a file");
	if (len == 1 && *s == '*')
		fault->nearest = "any";
	else if (is_host(s, len))
		fault->nearest = "domain NAME";
	else if (fault->nearest == NULL)
		fault->nearest = word_nearest(s, len, scope_words, N_SCOPES);
	return refuse(
	    fault, s, len, "is no address", value_expected(VALUE_ADDR));
}

static int
parse_addr(struct rule_value *ret, const char *s, size_t len,
    struct value_fault *fault)
{
	int i = index_of(scope_words, N_SCOPES, s, len);
	struct addr_range range;

	if (i >= 0) {
		ret->bits = 1U << i;
		return 0;
	}
	if (addr_range_parse(&range, s, len) < 0)
		return refuse_addr(fault, s, len);
	ret->bits = 0;
	ret->range = addr_range_unmap(&range); /* as packets have it */
	return 0;
}

static int
parse_glob(struct rule_value *ret, enum value_kind kind, const char *s,
    size_t len, struct value_fault *fault)
{
	size_t at;

	if (glob_check(s, &at) < 0)
		return refuse(fault, s, len, "ends in a lone '\\'",
		    "\\\\ for a backslash, or quotes round a blank");
	if (glob_check_size(s) < 0)
		return refuse(fault, s, len, "is too large a pattern",
		    "at most 64 wildcards, and 1024 bytes where there are any");
	if (kind == VALUE_PATH && s[0] != '/' && s[0] != '*')
		return refuse(fault, s, len, "is no absolute path",
		    "a path from / on, or **/NAME in any folder");
	ret->text = s;
	return 0;
}

/* NAME, *.NAME, .NAME */
static int
parse_domain(struct rule_value *ret, const char *s, size_t len,
    struct value_fault *fault)
{
	size_t skip = s[0] == '.'			   ? 1
		      : len > 2 && memcmp(s, "*.", 2) == 0 ? 2
							   : 0;
	struct addr_range range;
	struct name name;

	if (addr_range_parse(&range, s, len) == 0)
		return refuse(fault, s, len, "is an address, and no name",
		    "a name; an address goes behind to, or from");
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)s[i] >= 0x80)
			return refuse(fault, s, len,
			    "is not in the form that DNS has it in",
			    "the xn-- form of a name in another script");
	for (size_t i = 0; i < len; i++)
		if (memchr("/:@|^", s[i], 5) != NULL)
			return refuse(fault, s, len, "is more than a name",
			    "the name alone: no scheme, port, path or user");
	if (len == 1 && s[0] == '*')
		return refuse(fault, s, len, "is any name",
		    "no domain where any will do, else a name");
	if (memchr(s + skip, '*', len - skip) != NULL)
		return refuse(fault, s, len, "has a '*' that is no first label",
		    value_expected(VALUE_DOMAIN));
	if (name_parse(&name, s + skip, len - skip) < 0 || name_is_root(&name))
		return refuse(
		    fault, s, len, "is no name", value_expected(VALUE_DOMAIN));
	ret->text = s + skip;
	ret->whole = skip != 2;
	ret->below = skip != 0;
	return 0;
}

static int
parse_qtype(struct rule_value *ret, const char *s, size_t len,
    struct value_fault *fault)
{
	if (qtype_parse(&ret->qtype, s, len) == 0)
		return 0;
	fault->nearest = qtype_nearest(s, len);
	return refuse(fault, s, len, "is no type of DNS record",
	    value_expected(VALUE_QTYPE));
}

int
value_parse(struct rule_value *ret, enum value_kind kind, const char *s,
    size_t len, struct value_fault *fault)
{
	fault->nearest = NULL;
	if (len == 0)
		return refuse(fault, s, len, "is empty", value_expected(kind));
	switch (kind) {
	case VALUE_ADDR:
		return parse_addr(ret, s, len, fault);
	case VALUE_PORT:
		return parse_ports(ret, s, len, fault);
	case VALUE_PROTO:
		return parse_proto(ret, s, len, fault);
	case VALUE_PROCESS:
		return parse_process(ret, s, len, fault);
	case VALUE_PATH:
	case VALUE_GLOB:
		return parse_glob(ret, kind, s, len, fault);
	case VALUE_NAME:
	case VALUE_LIST:
		ret->text = s;
		return 0;
	case VALUE_DOMAIN:
		return parse_domain(ret, s, len, fault);
	case VALUE_QTYPE:
		return parse_qtype(ret, s, len, fault);
	}
	__builtin_trap();
}
