/* Nanoseconds that the resolver itself takes for a query, without sockets, and
 * 100 rules and a list of a million names: for answers out of the cache, the
 * first time that a program asks for them and again, and for what the list
 * blocks. bench_resolve [ROUNDS] */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/learn.h"
#include "dns/qlog.h"
#include "dns/resolve.h"
#include "src/core/list_build.h"
#include "src/core/list_table.h"
#include "src/core/names.h"
#include "src/core/rules.h"
#include "src/linux/pages.h"
#include "tests/fake/world.h"

#define LISTED 1000000
#define NAMES 100000
#define FEW 1000
#define BATCH 24
#define LOG_MAX 10000

struct bench {
	struct resolve *r;
	struct names *names;
	struct stats stats;
	struct qlog *log;
	struct attempt *attempt; /* the one that is under way */
	uint8_t question[WIRE_QUESTION_MAX];
	size_t len;
};

static int
on_send(void *arg, struct attempt *attempt, uint8_t *msg, size_t len)
{
	struct bench *b = arg;

	b->attempt = attempt;
	memcpy(b->question, msg, len);
	b->len = len;
	return 0;
}

static void
on_reply(void *arg, const struct client *client, const uint8_t *msg, size_t len)
{
	(void)arg;
	(void)client;
	(void)msg;
	(void)len;
}

static void
on_dropped(void *arg, const struct client *client)
{
	(void)arg;
	(void)client;
}

/* As the daemon does. */
static void
on_done(void *arg, const struct client *client, const struct record *record,
    const struct answer *answer)
{
	struct bench *b = arg;

	(void)client;
	if (record->learnt && answer != NULL && record->answered &&
	    record->decision.action != ACTION_BLOCK)
		learn_names(b->names, b->r, record, answer);
	qlog_add(b->log, record);
}

static uint32_t
on_random(void *arg)
{
	(void)arg;
	return (uint32_t)rand();
}

static void
on_timer(void *arg, mono_t when)
{
	(void)arg;
	(void)when;
}

static void
listed_text(char *buf, size_t size, size_t i)
{
	(void)snprintf(buf, size, "b%zu.ads%zu.example.org", i, i % 997);
}

static void
cached_text(char *buf, size_t size, size_t i)
{
	(void)snprintf(buf, size, "host%zu.bench%zu.example.com", i, i % 97);
}

static const struct list_index *
make_list(void)
{
	static const struct list_identity identity = { { 1, 2 } };
	const struct list_index *l = NULL;
	struct list_build build;
	struct list_bytes bytes;
	void *pages;
	char buf[64];

	list_build_init(
	    &build, (uint64_t[2]){ 0x123456789abcdef, 0xfedcba987654321 });
	for (size_t i = 0; i < LISTED; i++) {
		struct name name;

		listed_text(buf, sizeof(buf), i);
		name = name_of(buf);
		if (list_build_name(&build, &name, HOSTSET_BLOCK) < 0)
			exit(1);
	}
	if (list_build_finish(&build, &identity, "", 0, &bytes) < 0)
		exit(1);
	list_build_done(&build);
	pages = pages_map(bytes.size);
	if (pages == NULL)
		exit(1);
	memcpy(pages, bytes.bytes, bytes.size);
	if (list_index_new(&l, pages, bytes.size, pages_unmap, NULL) < 0)
		exit(1);
	free(bytes.bytes);
	return l;
}

static const struct policy *
make_policy(void)
{
	struct list_table *table = list_table_new(1);
	struct policy_world world = fake_world;
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (unsigned int i = 1; i < 98; i++) {
		if (i % 3 == 0)
			(void)fprintf(
			    f, "block domain .blocked%u.example\n", i);
		else if (i % 3 == 1)
			(void)fprintf(f,
			    "block exe /usr/bin/none%u to 192.0.2.%u\n", i, i);
		else
			(void)fprintf(
			    f, "block domain *.x%u.example to port 443\n", i);
	}
	(void)fprintf(f, "block list ads\n"
			 "block user bob domain .example.edu\n"
			 "accept exe /usr/bin/dnsperf\n");
	(void)fclose(f);
	if (list_table_set(table, 0, "ads", make_list()) < 0)
		exit(1);
	world.table = table;
	if (rules_parse(rules, "bench", text, size, faults) < 0 ||
	    policy_compile(&policy, rules, &world, faults) < 0) {
		faults_print(faults, stderr);
		exit(1);
	}
	free(text);
	list_table_unref(table);
	rules_free(rules);
	faults_free(faults);
	return policy;
}

static void
make_resolver(struct bench *b)
{
	struct resolve_ops ops = {
		.send = on_send,
		.reply = on_reply,
		.dropped = on_dropped,
		.done = on_done,
		.random = on_random,
		.timer = on_timer,
		.arg = b,
	};
	struct resolve_conf conf = { .cache_bytes = 128 << 20,
		.ttl_max = 86400 };
	const struct policy *policy = make_policy();

	b->names = names_new(NAMES_MAX, &b->stats);
	b->log = qlog_new(LOG_MAX);
	b->r = resolve_new(&ops);
	conf.upstreams.n = 1;
	if (b->names == NULL || b->log == NULL || b->r == NULL ||
	    upstream_parse(&conf.upstreams.v[0].spec, "192.0.2.1", 9) < 0)
		exit(1);
	resolve_configure(b->r, &conf, mono_now());
	resolve_set_policy(b->r, policy);
	policy_unref(policy);
}

static struct process *
make_process(int pid)
{
	struct process *proc = process_new(PROCESS_PROGRAM);

	if (proc == NULL || process_set(&proc->exe, "/usr/bin/dnsperf", 16) < 0)
		exit(1);
	proc->exe_here = true;
	proc->pid = pid;
	return proc;
}

/* One address of its own for each name. */
static void
answer(struct bench *b, uint32_t addr)
{
	static const uint8_t rr[] = { 0xc0, 12, 0, TYPE_A, 0, CLASS_IN, 0, 1, 0,
		0, 0, 4 };
	struct attempt *attempt = b->attempt;
	uint8_t msg[WIRE_QUESTION_MAX + sizeof(rr) + 4];
	size_t len = WIRE_HEADER + attempt->key.name.len + 4U;

	memcpy(msg, b->question, len);
	wire_put16(msg, attempt->id);
	wire_put16(msg + 2, WIRE_QR | WIRE_RD | WIRE_RA);
	wire_put16(msg + 6, 1);
	wire_put16(msg + 10, 0);
	memcpy(msg + len, rr, sizeof(rr));
	wire_put32(msg + len + sizeof(rr), 0x0b000000 | addr);
	b->attempt = NULL;
	resolve_answer(b->r, attempt, msg, len + sizeof(rr) + 4, mono_now());
}

static void
make_asking(struct asking *a, const char *text)
{
	memset(a, 0, offsetof(struct asking, query));
	a->query.flags = WIRE_RD;
	a->query.qtype = TYPE_A;
	a->query.qclass = CLASS_IN;
	a->query.size = QUERY_UDP_MAX;
	a->query.qname = name_of(text);
	memcpy(a->query.asked, a->query.qname.wire, a->query.qname.len);
	memset(&a->client, 0, sizeof(a->client));
	a->kind = QUERY_GOOD;
}

static void
fill_cache(struct bench *b, struct asker *asker)
{
	static uint8_t out[WIRE_MESSAGE_MAX];
	static struct asking a;
	char buf[64];

	for (size_t i = 0; i < NAMES; i++) {
		cached_text(buf, sizeof(buf), i);
		make_asking(&a, buf);
		a.out = out;
		a.client.asker = asker;
		if (resolve_query(b->r, &a, mono_now()) != RESOLVE_WAITING)
			exit(1);
		answer(b, (uint32_t)i);
	}
}

/* A batch after the other, as the server reads them. */
static double
ask(struct bench *b, const struct process *proc,
    void (*text)(char *, size_t, size_t), size_t n, size_t step)
{
	static struct asking v[BATCH];
	static uint8_t out[BATCH][QUERY_UDP_MAX];
	uint64_t ns = 0;
	char buf[64];

	for (size_t i = 0; i + BATCH <= n; i += BATCH) {
		struct asking *batch[BATCH];
		mono_t start;

		for (size_t k = 0; k < BATCH; k++) {
			text(buf, sizeof(buf), (i + k) * step);
			make_asking(&v[k], buf);
			v[k].client.asker =
			    asker_get(resolve_askers(b->r), proc, NULL);
			v[k].out = out[k];
			batch[k] = &v[k];
		}
		start = mono_now();
		resolve_expect(b->r, batch, BATCH);
		for (size_t k = 0; k < BATCH; k++)
			if (resolve_query(b->r, &v[k], start) !=
			    RESOLVE_ANSWERED)
				exit(1);
		ns += mono_since(mono_now(), start);
	}
	return (double)ns / (double)(n / BATCH * BATCH);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 5;
	struct bench *b = calloc(1, sizeof(*b));
	struct process *proc = make_process(1);

	make_resolver(b);
	fill_cache(b, asker_get(resolve_askers(b->r), proc, NULL));
	for (int round = 0; round < rounds; round++) {
		struct process *other = make_process(2 + round);

		(void)ask(b, other, cached_text, FEW, 1);
		printf("ns a query: hit of %d %.0f, ", FEW,
		    ask(b, other, cached_text, FEW, 1));
		printf("first hit of %d %.0f, ", NAMES,
		    ask(b, other, cached_text, NAMES, 1));
		printf("hit of %d %.0f, ", NAMES,
		    ask(b, other, cached_text, NAMES, 1));
		printf("blocked %.0f\n",
		    ask(b, other, listed_text, LISTED / 10, 10));
		process_unref(other);
	}
	process_unref(proc);
	resolve_free(b->r);
	names_free(b->names);
	qlog_free(b->log);
	free(b);
	return 0;
}
