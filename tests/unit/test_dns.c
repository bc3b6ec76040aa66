#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "dns/cache.h"
#include "dns/due.h"
#include "dns/hosts.h"
#include "dns/listed.h"
#include "dns/local.h"
#include "dns/qlog.h"
#include "dns/scrub.h"
#include "dns/special.h"
#include "dns/upstream.h"

static struct writer_space space;

static struct key
key_of(const char *name, uint16_t type)
{
	struct key key = { .type = type, .class = CLASS_IN };

	key.name = name_of(name);
	return key;
}

/* Queries: bytes, and what they are. */
static void
queries(void **state)
{
#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00"
#define QUESTION "\1a\2bc\0\0\1\0\1"
#define OPT_(ttl, options) "\0\0\x29\4\xd0" ttl options
	static const struct {
		const char *name, *bytes;
		size_t len;
		enum query_kind kind;
	} rows[] = {
#define ROW(name, bytes, kind) { name, bytes, sizeof(bytes) - 1, kind }
		ROW("plain", HEAD "\0" QUESTION, QUERY_GOOD),
		ROW("empty", "", QUERY_IGNORED),
		ROW("short", "\x12\x34\x01", QUERY_IGNORED),
		ROW("an answer",
		    "\x12\x34\x81\x00\x00\x01\x00\x00\x00\x00\x00\0" QUESTION,
		    QUERY_IGNORED),
		ROW("opcode",
		    "\x12\x34\x11\x00\x00\x01\x00\x00\x00\x00\x00\0" QUESTION,
		    QUERY_NOTIMP),
		ROW("no question",
		    "\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\0",
		    QUERY_FORMERR),
		ROW("cut", HEAD "\0\1a\2bc", QUERY_FORMERR),
		ROW("pointer", HEAD "\0\xc0\x0c\0\1\0\1", QUERY_FORMERR),
		ROW("EDNS", HEAD "\1" QUESTION OPT_("\0\0\0\0", "\0\0"),
		    QUERY_GOOD),
		ROW("version", HEAD "\1" QUESTION OPT_("\0\1\0\0", "\0\0"),
		    QUERY_BADVERS),
		ROW("bad option",
		    HEAD "\1" QUESTION OPT_("\0\0\0\0", "\0\4\0\x0b\0\7"),
		    QUERY_FORMERR),
		ROW("transfer", HEAD "\0\1a\2bc\0\0\xfc\0\1", QUERY_REFUSED),
		ROW("meta type", HEAD "\0\1a\2bc\0\0\xf9\0\1", QUERY_REFUSED),
		ROW("any", HEAD "\0\1a\2bc\0\0\xff\0\1", QUERY_GOOD),
	};
	struct query q;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++)
		row_true(rows[i].name,
		    query_parse(&q, (const uint8_t *)rows[i].bytes,
			rows[i].len) == rows[i].kind);
}

/* What is refused for its header has an EDNS all the same: the answer says why
 * in it. */
static void
refused_with_edns(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
		bool edns;
	} rows[] = {
		ROW("opcode",
		    "\x12\x34\x11\0\0\1\0\0\0\0\0\1" QUESTION OPT_(
			"\0\0\0\0", "\0\0"),
		    true),
		ROW("opcode without", "\x12\x34\x11\0\0\1\0\0\0\0\0\0" QUESTION,
		    false),
		ROW("no question",
		    "\x12\x34\1\0\0\0\0\0\0\0\0\1" OPT_("\0\0\0\0", "\0\0"),
		    true),
		ROW("two questions",
		    "\x12\x34\1\0\0\2\0\0\0\0\0\1" QUESTION QUESTION OPT_(
			"\0\0\0\0", "\0\0"),
		    true),
		ROW("questions that are not there",
		    "\x12\x34\1\0\xff\xff\0\0\0\0\0\1" QUESTION OPT_(
			"\0\0\0\0", "\0\0"),
		    false),
	};
	struct query q;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		(void)query_parse(
		    &q, (const uint8_t *)rows[i].bytes, rows[i].len);
		row_true(rows[i].name, q.edns == rows[i].edns);
	}
}

static void
special_names(void **state)
{
	static const struct {
		const char *name;
		enum special is;
	} rows[] = {
		{ "localhost", SPECIAL_LOCALHOST },
		{ "a.b.localhost", SPECIAL_LOCALHOST },
		{ "localhost.com", SPECIAL_NONE },
		{ "notlocal", SPECIAL_NONE },
		{ "x.local", SPECIAL_NXDOMAIN },
		{ "1.0.0.127.in-addr.arpa", SPECIAL_LOOPBACK },
		{ "x.1.0.0.127.in-addr.arpa", SPECIAL_NXDOMAIN },
		{ "2.0.0.127.in-addr.arpa", SPECIAL_NXDOMAIN },
		{ "15.172.in-addr.arpa", SPECIAL_NONE },
		{ "16.172.in-addr.arpa", SPECIAL_ZONE },
		{ "1.2.31.172.in-addr.arpa", SPECIAL_NXDOMAIN },
		{ "32.172.in-addr.arpa", SPECIAL_NONE },
		{ "63.100.in-addr.arpa", SPECIAL_NONE },
		{ "127.100.in-addr.arpa", SPECIAL_ZONE },
		{ "10.in-addr.arpa", SPECIAL_ZONE },
		{ "1.10.in-addr.arpa", SPECIAL_NXDOMAIN },
		{ "d.f.ip6.arpa", SPECIAL_ZONE },
		{ "8.8.8.8.in-addr.arpa", SPECIAL_NONE },
		{ "_dns.resolver.arpa", SPECIAL_NODATA },
	};
	struct name name = name_of("4.3.2.1.in-addr.arpa");
	char buf[ADDR_STRLEN];
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct name n = name_of(rows[i].name);

		row_true(rows[i].name, special_find(&n) == rows[i].is);
	}
	assert_true(special_reverse(&name, &addr));
	assert_string_equal(addr_format(&addr, buf), "1.2.3.4");
	name = name_of("04.3.2.1.in-addr.arpa");
	assert_false(special_reverse(&name, &addr));
	name = name_of("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0"
		       ".1.0.0.2.ip6.arpa");
	assert_true(special_reverse(&name, &addr));
	assert_string_equal(addr_format(&addr, buf), "2001:db8::1");
}

/* What is used stays, whatever else comes. */
static void
cache_evicts(void **state)
{
	struct cache *cache = cache_new(64 << 10);
	struct key hot = key_of("hot.example", TYPE_A);
	mono_t now = { 1000 * MONO_S };
	struct cache_stats stats;
	struct answer a;
	char text[64];

	(void)state;
	local_negative(&a, &space, &hot, RCODE_NXDOMAIN, 300);
	assert_true(cache_put(cache, &hot, &a, now));
	for (unsigned int i = 0; i < 5000; i++) {
		struct key key;

		snprintf(text, sizeof(text), "n%u.example", i);
		key = key_of(text, TYPE_A);
		local_negative(&a, &space, &key, RCODE_NXDOMAIN, 300);
		assert_true(cache_put(cache, &key, &a, now));
		assert_non_null(cache_find(cache, &hot));
		cache_stats(cache, &stats);
		assert_true(stats.bytes <= stats.bytes_max);
	}
	assert_true(stats.evicted > 4000);
	assert_true(cache_is_fresh(
	    cache_find(cache, &hot), mono_add(now, 299 * MONO_S)));
	assert_false(cache_is_fresh(
	    cache_find(cache, &hot), mono_add(now, 300 * MONO_S)));
	cache_resize(cache, 1 << 10);
	cache_stats(cache, &stats);
	assert_true(stats.bytes <= 1 << 10);
	cache_free(cache);
}

static void
fill(struct cache *cache, const char *kind, unsigned int n)
{
	mono_t now = { MONO_S };
	struct answer a;
	char text[64];

	for (unsigned int i = 0; i < n; i++) {
		struct cache_stats stats;
		struct key key;

		snprintf(text, sizeof(text), "%s%u.example", kind, i);
		key = key_of(text, TYPE_A);
		local_negative(&a, &space, &key, RCODE_NXDOMAIN, 300);
		assert_true(cache_put(cache, &key, &a, now));
		cache_stats(cache, &stats);
		assert_true(stats.bytes + stats.leaving <= stats.bytes_max);
	}
}

/* All at once, whatever there is; the memory goes by and by. */

static bool
is_kept(struct cache *cache, const char *kind, unsigned int i)
{
	char text[64];
	struct key key;

	snprintf(text, sizeof(text), "%s%u.example", kind, i);
	key = key_of(text, TYPE_A);
	return cache_find(cache, &key) != NULL;
}

/* Of a large cache that shrinks not everything goes at once, and there is never
 * more than there was. */
static void
cache_shrinks_by_and_by(void **state)
{
	struct cache *cache = cache_new(64 << 20);
	mono_t now = { MONO_S };
	struct cache_stats stats, before;
	struct answer a;
	struct key key;
	unsigned int calls = 0;

	(void)state;
	fill(cache, "a", 35000);
	/* all of them are used: the hand does not go round for one */
	for (unsigned int i = 0; i < 35000; i++)
		assert_true(is_kept(cache, "a", i));
	cache_stats(cache, &before);
	cache_resize(cache, 1 << 20);
	cache_stats(cache, &stats);
	assert_int_equal(stats.bytes_max, 1 << 20);
	assert_in_range(stats.entries, 20000, 26000);
	do {
		before = stats;
		key = key_of("new.example", TYPE_A);
		local_negative(&a, &space, &key, RCODE_NXDOMAIN, 300);
		assert_true(cache_put(cache, &key, &a, now));
		assert_non_null(cache_find(cache, &key));
		cache_stats(cache, &stats);
		assert_true(stats.bytes <= before.bytes);
		calls++;
	} while (!cache_tidy(cache, 1000));
	assert_in_range(calls, 10, 35);
	cache_stats(cache, &stats);
	assert_true(stats.bytes <= 1 << 20);
	/* and from then on it is that */
	fill(cache, "b", 5000);
	/* larger again: at once */
	cache_resize(cache, 2 << 20);
	cache_stats(cache, &stats);
	assert_true(cache_tidy(cache, 1));
	before = stats;
	fill(cache, "c", 1000);
	cache_stats(cache, &stats);
	assert_int_equal(stats.evicted, before.evicted);
	cache_free(cache);
}

static void
cache_flushes(void **state)
{
	static const char *const names[] = { "example.com", "a.example.com",
		"b.a.example.com", "notexample.com", "example.net" };
	struct cache *cache = cache_new(1 << 20);
	mono_t now = { MONO_S };
	struct name zone = name_of("example.com");
	struct key key;
	struct answer a;
	bool more;

	(void)state;
	for (size_t i = 0; i < N_ROWS(names); i++) {
		key = key_of(names[i], TYPE_A);
		local_negative(&a, &space, &key, RCODE_NXDOMAIN, 300);
		assert_true(cache_put(cache, &key, &a, now));
	}
	key.flags = KEY_DO; /* of another kind of question nothing is known */
	assert_null(cache_find(cache, &key));
	assert_int_equal(cache_flush(cache, &zone, &more), 3);
	assert_int_equal(cache_flush(cache, NULL, &more), 2);
	/* that there is nothing above it is said of it, too */
	key = key_of("example.com", TYPE_NONE);
	assert_true(cache_put(cache, &key, &a, now));
	key = key_of("com", TYPE_A);
	assert_true(cache_put(cache, &key, &a, now));
	key = key_of("b.example.com", TYPE_NONE);
	assert_true(cache_put(cache, &key, &a, now));
	zone = name_of("a.example.com");
	assert_int_equal(cache_flush(cache, &zone, &more), 1);
	key = key_of("example.com", TYPE_NONE);
	assert_null(cache_find(cache, &key));
	cache_free(cache);
}

static void
cache_flushes_all(void **state)
{
	struct cache *cache = cache_new(64 << 10);
	struct key key = key_of("a999.example", TYPE_A);
	struct name root = name_of(".");
	struct cache_stats before, stats;
	bool more;

	(void)state;
	fill(cache, "a", 1000);
	cache_stats(cache, &before);
	assert_int_equal(cache_flush(cache, NULL, &more), before.entries);
	cache_stats(cache, &stats);
	assert_int_equal(stats.entries + stats.bytes, 0);
	assert_int_equal(stats.leaving, before.bytes);
	assert_null(cache_find(cache, &key));
	fill(cache, "b", 10); /* makes room as it is needed */
	cache_stats(cache, &stats);
	assert_int_equal(stats.entries, 10);
	assert_true(stats.leaving > 0);
	assert_int_equal(cache_flush(cache, &root, &more), 10);
	assert_false(cache_tidy(cache, 5));
	assert_true(cache_tidy(cache, 1000));
	cache_stats(cache, &stats);
	assert_int_equal(stats.leaving, 0);
	fill(cache, "c", 1000);
	assert_null(cache_find(cache, &key));
	(void)cache_flush(cache, NULL, &more);
	cache_free(cache);
}

/* None of many is given, from the moment on that it is said, although they are
 * found in pieces; what is kept afterwards is. */
static void
cache_flushes_in_pieces(void **state)
{
	struct cache *cache = cache_new(32 << 20);
	struct name all = name_of("example"), one = name_of("a5.example");
	struct name other = name_of("other");
	unsigned int n, calls = 1;
	bool more;

	(void)state;
	fill(cache, "a", 35000);
	n = (unsigned int)cache_flush(cache, &all, &more);
	assert_true(more);
	assert_in_range(n, 1, 15000);
	for (unsigned int i = 0; i < 35000; i++)
		assert_false(is_kept(cache, "a", i));
	fill(cache, "b", 100);
	fill(cache, "a", 10); /* anew */
	/* others meanwhile, of what is new and of nothing */
	n += (unsigned int)cache_flush(cache, &one, &more);
	assert_true(more);
	assert_false(is_kept(cache, "a", 5));
	assert_true(is_kept(cache, "a", 6));
	while (more && calls++ < 100)
		n += (unsigned int)cache_sweep(cache, &more);
	/* the ten were among the others before */
	assert_in_range(n, 35001 - 10, 35001);
	assert_true(calls > 2);
	assert_false(is_kept(cache, "a", 5));
	assert_true(is_kept(cache, "a", 6));
	assert_true(is_kept(cache, "b", 99));
	/* more of them than are remembered: everything goes */
	fill(cache, "c", 35000);
	for (unsigned int i = 0; i < 16; i++)
		(void)cache_flush(cache, &other, &more);
	assert_true(more);
	assert_true(is_kept(cache, "c", 1));
	(void)cache_flush(cache, &other, &more);
	assert_false(more);
	assert_false(is_kept(cache, "c", 1));
	/* all of it leaves in the midst of one */
	fill(cache, "d", 35000);
	(void)cache_flush(cache, &all, &more);
	assert_true(more);
	assert_true(cache_flush(cache, NULL, &more) > 10000);
	assert_int_equal(cache_sweep(cache, &more), 0);
	/* its room is needed */
	fill(cache, "e", 35000);
	(void)cache_flush(cache, &all, &more);
	cache_resize(cache, 1 << 10);
	(void)cache_sweep(cache, &more);
	cache_free(cache);
}

static void
due_is_in_order(void **state)
{
	struct due_node nodes[200];
	struct due due = { 0 };
	uint64_t last = 0;
	size_t n = 0;

	(void)state;
	memset(nodes, 0, sizeof(nodes));
	srand(17);
	for (size_t round = 0; round < 5; round++)
		for (size_t i = 0; i < 200; i++)
			assert_true(due_set(&due, &nodes[i],
			    (mono_t){ (uint64_t)rand() % 1000 }));
	for (size_t i = 0; i < 200; i += 3)
		due_cancel(&due, &nodes[i]);
	due_cancel(&due, &nodes[0]); /* once more does no harm */
	while (due_first(&due) != NULL) {
		assert_true(due_first(&due)->when.ns >= last);
		last = due_first(&due)->when.ns;
		due_cancel(&due, due_first(&due));
		n++;
	}
	assert_int_equal(n, 133);
	due_done(&due);
}

static void
hosts_both_ways(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "127.0.0.1 localhost\n"
				   "# none\n"
				   "192.0.2.1\tNas.Example nas # x\r\n"
				   "2001:db8::1 nas.example\n"
				   "192.0.2.2 nas.example\n"
				   "fe80::1%eth0 link\n"
				   "not an address\n"
				   "192.0.2.3 bad..name good";
	struct hosts *hosts = hosts_read(text, sizeof(text) - 1);
	struct addr addrs[HOSTS_MAX];
	struct name names[HOSTS_MAX], name = name_of("nas.example");
	char buf[ADDR_STRLEN], shown[NAME_TEXT_SIZE];

	(void)state;
	assert_int_equal(hosts_count(hosts), 6);
	assert_int_equal(hosts_faults(hosts), 3);
	assert_int_equal(hosts_addresses(hosts, &name, addrs), 3);
	assert_string_equal(addr_format(&addrs[0], buf), "192.0.2.1");
	assert_string_equal(addr_format(&addrs[2], buf), "192.0.2.2");
	assert_int_equal(hosts_names(hosts, &addrs[0], names), 2);
	assert_string_equal(name_format(&names[0], shown), "nas.example");
	assert_string_equal(name_format(&names[1], shown), "nas");
	name = name_of("link");
	assert_int_equal(hosts_addresses(hosts, &name, addrs), 0);
	hosts_free(hosts);
}

/* As in files that block. */
static void
hosts_first_names_count(void **state)
{
	struct addr addr = addr_ip4((uint8_t[]){ 127, 0, 0, 1 });
	char text[8192] = "127.0.0.1 localhost\n", shown[NAME_TEXT_SIZE];
	struct name names[HOSTS_MAX], name = name_of("n99.example");
	struct addr addrs[HOSTS_MAX];
	struct hosts *hosts;
	size_t len = strlen(text);

	(void)state;
	for (int i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "127.0.0.1 n%d.example\n", i);
	hosts = hosts_read(text, len);
	assert_int_equal(hosts_names(hosts, &addr, names), HOSTS_MAX);
	assert_string_equal(name_format(&names[0], shown), "localhost");
	assert_string_equal(name_format(&names[1], shown), "n0.example");
	assert_int_equal(hosts_addresses(hosts, &name, addrs), 1);
	hosts_free(hosts);
}

/* However often a file says it, an answer has it once; of too many the first
 * are told. */
static void
hosts_tell_once(void **state)
{
	struct addr addr = addr_ip4((uint8_t[]){ 10, 0, 0, 1 });
	struct name names[HOSTS_MAX], name = name_of("nas.example");
	struct addr addrs[HOSTS_MAX];
	struct hosts *hosts;
	char text[8192];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "10.0.0.1 nas.example NAS.example.\n");
	for (int i = 2; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "10.0.0.%d nas.example\n", i);
	hosts = hosts_read(text, len);
	assert_int_equal(hosts_addresses(hosts, &name, addrs), HOSTS_MAX);
	for (unsigned int i = 0; i < HOSTS_MAX; i++)
		assert_int_equal(addrs[i].bytes[3], i + 1);
	assert_int_equal(hosts_names(hosts, &addr, names), 1);
	/* and each of them is of the name */
	addr = addr_ip4((uint8_t[]){ 10, 0, 0, 99 });
	assert_int_equal(hosts_names(hosts, &addr, names), 1);
	hosts_free(hosts);
}

/* What fills a message has no room for the alias of a list in front of it. */
static void
an_alias_does_not_cut_an_answer(void **state)
{
	static struct writer_space full, behind;
	static const uint8_t zeros[512]; /* strings of no bytes */
	struct name target = name_of("full.example");
	struct key asked = key_of("alias.example", TYPE_TXT);
	struct writer_rr rr = { &target, TYPE_TXT, CLASS_IN, 300 };
	struct answer found, ret;
	struct writer w;
	size_t begun;

	(void)state;
	for (unsigned int left = 0; left < 2; left++) {
		writer_begin(&w, &full, &target, TYPE_TXT, CLASS_IN);
		while (w.cap - w.len >= 300 + left * 100) {
			begun = writer_rr_begin(&w, &rr);
			writer_bytes(&w, zeros, 255);
			writer_rr_end(&w, begun);
		}
		begun = writer_rr_begin(&w, &rr);
		writer_bytes(&w, zeros, w.cap - w.len - left * 100);
		writer_rr_end(&w, begun);
		assert_false(w.bad);
		writer_answer(&w, &found);
		found.n_answer = (uint16_t)w.n_rrs;
		listed_alias(&ret, &behind, &asked, &target, &found);
		assert_int_equal(ret.n_rrs, ret.n_answer + ret.n_authority);
		assert_int_equal(
		    ret.rcode, left > 0 ? RCODE_NOERROR : RCODE_SERVFAIL);
	}
}

static void
upstreams_come_and_go(void **state)
{
	struct upstream_group group = { .n = 2 };
	struct upstream *u = &group.v[0];
	mono_t now = { 100 * MONO_S };

	(void)state;
	assert_int_equal(upstream_next(&group, 0), 0);
	upstream_answered(u, now, mono_add(now, 10 * MONO_MS));
	/* late, but it has said something since: only this name is slow */
	upstream_late(u, now, mono_add(now, 400 * MONO_MS));
	assert_false(u->down);
	now = mono_add(now, MONO_S);
	upstream_late(u, now, mono_add(now, 400 * MONO_MS));
	assert_true(u->down);
	assert_int_equal(upstream_next(&group, 0), 1);
	assert_int_equal(upstream_next(&group, 2), 0); /* better than none */
	assert_int_equal(upstream_next(&group, 3), -1);
	assert_int_equal(upstream_probe(&group, 2, now), -1);
	now = mono_add(now, 2 * MONO_S);
	assert_int_equal(upstream_probe(&group, 2, now), 0);
	upstream_answered(u, now, now);
	assert_int_equal(upstream_next(&group, 0), 0);
	upstream_failed(u, now);
	upstream_failed(&group.v[1], now);
	assert_true(upstream_all_down(&group));
	/* all are: the one that was alive last, though the other's time is up
	 */
	group.v[1].down_until = now;
	assert_int_equal(upstream_next(&group, 0), 0);
	assert_int_equal(upstream_next(&group, 1), 1);
	upstream_forgive(u);
	assert_false(upstream_all_down(&group));
}

static void
failures_at_once_are_one(void **state)
{
	struct upstream_group group = { .n = 1 };
	struct upstream *u = &group.v[0];
	mono_t now = { 9 * MONO_S };

	(void)state;
	for (int i = 0; i < 8; i++)
		upstream_failed(u, mono_add(now, (uint64_t)i * MONO_MS));
	assert_true(u->down);
	assert_int_equal(u->errors, 8);
	now = mono_add(now, MONO_S);
	assert_int_equal(upstream_probe(&group, 0, now), 0);
	/* the next failure, of the one that tried, takes it down for longer */
	upstream_failed(u, now);
	now = mono_add(now, MONO_S);
	assert_int_equal(upstream_probe(&group, 0, now), -1);
	now = mono_add(now, MONO_S);
	assert_int_equal(upstream_probe(&group, 0, now), 0);
}

static void
private_addresses(void **state)
{
	static const struct {
		const char *addr;
		bool is;
	} rows[] = {
		{ "10.1.2.3", true },
		{ "127.0.0.53", true },
		{ "0.0.0.0", true },
		{ "192.168.1.1", true },
		{ "172.31.0.1", true },
		{ "172.32.0.1", false },
		{ "169.254.1.1", true },
		{ "100.64.0.1", false },
		{ "203.0.113.1", false },
		{ "::1", true },
		{ "fd00::1", true },
		{ "fe80::1", true },
		{ "::ffff:10.0.0.1", true },
		{ "64:ff9b::a00:1", true },
		{ "64:ff9b::cb00:7101", false },
		{ "64:ff9b:1::a00:1", true },
		{ "64:ff9b:1:2::cb00:7101", false },
		{ "64:ff9b:2::a00:1", false },
		{ "2002:a00:1::1", true },
		{ "2002:7f00:1::", true },
		{ "2002:cb00:7101::a00:1", false },
		{ "::10.0.0.1", true },
		{ "::203.0.113.1", false },
		{ "::", true },
		{ "::ffff:0:10.0.0.1", true },
		{ "::ffff:0:203.0.113.1", false },
		{ "fec0::1", true },
		{ "2001:db8::1", false },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct addr addr;

		assert_int_equal(
		    addr_parse(&addr, rows[i].addr, strlen(rows[i].addr)), 0);
		row_true(rows[i].addr, scrub_is_private(&addr) == rows[i].is);
	}
}

static void
qlog_is_a_ring(void **state)
{
	struct qlog *log = qlog_new(3);
	struct process *proc = process_new(PROCESS_UNKNOWN);
	char why[8] = "";
	struct record rec = { .process = proc, .ede_text = why };
	struct name alias;

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		alias = name_of(i == 2 ? "c" : "d.example");
		rec.target = i % 2 == 0 ? &alias : NULL;
		(void)snprintf(why, sizeof(why), i == 3 ? "" : "why %u", i);
		rec.elapsed_us = i;
		rec.qname = name_of(i % 2 == 0 ? "a.example" : "b");
		qlog_add(log, &rec);
	}
	assert_int_equal(qlog_begin(log), 2);
	assert_int_equal(qlog_end(log), 5);
	assert_null(qlog_get(log, 1));
	assert_int_equal(qlog_get(log, 2)->elapsed_us, 2);
	assert_string_equal(qlog_get(log, 2)->ede_text, "why 2");
	assert_string_equal(qlog_get(log, 3)->ede_text, "");
	assert_true(name_equal(
	    qlog_get(log, 2)->target, (const struct name[]){ name_of("c") }));
	assert_null(qlog_get(log, 3)->target);
	assert_true(name_equal(qlog_get(log, 4)->target,
	    (const struct name[]){ name_of("d.example") }));
	assert_null(qlog_get(log, 5));
	qlog_free(log);
	assert_int_equal(proc->refs, 1);
	process_unref(proc);
	log = qlog_new(0);
	qlog_add(log, &rec);
	assert_int_equal(qlog_begin(log), qlog_end(log));
	qlog_free(log);
}

/* Of one record, so long that its answer has `len` octets. */
static void
make_long(struct answer *ret, const struct key *key, size_t len)
{
	static const uint8_t zeros[WIRE_MESSAGE_MAX];
	struct writer_rr rr = { &key->name, key->type, CLASS_IN, 300 };
	struct writer w;
	size_t begun;

	writer_begin(&w, &space, &key->name, key->type, CLASS_IN);
	begun = writer_rr_begin(&w, &rr);
	writer_bytes(&w, zeros, len - WIRE_HEADER - key->name.len - 4 - 12);
	writer_rr_end(&w, begun);
	assert_false(w.bad);
	writer_answer(&w, ret);
	ret->n_answer = 1;
	assert_int_equal(ret->len, len);
}

static void
answers_by_tcp_are_whole(void **state)
{
	static const struct {
		const char *name;
		size_t len, sent;
	} rows[] = {
		{ "room for all", 65518, 65535 },
		{ "for no keep-alive", 65519, 65530 },
		{ "for an OPT", 65524, 65535 },
		{ "for none", 65525, 65525 },
		{ "for nothing", 65535, 65535 },
	};
	static uint8_t out[WIRE_MESSAGE_MAX];
	const struct key key = key_of("a.test", 999);
	const struct reply_opts opts = {
		.ede = EDE_NONE, .tcp = true, .limit = WIRE_MESSAGE_MAX
	};
	struct query q = {
		.qname = key.name, .qtype = 999, .edns = true, .keepalive = true
	};
	struct answer a;

	(void)state;
	memcpy(q.asked, key.name.wire, key.name.len);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		make_long(&a, &key, rows[i].len);
		row_true(rows[i].name,
		    reply_build(out, &a, &q, &opts) == rows[i].sent &&
			(wire_u16(out + 2) & WIRE_TC) == 0 &&
			wire_u16(out + 6) == 1 &&
			wire_u16(out + 10) ==
			    (rows[i].sent > rows[i].len ? 1 : 0));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries),
		cmocka_unit_test(refused_with_edns),
		cmocka_unit_test(special_names),
		cmocka_unit_test(cache_evicts),
		cmocka_unit_test(cache_shrinks_by_and_by),
		cmocka_unit_test(cache_flushes),
		cmocka_unit_test(cache_flushes_all),
		cmocka_unit_test(cache_flushes_in_pieces),
		cmocka_unit_test(due_is_in_order),
		cmocka_unit_test(hosts_both_ways),
		cmocka_unit_test(hosts_first_names_count),
		cmocka_unit_test(hosts_tell_once),
		cmocka_unit_test(an_alias_does_not_cut_an_answer),
		cmocka_unit_test(upstreams_come_and_go),
		cmocka_unit_test(failures_at_once_are_one),
		cmocka_unit_test(private_addresses),
		cmocka_unit_test(qlog_is_a_ring),
		cmocka_unit_test(answers_by_tcp_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
