#ifndef TESTS_UNIT_JUDGING_H
#define TESTS_UNIT_JUDGING_H

/* What tests of the judge share: a machine, a policy, a program, and the steps
 * as the shell goes through them. */

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/core/fault.h"
#include "src/core/hits.h"
#include "src/core/judge.h"
#include "src/core/policy.h"
#include "src/core/rules.h"
#include "tests/unit/wire.h"

/* The machine that these tests are about. */
#define HERE "10.9.0.1"
#define THERE "192.0.2.7"

static struct stats stats;
static struct judge *judge;
static struct process *curl;

static inline int
find_user(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	(void)name;
	(void)ret;
	return -ENOENT;
}

static inline int
no_path(void *arg, const char *path, char *buf, size_t size)
{
	(void)arg;
	(void)path;
	(void)buf;
	(void)size;
	return -ENOENT;
}

static inline const struct policy *
compile(const char *text)
{
	static const char *const tunnels[] = { "tor", "vpn" };
	static const struct policy_world world = {
		.user = find_user,
		.group = find_user,
		.path = no_path,
		.tunnels = { tunnels, 2 },
	};
	struct faults *faults = faults_new();
	struct rules *rules = rules_new();
	const struct policy *policy;

	assert_int_equal(
	    rules_parse(rules, "t.rules", text, strlen(text), faults), 0);
	assert_int_equal(policy_compile(&policy, rules, &world, faults), 0);
	rules_free(rules);
	faults_free(faults);
	return policy;
}

static inline void
use_rules(const char *text)
{
	const struct policy *policy = compile(text);

	judge_set_policy(judge, policy, NULL, (mono_t){ 0 });
	policy_unref(policy);
}

/* The same with counts. */
static inline void
use_counted(const char *text, uint64_t now_s)
{
	const struct policy *policy = compile(text);
	struct hits *hits = hits_new(policy, judge_policy(judge));

	assert_non_null(hits);
	judge_set_policy(
	    judge, policy, hits, (mono_t){ (1000 + now_s) * MONO_S });
	policy_unref(policy);
}

static inline int
set_up(void **state)
{
	(void)state;
	memset(&stats, 0, sizeof(stats));
	judge = judge_new(100, &stats);
	curl = process_new(PROCESS_PROGRAM);
	curl->pid = 42;
	curl->exe_here = true;
	process_set(&curl->exe, "/usr/bin/curl", 13);
	use_rules("default out accept\ndefault in accept\n");
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	process_unref(curl);
	judge_free(judge);
	return 0;
}

static inline mono_t
at(uint64_t seconds)
{
	return (mono_t){ (1000 + seconds) * MONO_S };
}

static inline struct packet
tcp(bool in, uint32_t seq, uint8_t flags)
{
	struct packet pkt = { .in = in, .tcp_seq = seq, .tcp_flags = flags };

	pkt.tuple.proto = IPPROTO_TCP;
	pkt.tuple.has_ports = true;
	pkt.tuple.src = wire_addr(in ? THERE : HERE);
	pkt.tuple.dst = wire_addr(in ? HERE : THERE);
	pkt.tuple.sport = in ? 443 : 40000;
	pkt.tuple.dport = in ? 40000 : 443;
	pkt.has_uid = !in;
	return pkt;
}

static inline struct packet
udp(bool in, uint16_t lport, uint16_t rport)
{
	struct packet pkt = tcp(in, 0, 0);

	pkt.tuple.proto = IPPROTO_UDP;
	pkt.tuple.sport = in ? rport : lport;
	pkt.tuple.dport = in ? lport : rport;
	return pkt;
}

/* Goes through all steps, as the shell does; n_looked_up tells how far. */
static inline struct verdict
judged(const struct packet *pkt, struct socket_facts sock,
    const struct process *proc, uint64_t when, int *n_looked_up)
{
	struct verdict v;

	*n_looked_up = 0;
	if (judge_packet(judge, pkt, at(when), &v) == JUDGE_DECIDED)
		return v;
	*n_looked_up = 1;
	if (judge_socket(judge, pkt, &sock, at(when), &v) == JUDGE_DECIDED)
		return v;
	*n_looked_up = 2;
	judge_process(judge, pkt, &sock, proc, at(when), &v);
	return v;
}

static const struct socket_facts found = { .status = SOCKET_FOUND,
	.inode = 7000 };
static const struct socket_facts none = { .status = SOCKET_NONE };

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Reviews all; how many changed, the last one in *ret and *ret_flow. */

#endif
