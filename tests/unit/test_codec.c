#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "port17/connect.h"
#include "port17/proxy2.h"
#include "port17/socks.h"

/* Each conversation is held once in whole answers and once byte by byte. */

#define BYTES(...) ((const uint8_t[]){ __VA_ARGS__ })

static struct target
target_of(const char *name, const char *addr, uint16_t port)
{
	struct target target = { .port = port };

	if (name != NULL)
		target.name = name_of(name);
	if (addr != NULL)
		assert_int_equal(
		    addr_parse(&target.addr, addr, strlen(addr)), 0);
	return target;
}

/* Feeds an answer in pieces; what it says at the end. */
static enum shake_step
feed(struct socks *socks, const uint8_t *bytes, size_t len, size_t piece,
    size_t *ret_left, struct shake_out *out, struct shake_error *error)
{
	enum shake_step step = SHAKE_MORE;
	size_t at = 0;

	out->len = 0;
	while (at < len && step == SHAKE_MORE && out->len == 0) {
		size_t n = len - at < piece ? len - at : piece, used;

		step = socks_take(socks, bytes + at, n, &used, out, error);
		at += used;
		if (step == SHAKE_MORE)
			assert_int_equal(used, n);
	}
	*ret_left = len - at;
	return step;
}

struct reply {
	const char *name;
	const uint8_t *bytes;
	size_t len;
	enum shake_step step;
	enum outcome outcome;
	size_t left;
};

static void
socks_reply(const struct reply *row, size_t piece)
{
	struct target to = target_of("www.example.com", NULL, 443);
	struct shake_opts opts = { .target = &to };
	struct shake_error error = { .why = "" };
	struct shake_out out;
	struct socks socks;
	size_t left;

	print_message("%s\n", row->name);
	assert_int_equal(socks_begin(&socks, &opts, &out), 0);
	assert_int_equal(out.len, 3);
	assert_memory_equal(out.bytes, BYTES(5, 1, 0), 3);
	assert_int_equal(
	    feed(&socks, BYTES(5, 0), 2, piece, &left, &out, &error),
	    SHAKE_MORE);
	assert_int_equal(out.len, 4 + 1 + 15 + 2);
	assert_memory_equal(
	    out.bytes, "\x05\x01\x00\x03\x0fwww.example.com\x01\xbb", 22);
	assert_int_equal(
	    feed(&socks, row->bytes, row->len, piece, &left, &out, &error),
	    row->step);
	assert_int_equal(left, row->left);
	if (row->step == SHAKE_FAILED) {
		assert_int_equal(error.outcome, row->outcome);
		assert_true(error.why[0] != '\0');
	}
}

static void
socks_replies(void **state)
{
	static const uint8_t ok4[] = { 5, 0, 0, 1, 10, 0, 0, 1, 4, 56 };
	static const uint8_t ok6[] = { 5, 0, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9,
		10, 11, 12, 13, 14, 15, 16, 4, 56 };
	static const uint8_t okname[] = { 5, 0, 0, 3, 3, 'a', '.', 'b', 4, 56 };
	static const uint8_t empty[] = { 5, 0, 0, 3, 0, 0, 0 };
	static const uint8_t ahead[] = { 5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 'h',
		'i' };
	static const uint8_t refused[] = { 5, 5, 0, 1, 0, 0, 0, 0, 0, 0 };
	static const uint8_t no_more[] = { 5, 5 };
	static const uint8_t bare[] = { 5, 4, 0, 0, 0 };
	static const uint8_t slow[] = { 5, 6, 0, 1, 0 };
	static const uint8_t ruled[] = { 5, 2, 0, 1, 0 };
	static const uint8_t no_udp[] = { 5, 7, 0, 1, 0 };
	static const uint8_t strange[] = { 5, 99, 0, 1, 0 };
	static const uint8_t version[] = { 4, 0, 0, 1, 0 };
	static const uint8_t kind[] = { 5, 0, 0, 9, 0 };
	static const uint8_t text[] = { 'H', 'T', 'T', 'P', '/' };
#define ROW(bytes) #bytes, bytes, sizeof(bytes)
	static const struct reply rows[] = {
		{ ROW(ok4), SHAKE_DONE, OUTCOME_CONNECTED, 0 },
		{ ROW(ok6), SHAKE_DONE, OUTCOME_CONNECTED, 0 },
		{ ROW(okname), SHAKE_DONE, OUTCOME_CONNECTED, 0 },
		{ ROW(empty), SHAKE_DONE, OUTCOME_CONNECTED, 0 },
		{ ROW(ahead), SHAKE_DONE, OUTCOME_CONNECTED, 2 },
		{ ROW(refused), SHAKE_FAILED, OUTCOME_REFUSED, 8 },
		{ ROW(no_more), SHAKE_FAILED, OUTCOME_REFUSED, 0 },
		{ ROW(bare), SHAKE_FAILED, OUTCOME_HOST_UNREACHABLE, 3 },
		{ ROW(slow), SHAKE_FAILED, OUTCOME_TIMED_OUT, 3 },
		{ ROW(ruled), SHAKE_FAILED, OUTCOME_DENIED, 3 },
		{ ROW(no_udp), SHAKE_FAILED, OUTCOME_UNSUPPORTED, 3 },
		{ ROW(strange), SHAKE_FAILED, OUTCOME_FAILED, 3 },
		{ ROW(version), SHAKE_FAILED, OUTCOME_PROTOCOL, 3 },
		{ ROW(kind), SHAKE_FAILED, OUTCOME_PROTOCOL, 0 },
		{ ROW(text), SHAKE_FAILED, OUTCOME_PROTOCOL, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		socks_reply(&rows[i], 512); /* at once */
		socks_reply(&rows[i], 1);   /* byte by byte */
	}
}

static void
socks_authentication(void **state)
{
	static const struct {
		uint8_t method[2], auth[2];
		bool user;
		enum outcome outcome;
	} rows[] = {
		{ { 5, 2 }, { 1, 0 }, true, OUTCOME_CONNECTED },
		{ { 5, 2 }, { 5, 0 }, true, OUTCOME_CONNECTED },
		{ { 5, 2 }, { 1, 1 }, true, OUTCOME_AUTH },
		{ { 5, 2 }, { 7, 0 }, true, OUTCOME_PROTOCOL },
		{ { 5, 0xff }, { 0, 0 }, true, OUTCOME_AUTH },
		{ { 5, 0 }, { 0, 0 }, true, OUTCOME_AUTH },
		{ { 5, 0xff }, { 0, 0 }, false, OUTCOME_AUTH },
		{ { 5, 2 }, { 0, 0 }, false, OUTCOME_PROTOCOL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target to = target_of(NULL, "2001:db8::7", 80);
		struct shake_opts opts = { .target = &to,
			.user = rows[i].user ? "user" : NULL,
			.password = "secret" };
		struct shake_error error = { .why = "" };
		struct shake_out out;
		struct socks socks;
		size_t left;
		enum shake_step step;

		assert_int_equal(socks_begin(&socks, &opts, &out), 0);
		assert_int_equal(out.bytes[2], rows[i].user ? 2 : 0);
		step = feed(&socks, rows[i].method, 2, 1, &left, &out, &error);
		if (rows[i].method[1] == 2 && rows[i].user) {
			assert_int_equal(step, SHAKE_MORE);
			assert_int_equal(out.len, 13);
			assert_memory_equal(
			    out.bytes, "\x01\x04user\x06secret", 13);
			step = feed(
			    &socks, rows[i].auth, 2, 1, &left, &out, &error);
		}
		if (rows[i].outcome == OUTCOME_CONNECTED) {
			assert_int_equal(step, SHAKE_MORE);
			assert_int_equal(out.len, 4 + 16 + 2);
			assert_int_equal(out.bytes[3], 4);
			continue;
		}
		assert_int_equal(step, SHAKE_FAILED);
		assert_int_equal(error.outcome, rows[i].outcome);
		assert_null(strstr(error.why, "secret"));
	}
}

static void
socks_asks_for_datagrams(void **state)
{
	static const struct target nobody = { .port = 0 };

	(void)state;
	for (int ip6 = 0; ip6 < 2; ip6++) {
		struct shake_opts opts = {
			.target = &nobody, .udp = true, .ip6 = ip6
		};
		size_t left, len = ip6 ? 4 + 16 + 2 : 4 + 4 + 2;
		uint8_t want[22] = { 5, 3, 0, ip6 ? 4 : 1 };
		struct shake_error error;
		struct shake_out out;
		struct socks socks;

		assert_int_equal(socks_begin(&socks, &opts, &out), 0);
		assert_int_equal(
		    feed(&socks, BYTES(5, 0), 2, 1, &left, &out, &error),
		    SHAKE_MORE);
		assert_int_equal(out.len, len);
		assert_memory_equal(out.bytes, want, len);
	}
}

static void
socks_words_have_limits(void **state)
{
	char words[300];
	struct target to = target_of(NULL, "192.0.2.1", 80);
	struct shake_opts opts = {
		.target = &to, .user = words, .password = ""
	};
	struct shake_out out;
	struct socks socks;

	(void)state;
	memset(words, 'x', sizeof(words));
	words[255] = '\0';
	assert_int_equal(socks_begin(&socks, &opts, &out), 0);
	words[255] = 'x';
	words[256] = '\0';
	assert_int_equal(socks_begin(&socks, &opts, &out), -EINVAL);
	opts.user = "";
	assert_int_equal(socks_begin(&socks, &opts, &out), -EINVAL);
}

static void
datagrams(void **state)
{
	static const struct {
		const char *name, *addr;
		size_t len;
	} rows[] = {
		{ NULL, "192.0.2.1", 10 },
		{ NULL, "2001:db8::1", 22 },
		{ "a.example", NULL, 4 + 1 + 9 + 2 },
	};
	uint8_t buf[SOCKS_UDP_MAX];
	struct target from;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct target to = target_of(rows[i].name, rows[i].addr, 53);
		size_t len = socks_udp_header(buf, &to);

		assert_int_equal(len, rows[i].len);
		assert_int_equal(socks_udp_parse(buf, len, &from), len);
		assert_true(addr_equal(&from.addr, &to.addr));
		assert_int_equal(from.port, 53);
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(
			    socks_udp_parse(buf, cut, &from), -EBADMSG);
		if (i == 0) { /* of a socket that is for IPv6, too */
			memmove(buf + 20, buf + 8, 2);
			buf[3] = 4;
			memset(buf + 4, 0, 10);
			memset(buf + 14, 0xff, 2);
			memcpy(buf + 16, to.addr.bytes, 4);
			len = 22;
			assert_int_equal(socks_udp_parse(buf, len, &from), len);
			assert_true(addr_equal(&from.addr, &to.addr));
		}
		buf[2] = 1; /* a fragment */
		assert_int_equal(socks_udp_parse(buf, len, &from), -EBADMSG);
	}
}

static void
datagrams_from_an_address_in_words(void **state)
{
	static const char *const words[] = { "192.0.2.1", "::ffff:192.0.2.1" };
	const struct target want = target_of(NULL, "192.0.2.1", 53);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint8_t buf[64] = { 0, 0, 0, 3, (uint8_t)strlen(words[i]) };
		size_t len = 5 + strlen(words[i]);
		struct target from;

		memcpy(buf + 5, words[i], len - 5);
		buf[len + 1] = 53;
		assert_int_equal(socks_udp_parse(buf, len + 2, &from), len + 2);
		assert_true(addr_equal(&from.addr, &want.addr));
		assert_int_equal(from.name.len, 0);
		assert_int_equal(from.port, 53);
	}
}

static void
relay_is_where_datagrams_may_go(void **state)
{
	static const struct {
		const char *said;
		uint16_t port;
		const char *proxy, *want; /* NULL: nowhere */
	} rows[] = {
		{ "203.0.113.5", 9, "198.51.100.1", "203.0.113.5" },
		{ "0.0.0.0", 9, "198.51.100.1", "198.51.100.1" },
		{ "::", 9, "2001:db8::1", "2001:db8::1" },
		{ "127.0.0.1", 9, "198.51.100.1", "198.51.100.1" },
		{ "127.0.0.2", 9, "127.0.0.1", "127.0.0.2" },
		{ "10.0.0.5", 9, "8.8.8.8", "8.8.8.8" },
		{ "10.0.0.5", 9, "10.0.0.1", "10.0.0.5" },
		{ "::ffff:203.0.113.5", 9, "198.51.100.1", "203.0.113.5" },
		{ "203.0.113.5", 0, "198.51.100.1", NULL },
		{ "0.0.0.0", 0, "198.51.100.1", NULL },
		{ "224.0.0.251", 9, "198.51.100.1", NULL },
		{ "ff02::fb", 9, "2001:db8::1", NULL },
		{ "255.255.255.255", 9, "198.51.100.1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr said, proxy, want, got = { .family = ADDR_NONE };
		int r;

		assert_int_equal(
		    addr_parse(&said, rows[i].said, strlen(rows[i].said)), 0);
		assert_int_equal(
		    addr_parse(&proxy, rows[i].proxy, strlen(rows[i].proxy)),
		    0);
		r = socks_udp_relay(&said, rows[i].port, &proxy, &got);
		assert_int_equal(r, rows[i].want != NULL ? 0 : -EPROTO);
		if (rows[i].want == NULL)
			continue;
		assert_int_equal(
		    addr_parse(&want, rows[i].want, strlen(rows[i].want)), 0);
		assert_true(addr_equal(&got, &want));
	}
}

static void
connect_asks(void **state)
{
	static const struct {
		const char *name, *addr, *user, *want;
	} rows[] = {
		{ "www.example.com", "192.0.2.1", NULL,
		    "CONNECT www.example.com:443 HTTP/1.1\r\n"
		    "Host: www.example.com:443\r\n\r\n" },
		{ NULL, "192.0.2.1", NULL,
		    "CONNECT 192.0.2.1:443 HTTP/1.1\r\n"
		    "Host: 192.0.2.1:443\r\n\r\n" },
		{ NULL, "2001:db8::1", "Aladdin",
		    "CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"
		    "Host: [2001:db8::1]:443\r\n"
		    "Proxy-Authorization: Basic "
		    "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n" },
		/* a name that would be a header of its own */
		{ "a\\013\\010b.example", "192.0.2.1", NULL,
		    "CONNECT 192.0.2.1:443 HTTP/1.1\r\n"
		    "Host: 192.0.2.1:443\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target to = target_of(rows[i].name, rows[i].addr, 443);
		struct shake_opts opts = { .target = &to,
			.user = rows[i].user,
			.password = "open sesame" };
		struct shake_out out;
		struct connect c;

		assert_int_equal(connect_begin(&c, &opts, &out), 0);
		out.bytes[out.len] = '\0';
		assert_string_equal((char *)out.bytes, rows[i].want);
	}
}

static void
connect_answers(void **state)
{
	static const struct {
		const char *text;
		enum shake_step step;
		enum outcome outcome;
		size_t left;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\n\r\n", SHAKE_DONE, 0, 0 },
		{ "HTTP/1.0 200 Connection established\r\nA: b\r\n\r\nhello",
		    SHAKE_DONE, 0, 5 },
		{ "HTTP/1.1 204\r\nContent-Length: 5\r\n\r\nhello", SHAKE_DONE,
		    0, 5 },
		{ "HTTP/1.1 200 OK\n\n", SHAKE_DONE, 0, 0 },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		    SHAKE_DONE, 0, 0 },
		{ "HTTP/1.1 407 Auth\r\n\r\n", SHAKE_FAILED, OUTCOME_AUTH, 0 },
		{ "HTTP/1.1 403 No\r\n\r\n", SHAKE_FAILED, OUTCOME_DENIED, 0 },
		{ "HTTP/1.1 500 Unable to connect\r\n\r\n", SHAKE_FAILED,
		    OUTCOME_FAILED, 0 },
		{ "HTTP/1.1 503 No\r\n\r\n", SHAKE_FAILED,
		    OUTCOME_HOST_UNREACHABLE, 0 },
		{ "HTTP/1.1 504 No\r\n\r\n", SHAKE_FAILED, OUTCOME_TIMED_OUT,
		    0 },
		{ "HTTP/1.1 301 Moved\r\n\r\n", SHAKE_FAILED, OUTCOME_FAILED,
		    0 },
		{ "HTTP/2 200 OK\r\n\r\n", SHAKE_FAILED, OUTCOME_PROTOCOL, 2 },
		{ "HTTP/1.1 2000\r\n\r\n", SHAKE_FAILED, OUTCOME_PROTOCOL, 2 },
		{ "SSH-2.0-OpenSSH\r\n", SHAKE_FAILED, OUTCOME_PROTOCOL, 0 },
		{ "HTTP/1.1 200 OK\r\nA: b\r\n", SHAKE_MORE, 0, 0 },
		{ "HTTP/1.1 501 No\r\n\r\n", SHAKE_FAILED, OUTCOME_DENIED, 0 },
		{ "HTTP/1.0 501 Tor is not an HTTP Proxy\r\n\r\n", SHAKE_FAILED,
		    OUTCOME_PROTOCOL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct target to = target_of("a.example", NULL, 443);
		struct shake_opts opts = { .target = &to };
		const char *text = rows[i / 2].text;
		size_t len = strlen(text), at = 0;
		enum shake_step step = SHAKE_MORE;
		struct shake_error error;
		struct shake_out out;
		struct connect c;

		assert_int_equal(connect_begin(&c, &opts, &out), 0);
		while (at < len && step == SHAKE_MORE) {
			size_t n = i % 2 == 0 ? len : 1, used;

			step = connect_take(
			    &c, (const uint8_t *)text + at, n, &used, &error);
			at += used;
		}
		assert_int_equal(step, rows[i / 2].step);
		assert_int_equal(len - at, rows[i / 2].left);
		if (step == SHAKE_FAILED)
			assert_int_equal(error.outcome, rows[i / 2].outcome);
	}
}

/* A port of something else, which answers by its own lights. */
static void
what_answers_instead_is_told(void **state)
{
	static const struct {
		bool http;
		const char *bytes, *want;
	} rows[] = {
		{ false, "HTTP/1.1 400 Bad Request\r\n", "http:// is meant" },
		{ false, "\x15\x03\x01", "https:// is meant" },
		{ true, "\x05\xff", "socks5:// is meant" },
		{ true, "\x15\x03\x01", "https:// is meant" },
	};
	struct target to = target_of("a.example", NULL, 443);
	struct shake_opts opts = { .target = &to };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint8_t *bytes = (const uint8_t *)rows[i].bytes;
		size_t len = strlen(rows[i].bytes), used;
		struct shake_error error = { .why = "" };
		struct shake_out out;
		enum shake_step step;
		struct connect c;
		struct socks s;

		if (rows[i].http) {
			assert_int_equal(connect_begin(&c, &opts, &out), 0);
			step = connect_take(&c, bytes, len, &used, &error);
		} else {
			assert_int_equal(socks_begin(&s, &opts, &out), 0);
			step = socks_take(&s, bytes, len, &used, &out, &error);
		}
		assert_int_equal(step, SHAKE_FAILED);
		assert_int_equal(error.outcome, OUTCOME_PROTOCOL);
		assert_non_null(strstr(error.why, rows[i].want));
	}
}

static void
connect_header_has_an_end(void **state)
{
	static const char *const lines[] = { "A: b\r\n", "aaaaaaaaaaaaaaaa" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct target to = target_of("a.example", NULL, 443);
		struct shake_opts opts = { .target = &to };
		const char *first = "HTTP/1.1 200 OK\r\n";
		struct shake_error error;
		struct shake_out out;
		struct connect c;
		enum shake_step step;
		size_t used, n = 0;

		assert_int_equal(connect_begin(&c, &opts, &out), 0);
		step = connect_take(
		    &c, (const uint8_t *)first, strlen(first), &used, &error);
		while (step == SHAKE_MORE && n++ < 2000)
			step = connect_take(&c, (const uint8_t *)lines[i],
			    strlen(lines[i]), &used, &error);
		assert_int_equal(step, SHAKE_FAILED);
		assert_int_equal(error.outcome, OUTCOME_PROTOCOL);
	}
}

static void
proxy2_headers(void **state)
{
	static const struct proxy2_process process = { .pid = 0x01020304,
		.uid = 1000,
		.start = 7,
		.exe = "/usr/bin/x",
		.unit = "a.service",
		.rule = "10.rules:3" };
	struct target to = target_of("www.example.com", "192.0.2.1", 443);
	struct proxy2_opts opts = { .target = &to,
		.sport = 40000,
		.flow = 9,
		.max = PROXY2_SHORT_MAX };
	uint8_t buf[PROXY2_MAX];
	int n;

	(void)state;
	(void)addr_parse(&opts.src, "10.9.0.1", 8);
	n = proxy2_build(buf, &opts);
	assert_int_equal(n, 16 + 12 + 3 + 15 + 3 + 16);
	assert_memory_equal(buf, "\r\n\r\n\0\r\nQUIT\n\x21\x11", 14);
	assert_int_equal(buf[14] << 8 | buf[15], n - 16);
	assert_memory_equal(buf + 16, BYTES(10, 9, 0, 1, 192, 0, 2, 1), 8);
	assert_memory_equal(buf + 24, BYTES(0x9c, 0x40, 0x01, 0xbb), 4);
	assert_memory_equal(
	    buf + 28, "\x02\0\x0fwww.example.com\x05\0\x10", 21);
	opts.process = &process;
	n = proxy2_build(buf, &opts);
	assert_true(n > 80 && n <= PROXY2_SHORT_MAX);
	assert_memory_equal(buf + 46, "\xe0\0\x11\x01\x01\x02\x03\x04", 8);
	opts.max = PROXY2_MAX;
	n = proxy2_build(buf, &opts);
	assert_int_equal(n, 65 + 20 + 13 + 13 + 12);
	/* the largest that is needed fits the short form: IPv6, a name of 13 */
	to = target_of("a.example.com", "2001:db8::1", 443);
	(void)addr_parse(&opts.src, "2001:db8::2", 11);
	opts.max = PROXY2_SHORT_MAX;
	n = proxy2_build(buf, &opts);
	assert_int_equal(n, PROXY2_SHORT_MAX);
	(void)addr_parse(&opts.src, "10.9.0.1", 8);
	assert_int_equal(proxy2_build(buf, &opts), -EAFNOSUPPORT);
}

/* An address that stands for a name is never told in its place. */
static void
names_that_no_proxy_takes(void **state)
{
	struct target to = target_of("a.example", "198.18.1.7", 443);
	struct shake_opts opts = { .target = &to };
	struct proxy2_opts header = {
		.target = &to, .sport = 40000, .max = PROXY2_SHORT_MAX
	};
	uint8_t head[SOCKS_UDP_MAX], buf[PROXY2_MAX];
	struct shake_out out;
	struct socks socks;
	struct connect c;
	char longest[80];

	(void)state;
	(void)addr_parse(&header.src, "10.9.0.1", 8);
	to.by_name = true;
	assert_int_equal(socks_begin(&socks, &opts, &out), 0);
	assert_int_equal(connect_begin(&c, &opts, &out), 0);
	assert_int_equal(socks_udp_header(head, &to), 4 + 1 + 9 + 2);
	assert_true(proxy2_build(buf, &header) > 0);
	to.name.wire[1] = ' ';
	assert_int_equal(socks_begin(&socks, &opts, &out), -EINVAL);
	assert_int_equal(connect_begin(&c, &opts, &out), -EINVAL);
	assert_int_equal(socks_udp_header(head, &to), 0);
	assert_int_equal(proxy2_build(buf, &header), -ENAMETOOLONG);
	to.by_name = false;
	to.addr.family = ADDR_NONE; /* nor has it an address */
	assert_int_equal(socks_begin(&socks, &opts, &out), -EINVAL);
	assert_int_equal(connect_begin(&c, &opts, &out), -EINVAL);
	assert_int_equal(socks_udp_header(head, &to), 0);
	to = target_of("a.example", "198.18.1.7", 443);
	to.by_name = true;
	/* one that does not fit the short header */
	memset(longest, 'a', sizeof(longest));
	longest[40] = '.';
	longest[79] = '\0';
	to.name = name_of(longest);
	assert_int_equal(proxy2_build(buf, &header), -ENAMETOOLONG);
	header.max = PROXY2_MAX;
	assert_true(proxy2_build(buf, &header) > 0);
}

static void
a_piece_of_a_secret_tells_it(void **state)
{
	static const char secret[] = "correct horse";
	const size_t len = sizeof(secret) - 1;

	(void)state;
	assert_true(shake_tells("407 no correct horse", secret, len));
	assert_true(shake_tells("407 no t hors", "t horse", 6));
	assert_true(shake_tells("407 no rect hor", secret, len)); /* cut */
	assert_false(shake_tells("407 no rect ho", secret, len));
	assert_false(shake_tells("407 wrong horse", secret, len));
	assert_true(shake_tells("407 not pw", "pw", 2));
	assert_false(shake_tells("407 no", "", 0));
	assert_false(shake_tells("", secret, len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socks_replies),
		cmocka_unit_test(socks_authentication),
		cmocka_unit_test(socks_asks_for_datagrams),
		cmocka_unit_test(socks_words_have_limits),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(datagrams_from_an_address_in_words),
		cmocka_unit_test(relay_is_where_datagrams_may_go),
		cmocka_unit_test(connect_asks),
		cmocka_unit_test(connect_answers),
		cmocka_unit_test(what_answers_instead_is_told),
		cmocka_unit_test(connect_header_has_an_end),
		cmocka_unit_test(proxy2_headers),
		cmocka_unit_test(names_that_no_proxy_takes),
		cmocka_unit_test(a_piece_of_a_secret_tells_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
