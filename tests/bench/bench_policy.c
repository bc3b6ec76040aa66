/* Nanoseconds that one decision takes, with rules of every kind; and what
 * compiling takes. bench_policy [ROUNDS] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/mono.h"
#include "src/core/policy.h"
#include "src/core/rules.h"
#include "tests/fake/lists.h"
#include "tests/fake/world.h"
#include "tests/unit/random.h"

#define SUBJECTS 512
#define DECISIONS 20000

/* Rule n: each of its kinds is as common as the others, most match no one. */
static void
bench_rule(FILE *f, size_t n)
{
	switch (n % 12) {
	case 0:
		fprintf(f, "accept out exe /usr/bin/tool%zu to port 443\n", n);
		return;
	case 1:
		fprintf(
		    f, "block out exe /opt/app%zu/**, **/helper%zu\n", n, n);
		return;
	case 2:
		fprintf(f, "accept out user %zu to 10.%zu.%zu.0/24\n", n,
		    n / 256 % 256, n % 256);
		return;
	case 3:
		fprintf(
		    f, "block out unit app%zu.service, *-%zu.scope\n", n, n);
		return;
	case 4:
		fprintf(f, "drop in proto tcp to port %zu from lan\n",
		    1 + n % 65535);
		return;
	case 5:
		fprintf(f, "block to 198.%zu.%zu.0/25, 2001:%zx:%zx::/48\n",
		    18 + n / 256 % 2, n % 256, 0xdb8 + n / 65536, n % 65536);
		return;
	case 6:
		fprintf(
		    f, "accept out parent /usr/lib/run%zu/* not user 0\n", n);
		return;
	case 8:
		fprintf(f,
		    "block out domain ads%zu.example, *.t%zu.example.net\n", n,
		    n);
		return;
	case 9:
		fprintf(f,
		    "reroute via tor exe /usr/bin/r%zu domain .o%zu.onion\n", n,
		    n);
		return;
	case 10:
		fprintf(f, "block out list bad user %zu\n", n);
		return;
	case 11:
		fprintf(f, "block out qtype ANY, HTTPS exe /usr/bin/q%zu\n", n);
		return;
	case 7:
		fprintf(f,
		    "block out proto udp exe /usr/lib/x/y%zu "
		    "to port 5000-%zu group %zu\n",
		    n, 5001 + n % 1000, n);
		return;
	}
}

/* Any of the names of the rules. */
static const struct name *
bench_name(size_t n)
{
	static struct name names[SUBJECTS];
	static size_t next;
	struct name *name = &names[next++ % SUBJECTS];
	char text[64];

	(void)snprintf(text, sizeof(text), "www.t%zu.example.net", n + 8);
	*name = name_of(text);
	return name;
}

static double
seconds(mono_t from)
{
	return (double)mono_since(mono_now(), from) / (double)MONO_S;
}

static const struct policy *
bench_compile(size_t n)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct policy_world world = fake_world;
	mono_t start;

	world.table = fake_lists_table();
	for (size_t i = 0; i < n; i++)
		bench_rule(f, i);
	(void)fprintf(f, "block out list ads\n");
	(void)fclose(f);
	start = mono_now();
	if (rules_parse(rules, "bench", text, size, faults) < 0 ||
	    policy_compile(&policy, rules, &world, faults) < 0) {
		faults_print(faults, stderr);
		exit(1);
	}
	printf("policy: rules=%zu compile_ms=%.1f\n", n, seconds(start) * 1000);
	free(text);
	list_table_unref(world.table);
	faults_free(faults);
	rules_free(rules);
	return policy;
}

static int
double_cmp(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Four in five subjects are such as a rule somewhere in the list is about. */
static void
bench_meet(struct subject *s, struct process *p, size_t i, size_t n_rules)
{
	static const struct name *names[SUBJECTS][1];
	size_t n = i * 7919 % n_rules / 12 * 12;
	char text[64];

	switch (i % 5) {
	case 3:
		names[i][0] = bench_name(n);
		s->names = names[i];
		s->n_names = 1;
		s->in = s->loopback = false;
		return;
	case 0:
		(void)snprintf(text, sizeof(text), "/usr/bin/tool%zu", n);
		random_set(&p->exe, text);
		p->kind = PROCESS_PROGRAM;
		p->exe_here = true;
		s->in = s->loopback = false;
		s->proto = IPPROTO_TCP;
		s->has_ports = true;
		s->dport = 443;
		return;
	case 1:
		(void)snprintf(
		    text, sizeof(text), "/system.slice/app%zu.service", n + 3);
		random_set(&p->cgroup, text);
		p->kind = PROCESS_PROGRAM;
		s->in = s->loopback = false;
		return;
	case 2:
		(void)snprintf(text, sizeof(text), "198.%zu.%zu.9",
		    18 + (n + 5) / 256 % 2, (n + 5) % 256);
		(void)addr_parse(&s->dst, text, strlen(text));
		return;
	}
}

static void
bench(size_t n_rules, size_t rounds)
{
	const struct policy *policy = bench_compile(n_rules);
	struct subject subjects[SUBJECTS];
	struct process *processes[SUBJECTS];
	double *ns = calloc(rounds, sizeof(*ns));
	unsigned int seed = 3;
	uint64_t matched = 0;

	if (ns == NULL)
		exit(1);
	for (size_t i = 0; i < SUBJECTS; i++) {
		subjects[i] = random_subject(&seed, &processes[i]);
		bench_meet(&subjects[i], processes[i], i, n_rules);
	}
	for (size_t r = 0; r < rounds; r++) {
		mono_t start = mono_now();

		for (size_t i = 0; i < DECISIONS; i++)
			matched +=
			    policy_decide(policy, &subjects[i % SUBJECTS])
				.rule > 0;
		ns[r] = seconds(start) * 1e9 / DECISIONS;
	}
	qsort(ns, rounds, sizeof(*ns), double_cmp);
	printf("policy: rules=%zu decide_ns=%.0f min=%.0f max=%.0f rounds=%zu "
	       "matched=%.0f%%\n",
	    n_rules, ns[rounds / 2], ns[0], ns[rounds - 1], rounds,
	    100.0 * (double)matched / (double)(rounds * DECISIONS));
	for (size_t i = 0; i < SUBJECTS; i++)
		process_unref(processes[i]);
	policy_unref(policy);
	free(ns);
}

/* One rule, with a list of that many addresses. */
static void
bench_addrs(size_t n_addrs, size_t rounds)
{
	struct list_table *table = list_table_new(2);
	struct policy_world world = fake_world;
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	struct process *process = process_new(PROCESS_UNKNOWN);
	const struct policy *policy = NULL;
	struct subject s = { .process = process };
	struct list_build build;
	struct addr_range range;
	uint64_t matched = 0;
	mono_t start;
	char text[64];

	list_build_init(&build, (uint64_t[2]){ 1, 2 });
	for (size_t i = 0; i < n_addrs; i++) {
		(void)snprintf(text, sizeof(text), "%zu.%zu.%zu.4/31",
		    1 + i / 65536, i / 256 % 256, i % 256);
		if (addr_range_parse(&range, text, strlen(text)) < 0 ||
		    list_build_addr(
			&build, &range, ADDRSET_BLOCK, HOSTSET_NO_CODE) < 0)
			exit(1);
	}
	if (list_table_set(table, 0, "ads", fake_index(&build)) < 0 ||
	    rules_parse(rules, "bench", "block list ads", 14, faults) < 0)
		exit(1);
	world.table = table;
	if (policy_compile(&policy, rules, &world, faults) < 0)
		exit(1);
	start = mono_now();
	for (size_t i = 0; i < rounds * DECISIONS; i++) {
		s.dst = (struct addr){ ADDR_IP4,
			{ (uint8_t)(1 + i % 2), (uint8_t)(i >> 8), (uint8_t)i,
			    (uint8_t)(i >> 3) } };
		matched += policy_decide(policy, &s).rule > 0;
	}
	printf("policy: list_addresses=%zu decide_ns=%.0f matched=%.0f%%\n",
	    n_addrs, seconds(start) * 1e9 / (double)(rounds * DECISIONS),
	    100.0 * (double)matched / (double)(rounds * DECISIONS));
	policy_unref(policy);
	list_table_unref(table);
	process_unref(process);
	rules_free(rules);
	faults_free(faults);
}

int
main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 11;

	if (rounds == 0)
		rounds = 1;
	bench(16, rounds);
	bench(1000, rounds);
	bench(10000, rounds);
	bench(100000, rounds);
	bench_addrs(1, rounds);
	bench_addrs(100000, rounds);
	return 0;
}
