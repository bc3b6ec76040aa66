#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/core/explain.h"
#include "src/core/policy.h"
#include "src/core/rules.h"
#include "tests/fake/lists.h"
#include "tests/fake/world.h"
#include "tests/unit/random.h"
#include "tests/unit/reference.h"

static struct rules *
parse(const char *text)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();

	if (rules_parse(rules, "t.rules", text, strlen(text), faults) != 0) {
		faults_print(faults, stderr);
		fail_msg("not parsed");
	}
	faults_free(faults);
	return rules;
}

static const struct policy *
compile(const struct rules *rules)
{
	const struct policy *policy = NULL;
	struct faults *faults = faults_new();
	struct policy_world world = fake_world;

	world.table = fake_lists_table();
	if (policy_compile(&policy, rules, &world, faults) != 0) {
		faults_print(faults, stderr);
		fail_msg("not compiled");
	}
	list_table_unref(world.table); /* the policy has one of its own */
	faults_free(faults);
	return policy;
}

struct row {
	const char *name, *rules, *subject;
	enum action action;
	enum reason reason;
	uint32_t rule;
};

#define ACCEPT ACTION_ACCEPT
#define BLOCK ACTION_BLOCK
#define DROP ACTION_DROP
#define CONTAINER                                                              \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct row rows[] = {
	{ "no rules: out", "", "to=192.0.2.7", ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "no rules: in", "", "in from=192.0.2.7", ACCEPT, REASON_DEFAULT_IN,
	    0 },
	{ "first match wins", "accept exe /a\nblock exe /a", "exe=/a", ACCEPT,
	    REASON_RULE, 1 },
	{ "a rule without matches", "drop", "exe=/a", DROP, REASON_RULE, 1 },
	{ "direction", "block in\ndrop out", "exe=/a", DROP, REASON_RULE, 2 },
	{ "defaults", "default out block\ndefault in drop", "exe=/a", BLOCK,
	    REASON_DEFAULT_OUT, 0 },
	{ "default in", "default out block\ndefault in drop",
	    "in from=10.0.0.1", DROP, REASON_DEFAULT_IN, 0 },
	{ "default unknown", "default out block\ndefault unknown drop", "",
	    DROP, REASON_DEFAULT_UNKNOWN, 0 },
	{ "default kernel", "default kernel drop", "process=kernel", DROP,
	    REASON_DEFAULT_KERNEL, 0 },
	{ "default unknown is not the kernel's", "default unknown drop",
	    "process=kernel", ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "the sender's yes holds", "default in block\ndefault unknown block",
	    "in from=127.0.0.1 to=127.0.0.1", ACCEPT, REASON_LOOPBACK, 0 },
	{ "a rule holds on loopback too", "block in from loopback",
	    "in from=127.0.0.1 to=127.0.0.1", BLOCK, REASON_RULE, 1 },
	/* unknown is never guessed */
	{ "exe of nobody", "block exe **", "", ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "not exe of nobody", "block not exe /a", "", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	{ "not user of the kernel", "block not user bob", "process=kernel",
	    ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "process unknown", "block process unknown", "", BLOCK, REASON_RULE,
	    1 },
	{ "process unknown of a user", "block process unknown user alice",
	    "process=unknown user=alice", BLOCK, REASON_RULE, 1 },
	{ "of another one", "block process unknown user alice",
	    "process=unknown user=bob", ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "a program of that user", "block process unknown user alice",
	    "exe=/a user=alice", ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "process unknown, group", "block not group wheel process unknown",
	    "process=unknown group=users", BLOCK, REASON_RULE, 1 },
	{ "not process unknown", "block not process unknown", "exe=/a", BLOCK,
	    REASON_RULE, 1 },
	{ "process self", "block process self\ndrop", "process=self", BLOCK,
	    REASON_RULE, 1 },
	/* paths */
	{ "a link names the file", "block exe /bin/ping", "exe=/usr/bin/ping",
	    BLOCK, REASON_RULE, 1 },
	{ "a folder that is a link", "block exe /bin/p*", "exe=/usr/bin/ping",
	    BLOCK, REASON_RULE, 1 },
	{ "a file that is not there yet", "block exe /bin/missing",
	    "exe=/usr/bin/missing", BLOCK, REASON_RULE, 1 },
	{ "a parent by a link", "block parent /bin/sh",
	    "exe=/a parent=/usr/bin/make parent=/usr/bin/sh", BLOCK,
	    REASON_RULE, 1 },
	{ "not one of its parents", "block not parent /bin/sh",
	    "exe=/a parent=/usr/bin/make parent=/usr/bin/sh", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	{ "quoted path", "block exe \"/o,p t/x\"", "exe=\"/o,p t/x\"", BLOCK,
	    REASON_RULE, 1 },
	{ "escaped star", "block exe /a\\*", "exe=/ab", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	/* who */
	{ "user by name", "block user alice", "user=1000", BLOCK, REASON_RULE,
	    1 },
	{ "group by number", "block group 10", "group=wheel", BLOCK,
	    REASON_RULE, 1 },
	{ "slice", "block unit user.slice",
	    "unit=/user.slice/user-1000.slice/x.scope", BLOCK, REASON_RULE, 1 },
	{ "unit", "block unit x.sc*", "unit=/user.slice/x.scope", BLOCK,
	    REASON_RULE, 1 },
	{ "all matches count", "block user alice exe /a", "user=1001 exe=/a",
	    ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "a user's own unit", "block unit postgresql.service",
	    "unit=/user.slice/user@1000.service/app.slice/postgresql.service",
	    ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "a user's own unit, by its whole name",
	    "block unit user@1000.service/app.slice/*",
	    "unit=/user.slice/user@1000.service/app.slice/postgresql.service",
	    BLOCK, REASON_RULE, 1 },
	{ "all of a user's manager", "block unit user@*.service",
	    "unit=/user.slice/user@1000.service/app.slice/a.scope", BLOCK,
	    REASON_RULE, 1 },
	{ "a slice of a user's own", "block unit system.slice",
	    "unit=/user.slice/user@1000.service/system.slice/a.service", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	{ "a unit in a container", "block unit a.service",
	    "unit=/machine.slice/machine-x.scope/payload/a.service", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	{ "a container that systemd made a scope for, by its number",
	    "block unit " CONTAINER,
	    "unit=/system.slice/docker-" CONTAINER ".scope", BLOCK, REASON_RULE,
	    1 },
	{ "a container by how its number begins", "block unit 0123456789ab",
	    "unit=/kubepods.slice/cri-containerd-" CONTAINER ".scope", BLOCK,
	    REASON_RULE, 1 },
	{ "what runs in a container", "block unit 0123456789ab",
	    "unit=/docker/" CONTAINER "/init.scope", BLOCK, REASON_RULE, 1 },
	{ "no less of it", "block unit 0123456789a",
	    "unit=/system.slice/docker-" CONTAINER ".scope", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	{ "who watches over a container", "block unit 0123456789ab*",
	    "unit=/machine.slice/libpod-conmon-" CONTAINER ".scope", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	{ "a number that a user has given", "block unit " CONTAINER,
	    "unit=/user.slice/user@1000.service/docker-" CONTAINER ".scope",
	    ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "a service's own group", "block unit a.service",
	    "unit=/system.slice/a.service/worker", BLOCK, REASON_RULE, 1 },
	/* where */
	{ "address and port", "block to 10.0.0.0/8 port 22, 80",
	    "to=10.9.8.7 port=80", BLOCK, REASON_RULE, 1 },
	{ "address, other port", "block to 10.0.0.0/8 port 22, 80",
	    "to=10.9.8.7 port=81", ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "not is of address and port", "block not to 10.0.0.0/8 port 22",
	    "to=10.9.8.7 port=23", BLOCK, REASON_RULE, 1 },
	{ "no ports in ICMP", "block to port 7", "proto=icmp to=10.0.0.1",
	    ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "mapped prefix", "block to ::ffff:10.0.0.0/104", "to=10.9.8.7", BLOCK,
	    REASON_RULE, 1 },
	{ "mapped address asked", "block to 10.0.0.0/8", "to=::ffff:10.9.8.7",
	    BLOCK, REASON_RULE, 1 },
	{ "where NAT64 leads", "block to 203.0.113.0/24",
	    "to=64:ff9b::cb00:7104", BLOCK, REASON_RULE, 1 },
	{ "where NAT64 of a network's own leads is not known",
	    "accept to 203.0.113.0/24\nblock", "to=64:ff9b:1:2::203.0.113.4",
	    BLOCK, REASON_RULE, 2 },
	{ "NAT64 to this host's range", "accept to 127.0.0.0/8\nblock",
	    "to=64:ff9b::127.0.0.1", BLOCK, REASON_RULE, 2 },
	{ "NAT64 leads elsewhere", "block to 203.0.113.0/24",
	    "to=64:ff9b::198.51.100.4", ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "no NAT64", "block to 203.0.113.0/24", "to=64:ff9c::203.0.113.4",
	    ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "NAT64 itself", "block to 64:ff9b::/96", "to=64:ff9b::203.0.113.4",
	    BLOCK, REASON_RULE, 1 },
	{ "not where NAT64 leads", "block not to 203.0.113.0/24",
	    "to=64:ff9b::203.0.113.4", ACCEPT, REASON_DEFAULT_OUT, 0 },
	{ "NAT64 into a network", "block to lan", "to=64:ff9b::10.0.0.1", BLOCK,
	    REASON_RULE, 1 },
	{ "NAT64 is not this host", "accept to loopback\nblock",
	    "to=64:ff9b::127.0.0.1", BLOCK, REASON_RULE, 2 },
	{ "NAT64 may lead here", "block to loopback", "to=64:ff9b::127.0.0.1",
	    BLOCK, REASON_RULE, 1 },
	{ "NAT64 must not lead into a network",
	    "accept to lan, 10.0.0.0/8\nblock", "to=64:ff9b::10.0.0.1", BLOCK,
	    REASON_RULE, 2 },
	{ "it is not certain that it does not", "accept not to lan\nblock",
	    "to=64:ff9b::10.0.0.1", BLOCK, REASON_RULE, 2 },
	{ "nor is it of the internet", "accept to internet\nblock",
	    "to=64:ff9b::10.0.0.1", BLOCK, REASON_RULE, 2 },
	{ "what else it may be", "block to internet", "to=64:ff9b::10.0.0.1",
	    BLOCK, REASON_RULE, 1 },
	{ "as an address it is itself", "accept to 64:ff9b::/96\nblock",
	    "to=64:ff9b::10.0.0.1", ACCEPT, REASON_RULE, 1 },
	{ "and anywhere", "accept to any\nblock", "to=64:ff9b::10.0.0.1",
	    ACCEPT, REASON_RULE, 1 },
	{ "nor does a list accept it, which is of networks",
	    "accept list ads\nblock", "to=64:ff9b::10.0.0.1", BLOCK,
	    REASON_RULE, 2 },
	{ "and one denies it", "block list ads", "to=64:ff9b::10.0.0.1", BLOCK,
	    REASON_RULE, 1 },
	{ "NAT64 to the internet", "accept to internet\nblock",
	    "to=64:ff9b::203.0.113.4", ACCEPT, REASON_RULE, 1 },
	{ "other family", "block to 0.0.0.0/0", "to=2001:db8::1", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	{ "own address, in", "block to self", "in from=10.0.0.1 to=10.0.0.2",
	    BLOCK, REASON_RULE, 1 },
	{ "own address, in, group", "block to self", "in to=224.0.0.1", ACCEPT,
	    REASON_DEFAULT_IN, 0 },
	{ "own address, out", "block from self", "to=10.0.0.1", BLOCK,
	    REASON_RULE, 1 },
	{ "not own, out", "block to self", "to=10.0.0.1", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	{ "internet", "block to internet", "to=192.168.1.1", ACCEPT,
	    REASON_DEFAULT_OUT, 0 },
	{ "define", "define L = lan, 192.0.2.0/24\nblock to $L, ::1",
	    "to=192.0.2.1", BLOCK, REASON_RULE, 1 },
	{ "protocol by number", "block proto 58", "proto=icmp6", BLOCK,
	    REASON_RULE, 1 },
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		const struct row *row = &rows[i];
		struct rules *rules = parse(row->rules);
		const struct policy *policy = compile(rules);
		struct source src = explain_source(row->subject);
		struct faults *faults = faults_new();
		struct explain e;
		struct decision d;

		rules_free(rules); /* the policy borrows nothing */
		if (explain_parse(&e, &src, &fake_world, faults) != 0) {
			faults_print(faults, stderr);
			fail_msg("%s", row->name);
		}
		d = policy_decide(policy, &e.subject);
		if (d.action != row->action || d.reason != row->reason ||
		    d.rule != row->rule)
			fail_msg("%s: %s by %s, rule %u", row->name,
			    action_name(d.action), reason_name(d.reason),
			    d.rule);
		explain_done(&e);
		faults_free(faults);
		policy_unref(policy);
	}
}

static int
no_account(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	(void)name;
	(void)ret;
	return -ENOENT;
}

static const struct {
	const char *rules;
	/* what alice and another user get while there is no alice,
	 * while there is, and when she is gone */
	const char *missing, *there, *gone;
} comings[] = {
	{ "block user alice", "aa", "ba", "ba" },
	{ "block not user alice", "bb", "ab", "bb" },
	{ "accept user alice\nblock", "bb", "ab", "bb" },
	{ "accept not user alice\nblock", "bb", "ba", "ba" },
	{ "accept user alice, 7\nblock", "ba", "aa", "ba" },
	{ "accept not user alice, 8\nblock", "bb", "ba", "ba" },
	{ "reroute via tor user alice", "aa", "ra", "ra" },
	{ "reroute via tor not user alice", "rr", "ar", "rr" },
	{ "block group wheel", "aa", "ba", "ba" },
	{ "accept group wheel user alice\nblock", "bb", "ab", "bb" },
};

/* Whoever is not there opens nothing: neither the name that nobody has, nor the
 * number that alice (1000) had before. */
static void
test_users_come_and_go(void **state)
{
	struct policy_world empty = fake_world;
	const char letters[] = { [ACTION_ACCEPT] = 'a',
		[ACTION_BLOCK] = 'b',
		[ACTION_DROP] = 'd',
		[ACTION_REROUTE] = 'r' };

	(void)state;
	empty.user = empty.group = no_account;
	for (size_t i = 0; i < N_ROWS(comings); i++) {
		const char *want[] = { comings[i].missing, comings[i].there,
			comings[i].gone, comings[i].gone };
		struct rules *rules = parse(comings[i].rules);
		struct faults *faults = faults_new();
		const struct policy *before = NULL, *policy = NULL;

		/* gone twice: what is known is known at the next reload, too */
		for (size_t n = 0; n < N_ROWS(want); n++) {
			struct policy_world world = n == 1 ? fake_world : empty;
			char got[3] = "";

			world.before = before;
			assert_int_equal(
			    policy_compile(&policy, rules, &world, faults), 0);
			for (unsigned int who = 0; who < 2; who++) {
				struct process *p =
				    process_new(PROCESS_PROGRAM);
				struct subject s = { .process = p };

				p->uid = who == 0 ? 1000 : 7;
				p->gid = who == 0 ? 10 : 7;
				got[who] =
				    letters[policy_decide(policy, &s).action];
				process_unref(p);
			}
			if (strcmp(got, want[n]) != 0)
				fail_msg(
				    "%s, %zu: %s", comings[i].rules, n, got);
			policy_unref(before);
			before = policy;
		}
		policy_unref(before);
		faults_free(faults);
		rules_free(rules);
	}
}

/* Who gives a rule just now is told of a slip at once. */
static void
test_a_given_rule_names_who_is_there(void **state)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	struct policy_world world = fake_world;

	(void)state;
	assert_int_equal(
	    rules_parse_line(rules, "cl", 4, "block user eve", faults), 0);
	world.given = 5;
	assert_int_equal(policy_compile(&policy, rules, &world, faults), 0);
	policy_unref(policy);
	world.given = 4;
	assert_int_equal(
	    policy_compile(&policy, rules, &world, faults), -EINVAL);
	assert_non_null(strstr(faults_get(faults, 0)->what, "no user 'eve'"));
	faults_free(faults);
	rules_free(rules);
}

static void
test_exe_elsewhere_is_never_that_file(void **state)
{
	struct rules *rules =
	    parse("block exe /usr/bin/ssh\ndrop not exe /usr/bin/ssh");
	const struct policy *policy = compile(rules);
	struct process *p = process_new(PROCESS_PROGRAM);
	struct subject s = { .process = p };

	(void)state;
	random_set(&p->exe, "/usr/bin/ssh");
	p->exe_here = false;
	assert_int_equal(policy_decide(policy, &s).rule, 2);
	p->exe_here = true;
	assert_int_equal(policy_decide(policy, &s).rule, 1);
	process_unref(p);
	policy_unref(policy);
	rules_free(rules);
}

/* An upgrade replaces the file of a program that runs. */
static void
test_a_deleted_exe_is_denied_and_never_accepted(void **state)
{
	static const struct {
		const char *rules, *exe;
		enum action action;
		uint32_t rule;
	} cases[] = {
		{ "block exe /usr/bin/ssh", "/usr/bin/ssh (deleted)",
		    ACTION_BLOCK, 1 },
		{ "drop exe /usr/bin/*", "/usr/bin/ssh (deleted)", ACTION_DROP,
		    1 },
		{ "block exe /usr/bin/ssh", "/usr/bin/sshd (deleted)",
		    ACTION_ACCEPT, 0 },
		{ "accept exe /usr/bin/ssh\nblock", "/usr/bin/ssh (deleted)",
		    ACTION_BLOCK, 2 },
		{ "accept not exe /usr/bin/ssh\nblock",
		    "/usr/bin/ssh (deleted)", ACTION_BLOCK, 2 },
		{ "block not exe /usr/bin/ssh", "/usr/bin/ssh (deleted)",
		    ACTION_BLOCK, 1 },
		{ "accept not exe /usr/bin/ssh\nblock", "/usr/bin/ssh",
		    ACTION_ACCEPT, 1 },
		{ "block exe /memfd:x", "/memfd:x (deleted)", ACTION_BLOCK, 1 },
		{ "block parent /usr/bin/ssh", "/bin/a", ACTION_BLOCK, 1 },
		{ "accept parent /usr/bin/ssh\ndrop", "/bin/a", ACTION_DROP,
		    2 },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(cases); i++) {
		struct rules *rules = parse(cases[i].rules);
		const struct policy *policy = compile(rules);
		struct process *p = process_new(PROCESS_PROGRAM);
		struct subject s = { .process = p };
		struct decision d;

		random_set(&p->exe, cases[i].exe);
		(void)process_add_parent(p, 2, "/usr/bin/ssh (deleted)", false);
		d = policy_decide(policy, &s);
		row_true(cases[i].rules, d.action == cases[i].action);
		row_true(cases[i].rules, d.rule == cases[i].rule);
		process_unref(p);
		policy_unref(policy);
		rules_free(rules);
	}
}

static void
test_identifier_of_icmp_is_no_port(void **state)
{
	struct rules *rules = parse("block to port 7");
	const struct policy *policy = compile(rules);
	struct process *p = process_new(PROCESS_PROGRAM);
	struct subject s = { .process = p,
		.proto = 1,
		.has_ports = true,
		.sport = 7,
		.dport = 7 };

	(void)state;
	assert_int_equal(policy_decide(policy, &s).rule, 0);
	s.proto = 17;
	assert_int_equal(policy_decide(policy, &s).rule, 1);
	process_unref(p);
	policy_unref(policy);
	rules_free(rules);
}

static void
assert_same(const struct rules *rules, const struct policy *policy,
    unsigned int *seed, size_t *matched)
{
	struct process *p;
	struct subject s = random_subject(seed, &p);
	uint32_t want = reference_rule(rules, &s);
	struct decision d = policy_decide(policy, &s);

	if (d.rule != want)
		fail_msg("rule %u and not %u: '%s'", d.rule, want,
		    rules->rules[(want > 0 ? want : d.rule) - 1].text);
	if (want > 0) {
		(*matched)++;
		assert_int_equal(
		    d.action, reference_accepts(&rules->rules[want - 1], &s)
				  ? ACTION_ACCEPT
				  : rules->rules[want - 1].action);
		assert_int_equal(d.once, rules->rules[want - 1].once);
	}
	process_unref(p);
}

static void
test_index_finds_what_a_walk_finds(void **state)
{
	unsigned int seed = 7;
	size_t matched = 0;

	(void)state;
	for (size_t round = 0; round < 400; round++) {
		char *text = random_rules(&seed, 1 + round % 40);
		struct rules *rules = parse(text);
		const struct policy *policy = compile(rules);

		for (size_t i = 0; i < 100; i++)
			assert_same(rules, policy, &seed, &matched);
		policy_unref(policy);
		rules_free(rules);
		free(text);
	}
	assert_true(matched > 10000 && matched < 39000);
}

static bool
is_denied(const struct policy *policy, const struct subject *s)
{
	struct decision d = policy_decide(policy, s);

	return d.rule != 0 &&
	       (d.action == ACTION_BLOCK || d.action == ACTION_DROP);
}

/* Whether an address denies what the query alone does not. */
static bool
addr_denies(const struct policy *policy, struct subject s)
{
	if (!is_denied(policy, &s))
		return false;
	s.dst = (struct addr){ 0 };
	return !is_denied(policy, &s);
}

static void
test_who_is_denied_by_addresses_is_known(void **state)
{
	unsigned int seed = 11;
	size_t denied = 0, spared = 0;

	(void)state;
	for (size_t round = 0; round < 600; round++) {
		char *text = random_rules(&seed, 1 + round % 12);
		struct rules *rules = parse(text);
		const struct policy *policy = compile(rules);

		for (size_t i = 0; i < 100; i++) {
			struct process *p;
			struct subject s = random_subject(&seed, &p);

			if (!policy_judges_addresses(policy, p)) {
				assert_false(s.query && addr_denies(policy, s));
				spared++;
			} else if (s.query && addr_denies(policy, s)) {
				denied++;
			}
			process_unref(p);
		}
		policy_unref(policy);
		rules_free(rules);
		free(text);
	}
	assert_true(denied > 100 && spared > 10000);
}

static void
test_rules_are_known_by_place(void **state)
{
	struct rules *rules = parse("# x\n\naccept  out \\\n\texe /a \\\n"
				    "  label \"a  b\" # why\nblock");
	const struct policy *policy = compile(rules);
	const struct policy_rule *rule = policy_rule_get(policy, 1);

	(void)state;
	assert_int_equal(policy_n_rules(policy), 2);
	assert_string_equal(rule->file, "t.rules");
	assert_int_equal(rule->line, 3);
	assert_string_equal(rule->text, "accept out exe /a label \"a  b\"");
	assert_string_equal(rule->label, "a  b");
	assert_int_equal(policy_rule_get(policy, 2)->line, 6);
	assert_null(policy_rule_get(policy, 2)->label);
	assert_null(policy_rule_get(policy, 0));
	assert_null(policy_rule_get(policy, 3));
	policy_unref(policy);
	rules_free(rules);
}

static void
test_generations_grow_and_references_hold(void **state)
{
	struct rules *rules = parse("accept");
	const struct policy *a = compile(rules), *b = compile(rules);

	(void)state;
	assert_true(policy_generation(b) > policy_generation(a));
	assert_ptr_equal(policy_ref(a), a);
	policy_unref(a);
	assert_int_equal(policy_n_rules(a), 1);
	policy_unref(a);
	policy_unref(b);
	policy_unref(NULL);
	rules_free(rules);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_users_come_and_go),
		cmocka_unit_test(test_a_given_rule_names_who_is_there),
		cmocka_unit_test(test_exe_elsewhere_is_never_that_file),
		cmocka_unit_test(
		    test_a_deleted_exe_is_denied_and_never_accepted),
		cmocka_unit_test(test_identifier_of_icmp_is_no_port),
		cmocka_unit_test(test_index_finds_what_a_walk_finds),
		cmocka_unit_test(test_rules_are_known_by_place),
		cmocka_unit_test(test_who_is_denied_by_addresses_is_known),
		cmocka_unit_test(test_generations_grow_and_references_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
