#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/resolve.h"
#include "tests/fake/world.h"

/* What one program may take of the resolver, and that others have the rest. */

static const mono_t now = { 1000 * MONO_S };

struct stage {
	struct resolve *r;
	struct list flying;	 /* by attempt->pending */
	const struct addr *host; /* that asks; NULL: a program */
	unsigned int replies;
	unsigned int blocked, learnt; /* records that say so */
	uint32_t random;
};

static int
on_send(void *arg, struct attempt *attempt, uint8_t *msg, size_t len)
{
	struct stage *s = arg;

	(void)msg;
	(void)len;
	list_append(&s->flying, &attempt->pending);
	return 0;
}

static void
on_reply(void *arg, const struct client *client, const uint8_t *msg, size_t len)
{
	struct stage *s = arg;

	(void)client;
	(void)msg;
	(void)len;
	s->replies++;
}

static void
on_dropped(void *arg, const struct client *client)
{
	(void)arg;
	(void)client;
}

static void
on_done(void *arg, const struct client *client, const struct record *record,
    const struct answer *answer)
{
	struct stage *s = arg;

	(void)client;
	(void)answer;
	if (record->decision.action == ACTION_BLOCK)
		s->blocked++;
	else
		s->learnt += record->learnt;
}

static uint32_t
on_random(void *arg)
{
	return ((struct stage *)arg)->random++;
}

static void
on_timer(void *arg, mono_t when)
{
	(void)arg;
	(void)when;
}

static int
setup(void **state)
{
	static struct stage stage;
	struct resolve_ops ops = {
		.send = on_send,
		.reply = on_reply,
		.dropped = on_dropped,
		.done = on_done,
		.random = on_random,
		.timer = on_timer,
		.arg = &stage,
	};
	struct resolve_conf conf = { .cache_bytes = 1 << 20, .ttl_max = 3600 };
	static const char text[] = "block user alice to 203.0.113.0/24\n";
	const struct policy *policy = NULL;
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();

	memset(&stage, 0, sizeof(stage));
	list_init(&stage.flying);
	stage.r = resolve_new(&ops);
	conf.upstreams.n = 1;
	assert_int_equal(upstream_parse(&conf.upstreams.v[0].spec, "192.0.2.1",
			     strlen("192.0.2.1")),
	    0);
	resolve_configure(stage.r, &conf, now);
	assert_int_equal(
	    rules_parse(rules, "t.rules", text, strlen(text), faults), 0);
	assert_int_equal(
	    policy_compile(&policy, rules, &fake_world, faults), 0);
	resolve_set_policy(stage.r, policy);
	policy_unref(policy);
	rules_free(rules);
	faults_free(faults);
	*state = &stage;
	return 0;
}

static void
fail_all(struct stage *s)
{
	while (!list_empty(&s->flying)) {
		struct attempt *attempt =
		    container_of(s->flying.next, struct attempt, pending);

		list_remove(&attempt->pending);
		resolve_failed(s->r, attempt, -ECANCELED, now);
	}
}

static int
teardown(void **state)
{
	struct stage *s = *state;

	fail_all(s);
	resolve_free(s->r);
	return 0;
}

/* A query for a name that nobody has asked for: n in it. Where it is answered
 * at once *ret_rcode says how. */
static enum resolve_result
ask(struct stage *s, const struct process *proc, unsigned int n,
    struct list *waits, unsigned int *ret_rcode)
{
	static uint8_t out[WIRE_MESSAGE_MAX];
	static struct asking a;
	char text[40];

	memset(&a, 0, sizeof(a));
	snprintf(text, sizeof(text), "n%u.example.com", n);
	a.query.flags = WIRE_RD;
	a.query.qtype = TYPE_A;
	a.query.qclass = CLASS_IN;
	a.query.size = QUERY_UDP_MAX;
	a.query.qname = name_of(text);
	memcpy(a.query.asked, a.query.qname.wire, a.query.qname.len);
	a.client.tcp = waits != NULL;
	a.client.waits = waits;
	a.client.asker = asker_get(resolve_askers(s->r), proc, s->host);
	a.out = out;
	*ret_rcode = RCODE_NOERROR;
	if (resolve_query(s->r, &a, now) != RESOLVE_ANSWERED)
		return RESOLVE_WAITING;
	*ret_rcode = wire_u16(out + 2) & WIRE_RCODE;
	return RESOLVE_ANSWERED;
}

/* Asks until it is refused; how many were taken. */
static unsigned int
flood(struct stage *s, const struct process *proc, unsigned int from)
{
	unsigned int n = 0, rcode;

	while (n < 10000 &&
	       ask(s, proc, from + n, NULL, &rcode) == RESOLVE_WAITING)
		n++;
	assert_true(n < 10000);
	assert_int_equal(rcode, RCODE_REFUSED);
	return n;
}

static struct process *
program(pid_t pid)
{
	struct process *proc = process_new(PROCESS_PROGRAM);

	proc->pid = pid;
	return proc;
}

static void
one_program_has_a_share(void **state)
{
	struct stage *s = *state;
	struct process *hog = program(7), *other = program(8);
	unsigned int n = flood(s, hog, 0), rcode;

	assert_in_range(n, 500, RESOLVE_TASKS_MAX / RESOLVE_SHARE);
	assert_int_equal(resolve_stats(s->r)->limited, 1);
	assert_int_equal(resolve_stats(s->r)->full, 0);
	assert_int_equal(ask(s, other, 20000, NULL, &rcode), RESOLVE_WAITING);
	/* all are told; then it may ask again */
	resolve_due(s->r, mono_add(now, 10 * MONO_S));
	assert_int_equal(s->replies, n + 1);
	fail_all(s);
	assert_int_equal(ask(s, hog, 30000, NULL, &rcode), RESOLVE_WAITING);
	process_unref(hog);
	process_unref(other);
}

/* All that is known of it is its address. */
static void
one_host_has_a_share(void **state)
{
	static const uint8_t bytes[2][4] = { { 10, 9, 0, 2 }, { 10, 9, 0, 3 } };
	struct addr hog = addr_ip4(bytes[0]), other = addr_ip4(bytes[1]);
	struct process *nobody = process_new(PROCESS_UNKNOWN);
	struct stage *s = *state;
	unsigned int rcode;

	s->host = &hog;
	assert_in_range(
	    flood(s, nobody, 0), 500, RESOLVE_TASKS_MAX / RESOLVE_SHARE);
	s->host = &other;
	assert_int_equal(ask(s, nobody, 20000, NULL, &rcode), RESOLVE_WAITING);
	s->host = NULL;
	assert_int_equal(ask(s, nobody, 20001, NULL, &rcode), RESOLVE_WAITING);
	process_unref(nobody);
}

/* However many they are. */
static void
one_user_leaves_half(void **state)
{
	struct stage *s = *state;
	struct process *other = program(1);
	unsigned int sum = 0, rcode;

	other->uid = 1000;
	for (pid_t i = 0; i < 200; i++) {
		struct process *hog = program(100 + i);

		hog->uid = 1001;
		sum += flood(s, hog, (unsigned int)i * 10000);
		process_unref(hog);
	}
	assert_in_range(sum, 3000, RESOLVE_TASKS_MAX / 2 + 1);
	for (unsigned int i = 0; i < 400; i++)
		assert_int_equal(
		    ask(s, other, 9000000 + i, NULL, &rcode), RESOLVE_WAITING);
	assert_int_equal(resolve_stats(s->r)->full, 0);
	process_unref(other);
}

/* A program that hangs up and comes again has what it began still counted. */
static void
hanging_up_is_no_way_round(void **state)
{
	struct stage *s = *state;
	struct process *hog = program(7);
	struct list mine, others;
	unsigned int rcode, n = 0;

	list_init(&mine);
	list_init(&others);
	assert_int_equal(ask(s, hog, 0, &others, &rcode), RESOLVE_WAITING);
	while (
	    n < 10000 && ask(s, hog, 1 + n, &mine, &rcode) == RESOLVE_WAITING) {
		n++;
		resolve_gone(s->r, &mine);
		assert_true(list_empty(&mine));
	}
	assert_int_equal(rcode, RCODE_REFUSED);
	assert_in_range(n, 500, RESOLVE_TASKS_MAX / RESOLVE_SHARE);
	/* who is still there gets its answer, and nobody else */
	assert_false(list_empty(&others));
	resolve_due(s->r, mono_add(now, 10 * MONO_S));
	assert_int_equal(s->replies, 1);
	assert_true(list_empty(&others));
	process_unref(hog);
}

/* The question under way is answered: with so many addresses. */
static void
answer(struct stage *s, unsigned int n)
{
	static uint8_t msg[WIRE_MESSAGE_MAX];
	struct attempt *attempt =
	    container_of(s->flying.next, struct attempt, pending);
	const struct name *name = &attempt->key.name;
	uint8_t *p = msg + WIRE_HEADER;

	memset(msg, 0, sizeof(msg));
	wire_put16(msg + 2, WIRE_QR);
	wire_put16(msg + 4, 1);
	wire_put16(msg + 6, n);
	memcpy(p, attempt->asked, name->len);
	p += name->len;
	wire_put16(p, TYPE_A);
	wire_put16(p + 2, CLASS_IN);
	p += 4;
	for (unsigned int i = 0; i < n; i++, p += 16) {
		wire_put16(p, 0xc000 | WIRE_HEADER);
		wire_put16(p + 2, TYPE_A);
		wire_put16(p + 4, CLASS_IN);
		wire_put16(p + 8, 300);
		wire_put16(p + 10, 4);
		wire_put32(p + 12, i < n - 1 ? 0xc6336400 + i : 0xcb007101);
	}
	list_remove(&attempt->pending);
	assert_true(resolve_fits(s->r, attempt, msg, (size_t)(p - msg)));
	resolve_answer(s->r, attempt, msg, (size_t)(p - msg), now);
}

/* However often it waits for one answer, and who else does meanwhile: a
 * thousand addresses are not looked at, and learnt, a thousand times. */
static void
an_answer_is_judged_once_for_each(void **state)
{
	struct stage *s = *state;
	struct process *bob = program(7), *alice = program(8);
	unsigned int n = 0, rcode;

	bob->uid = 1001;
	alice->uid = 1000;
	while (ask(s, n % 2 == 0 ? bob : alice, 0, NULL, &rcode) ==
	       RESOLVE_WAITING)
		n++;
	assert_true(n > 1000);
	answer(s, 1000);
	assert_int_equal(s->replies, n);
	assert_int_equal(s->learnt, 1);
	assert_int_equal(s->blocked, n / 2);
	process_unref(bob);
	process_unref(alice);
}

/* Other settings: those that are asked of one more domain, or not. */
static void
configure(struct stage *s, bool forward)
{
	struct resolve_conf conf = { .cache_bytes = 32 << 20, .ttl_max = 3600 };

	conf.upstreams.n = 1;
	assert_int_equal(upstream_parse(&conf.upstreams.v[0].spec, "192.0.2.1",
			     strlen("192.0.2.1")),
	    0);
	if (forward) {
		conf.n_forwards = 1;
		conf.forwards = calloc(1, sizeof(conf.forwards[0]));
		conf.forwards[0].zone = name_of("corp.example");
		conf.forwards[0].group = conf.upstreams;
	}
	resolve_configure(s->r, &conf, now);
}

/* What can be kept is, but of very many answers nobody looks at each. */
static void
other_settings_take_no_time(void **state)
{
	struct stage *s = *state;
	struct process *proc = program(7);
	struct cache_stats stats;
	unsigned int rcode;

	configure(s, false);
	for (unsigned int i = 0; i < 20001; i++) {
		assert_int_equal(
		    ask(s, proc, i, NULL, &rcode), RESOLVE_WAITING);
		answer(s, 1);
		if (i != 9)
			continue;
		configure(s, true);
		cache_stats(resolve_cache(s->r), &stats);
		assert_int_equal(stats.entries, 10);
	}
	cache_stats(resolve_cache(s->r), &stats);
	assert_int_equal(stats.entries, 20001);
	configure(s, false);
	cache_stats(resolve_cache(s->r), &stats);
	assert_int_equal(stats.entries, 0);
	process_unref(proc);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_program_has_a_share),
		TEST(one_host_has_a_share),
		TEST(one_user_leaves_half),
		TEST(hanging_up_is_no_way_round),
		TEST(an_answer_is_judged_once_for_each),
		TEST(other_settings_take_no_time),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
