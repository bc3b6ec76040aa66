#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/process.h"
#include "src/core/rule.h"
#include "src/core/subject.h"

/* Random rules and subjects that often have to do with one another: both are
 * drawn from the same few words. */

static const char *const random_exes[] = { "/usr/bin/curl", "/usr/bin/ssh",
	"/usr/sbin/sshd", "/usr/lib/firefox/firefox", "/opt/a b/run",
	"/usr/bin/python3.11", "/home/alice/bin/curl", "/srv/x" };
static const char *const random_globs[] = { "/usr/bin/curl", "/bin/ssh",
	"/usr/bin/*", "/bin/*", "/sbin/sshd", "/usr/lib/firefox/**", "**/curl",
	"*/run", "\"/opt/a b/run\"", "/usr/bin/python?.*", "/home/**", "/**",
	"/usr/bin/missing", "**" };
static const char *const random_units[] = { "ssh.service", "user.slice",
	"user-1000.slice", "app-firefox.scope", "php8.2-fpm.service" };
static const char *const random_unit_globs[] = { "ssh.service", "user.slice",
	"user-*.slice", "*.scope", "php*-fpm.service", "app-*", "x" };
static const char *const random_addrs4[] = { "10.0.0.1", "10.1.2.3",
	"192.168.1.1", "127.0.0.1", "192.0.2.7", "198.51.100.9", "224.0.0.251",
	"255.255.255.255", "0.0.0.0" };
static const char *const random_addrs6[] = { "::1", "fe80::1", "fd00::7",
	"2001:db8::1", "2001:db8:1::9", "ff02::fb", "::" };
static const char *const random_sets[] = { "10.0.0.0/8", "10.0.0.1",
	"192.168.0.0/16", "10.0.0.0-10.1.2.2", "any", "lan", "internet",
	"loopback", "multicast", "broadcast", "self", "fe80::/10",
	"2001:db8::/32", "2001:db8::1", "::/0", "0.0.0.0/0", "192.0.2.0/25",
	"::ffff:192.0.2.0/120", "2001:db8::-2001:db8:1::", "198.51.100.9" };
static const char *const random_ports[] = { "22", "53", "80", "443", "8080",
	"1-1023", "20-25", "0-65535" };
static const uint16_t random_port_numbers[] = { 22, 53, 80, 443, 8080, 5353, 21,
	65535 };
static const char *const random_protos[] = { "tcp", "udp", "icmp", "47",
	"sctp" };
static const uint8_t random_proto_numbers[] = { IPPROTO_TCP, IPPROTO_UDP,
	IPPROTO_ICMP, 47, IPPROTO_SCTP, IPPROTO_ICMPV6 };
static const char *const random_users[] = { "alice", "bob", "0", "33" };
static const uint32_t random_uids[] = { 1000, 1001, 0, 33, 7 };
static const char *const random_groups[] = { "wheel", "users", "0" };
static const uint32_t random_gids[] = { 10, 100, 0, 33 };
static const char *const random_comms[] = { "curl", "ssh", "sshd", "run" };
static const char *const random_cmds[] = { "curl http://x/", "ssh -v host",
	"/usr/sbin/sshd -D", "" };
static const char *const random_cmd_globs[] = { "curl*", "\"ssh *\"", "**D",
	"*" };
static const char *const random_names[] = { "example.com", "www.example.com",
	"a.b.example.com", "example.org", "com", "xexample.com",
	"ads.example.net" };
static const char *const random_domains[] = { "example.com", "*.example.com",
	".example.com", "www.example.com", "*.com", ".org", ".b.example.com",
	"ads.example.net", "*.example.net" };
static const char *const random_qtypes[] = { "A", "AAAA", "HTTPS", "TYPE65" };
static const uint16_t random_qtype_numbers[] = { 1, 28, 65, 15 };
static const char *const random_processes[] = { "unknown", "kernel", "self" };

#define RANDOM_OF(seed, table)                                                 \
	((table)[random_below((seed), sizeof(table) / sizeof((table)[0]))])

static inline size_t
random_below(unsigned int *seed, size_t n)
{
	return (size_t)rand_r(seed) % n;
}

/* " WORD V, V": one to three of the values. */
static inline void
random_list(FILE *f, unsigned int *seed, const char *word,
    const char *const *values, size_t n)
{
	size_t more = random_below(seed, 4) == 0 ? random_below(seed, 3) : 0;

	(void)fprintf(f, " %s %s", word, values[random_below(seed, n)]);
	while (more-- > 0)
		(void)fprintf(f, ", %s", values[random_below(seed, n)]);
}

#define RANDOM_LIST(f, seed, word, table)                                      \
	random_list(f, seed, word, table, sizeof(table) / sizeof((table)[0]))

static inline void
random_ends(FILE *f, unsigned int *seed, const char *word, bool ports)
{
	size_t kind = ports ? random_below(seed, 3) : 0;

	if (kind != 1)
		RANDOM_LIST(f, seed, word, random_sets);
	else
		(void)fprintf(f, " %s", word);
	if (kind != 0)
		RANDOM_LIST(f, seed, "port", random_ports);
}

static inline void
random_match(FILE *f, unsigned int *seed, size_t field, bool ports)
{
	if (random_below(seed, 6) == 0)
		(void)fputs(" not", f);
	switch ((enum rule_field)field) {
	case FIELD_PROTO:
		(void)fprintf(f, " proto %s",
		    ports ? "tcp, udp" : RANDOM_OF(seed, random_protos));
		return;
	case FIELD_FROM:
		random_ends(f, seed, "from", ports);
		return;
	case FIELD_TO:
		random_ends(f, seed, "to", ports);
		return;
	case FIELD_EXE:
		RANDOM_LIST(f, seed, "exe", random_globs);
		return;
	case FIELD_SCRIPT:
		RANDOM_LIST(f, seed, "script", random_globs);
		return;
	case FIELD_CMD:
		RANDOM_LIST(f, seed, "cmd", random_cmd_globs);
		return;
	case FIELD_COMM:
		RANDOM_LIST(f, seed, "comm", random_comms);
		return;
	case FIELD_USER:
		RANDOM_LIST(f, seed, "user", random_users);
		return;
	case FIELD_GROUP:
		RANDOM_LIST(f, seed, "group", random_groups);
		return;
	case FIELD_UNIT:
		RANDOM_LIST(f, seed, "unit", random_unit_globs);
		return;
	case FIELD_PARENT:
		RANDOM_LIST(f, seed, "parent", random_globs);
		return;
	case FIELD_PROCESS: /* beside the others: see check_process() */
		RANDOM_LIST(f, seed, "process self,", random_processes);
		return;
	case FIELD_DOMAIN:
		RANDOM_LIST(f, seed, "domain", random_domains);
		return;
	case FIELD_QTYPE:
		RANDOM_LIST(f, seed, "qtype", random_qtypes);
		return;
	case FIELD_LIST:
		(void)fputs(" list ads", f);
		return;
	}
	abort();
}

static inline void
random_rule(FILE *f, unsigned int *seed)
{
	static const char *const heads[] = { "accept", "block out", "drop in",
		"block once", "accept out", "block", "reroute via tor",
		"reroute via vpn" };
	const char *head = RANDOM_OF(seed, heads);
	bool ports = random_below(seed, 2) == 0, done[RULE_N_FIELDS] = { 0 };
	size_t n = 1 + random_below(seed, 3), field;

	(void)fputs(head, f);
	while (n-- > 0) {
		field = random_below(seed, RULE_N_FIELDS);
		if (done[field] ||
		    (field == FIELD_QTYPE && strcmp(head, "drop in") == 0))
			continue;
		done[field] = true;
		random_match(f, seed, field, ports);
	}
	(void)fputc('\n', f);
}

static inline struct addr
random_addr(unsigned int *seed, bool ip6)
{
	const char *s = ip6 ? RANDOM_OF(seed, random_addrs6)
			    : RANDOM_OF(seed, random_addrs4);
	struct addr a = { 0 };

	(void)addr_parse(&a, s, strlen(s));
	return a;
}

static inline void
random_set(char **field, const char *s)
{
	if (process_set(field, s, strlen(s)) < 0)
		abort();
}

static inline struct process *
random_process(unsigned int *seed)
{
	static const enum process_kind kinds[] = { PROCESS_PROGRAM,
		PROCESS_PROGRAM, PROCESS_PROGRAM, PROCESS_PROGRAM,
		PROCESS_KERNEL, PROCESS_UNKNOWN };
	struct process *p = process_new(RANDOM_OF(seed, kinds));
	char cgroup[200];

	if (p == NULL)
		abort();
	p->self = p->kind == PROCESS_PROGRAM && random_below(seed, 9) == 0;
	p->exe_here = random_below(seed, 5) > 0;
	p->uid = RANDOM_OF(seed, random_uids);
	p->gid = RANDOM_OF(seed, random_gids);
	random_set(&p->exe, RANDOM_OF(seed, random_exes));
	if (random_below(seed, 2) == 0)
		random_set(&p->script, RANDOM_OF(seed, random_exes));
	random_set(&p->cmd, RANDOM_OF(seed, random_cmds));
	random_set(&p->comm, RANDOM_OF(seed, random_comms));
	random_set(&p->unit,
	    random_below(seed, 4) > 0 ? RANDOM_OF(seed, random_units) : "");
	(void)snprintf(cgroup, sizeof(cgroup), "/%s/%s",
	    RANDOM_OF(seed, random_units), p->unit);
	random_set(&p->cgroup, cgroup);
	for (size_t n = random_below(seed, 4); n > 0; n--) {
		const char *exe = RANDOM_OF(seed, random_exes);

		(void)process_add_parent(p, 0, exe, random_below(seed, 4) != 0);
	}
	return p;
}

/* Up to three names; the pointers live on. */
static inline void
random_subject_names(struct subject *s, unsigned int *seed)
{
	static struct name
	    names[sizeof(random_names) / sizeof(random_names[0])];
	static const struct name *lists[64][3];
	static size_t next;
	const struct name **list = lists[next++ % 64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		names[i] = name_of(random_names[i]);
	s->n_names = (uint8_t)(s->query ? 1 : random_below(seed, 4));
	for (size_t i = 0; i < s->n_names; i++)
		list[i] = &RANDOM_OF(seed, names);
	s->names = list;
}

/* The process is the caller's to give back, and the names hold for 64
 * subjects. */
static inline struct subject
random_subject(unsigned int *seed, struct process **ret_process)
{
	bool ip6 = random_below(seed, 3) == 0;
	struct subject s = {
		.in = random_below(seed, 3) == 0,
		.loopback = random_below(seed, 4) == 0,
		.proto = RANDOM_OF(seed, random_proto_numbers),
		.src = random_addr(seed, ip6),
		.dst = random_addr(seed, ip6),
		.sport = RANDOM_OF(seed, random_port_numbers),
		.dport = RANDOM_OF(seed, random_port_numbers),
	};

	/* ICMP queries have an identifier where others have ports */
	s.has_ports = rule_proto_has_ports(s.proto) || s.proto == IPPROTO_ICMP;
	s.query = random_below(seed, 3) == 0;
	if (s.query) {
		if (random_below(seed, 2) == 0)
			s.src = (struct addr){ 0 };
		s.in = s.loopback = false;
		s.proto = 0;
		s.qtype = RANDOM_OF(seed, random_qtype_numbers);
		if (random_below(seed, 2) == 0)
			s.dst = (struct addr){ 0 };
	}
	random_subject_names(&s, seed);
	*ret_process = random_process(seed);
	s.process = *ret_process;
	return s;
}

static inline char *
random_rules(unsigned int *seed, size_t n)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	while (n-- > 0)
		random_rule(f, seed);
	(void)fclose(f);
	return text;
}

#endif
