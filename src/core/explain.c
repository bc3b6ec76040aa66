#include "src/core/explain.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/num.h"
#include "src/core/lex.h"
#include "src/core/procline.h"
#include "src/core/qtype.h"
#include "src/core/text.h"
#include "src/core/value.h"

/* Words of a question: X(enum suffix, word). */
#define EXPLAIN_KEYS(X)                                                        \
	X(IN, "in")                                                            \
	X(OUT, "out")                                                          \
	X(PROTO, "proto")                                                      \
	X(FROM, "from")                                                        \
	X(TO, "to")                                                            \
	X(SPORT, "sport")                                                      \
	X(PORT, "port")                                                        \
	X(DOMAIN, "domain")                                                    \
	X(QUERY, "query")                                                      \
	X(QTYPE, "qtype")                                                      \
	X(PROCESS, "process")                                                  \
	X(EXE, "exe")                                                          \
	X(SCRIPT, "script")                                                    \
	X(CMD, "cmd")                                                          \
	X(COMM, "comm")                                                        \
	X(USER, "user")                                                        \
	X(GROUP, "group")                                                      \
	X(UNIT, "unit")                                                        \
	X(PARENT, "parent")

enum explain_key {
#define X(suffix, word) EXPLAIN_##suffix,
	EXPLAIN_KEYS(X)
#undef X
};
#define N_KEYS (EXPLAIN_PARENT + 1)

static const char *const key_words[] = {
#define X(suffix, word) word,
	EXPLAIN_KEYS(X)
#undef X
};

struct explain_names {
	struct name v[SUBJECT_NAMES_MAX];
	const struct name *at[SUBJECT_NAMES_MAX]; /* of v, in order */
};

/* A question being read. */
struct reader {
	struct lex lex;
	const struct source *src;
	const struct policy_world *world;
	struct faults *faults;
	struct subject *subject;
	struct process *proc;
	struct explain_names *names;
	bool seen[N_KEYS];
	enum explain_key key; /* being read, */
	struct token value;   /* and its value */
	char *text;	      /* what it means, for value_len bytes */
	size_t len;
	int error; /* -ENOMEM sticks */
};

static void
fault(struct reader *r, const struct token *at, const char *what,
    const char *expected, const char *nearest)
{
	faults_add(r->faults, r->src, at->off, at->len,
	    &(struct fault_text){ what, expected, nearest });
}

static void
fault_word(struct reader *r, const struct token *at, const char *what,
    const char *expected, const char *nearest)
{
	char word[WORD_QUOTE_SIZE], text[WORD_QUOTE_SIZE + 64];

	(void)snprintf(text, sizeof(text), "%s %s", what,
	    word_quote(r->src->text + at->off, at->len, word)); /* fits */
	fault(r, at, text, expected, nearest);
}

static void
bad_word(struct reader *r, const char *expected, const char *nearest)
{
	char what[64];

	(void)snprintf(
	    what, sizeof(what), "%s: not good:", key_words[r->key]); /* fits */
	fault_word(r, &r->value, what, expected, nearest);
}

static void
bad_value(struct reader *r, const char *expected)
{
	bad_word(r, expected, NULL);
}

static void
read_direction(struct reader *r, const struct token *at, bool in)
{
	if (r->seen[in ? EXPLAIN_OUT : EXPLAIN_IN])
		fault_word(r, at, "a second direction:", "in or out", NULL);
	r->subject->in = in;
}

static void
read_addr(struct reader *r, struct addr *ret)
{
	struct addr a;

	if (addr_parse(&a, r->text, r->len) < 0)
		bad_value(r, "an address");
	else
		*ret = addr_unmap(&a);
}

static void
read_port(struct reader *r, uint16_t *ret)
{
	uint64_t port;

	if (num_parse(&port, r->text, r->len, UINT16_MAX) < 0)
		bad_value(r, "a number from 0 to 65535");
	else
		*ret = (uint16_t)port;
}

static void
read_id(struct reader *r, uint32_t *ret,
    int (*ask)(void *, const char *, uint32_t *), const char *expected)
{
	uint64_t n;

	if (num_parse(&n, r->text, r->len, UINT32_MAX - 1) == 0)
		*ret = (uint32_t)n;
	else if (ask(r->world->arg, r->text, ret) < 0)
		bad_value(r, expected);
}

static void
set(struct reader *r, char **field, const char *s, size_t len)
{
	if (process_set(field, s, len) < 0)
		r->error = -ENOMEM;
}

static void
read_path(struct reader *r, char **field)
{
	char path[PATH_MAX], real[PATH_MAX];

	if (r->len == 0 || r->text[0] != '/')
		bad_value(r, "an absolute path");
	else if (r->len < sizeof(path)) {
		memcpy(path, r->text, r->len);
		path[r->len] = '\0';
		/* as the kernel names it, where it is there */
		if (r->world->path(r->world->arg, path, real, sizeof(real)) < 0)
			(void)strcpy(real, path); /* as large */
		set(r, field, real, strlen(real));
	} else {
		bad_value(r, "a path");
	}
}

static void
read_parent(struct reader *r)
{
	struct process_parent *parent;

	if (r->proc->n_parents == PROCESS_PARENTS_MAX) {
		fault(r, &r->value, "too many parents", "at most 16", NULL);
		return;
	}
	parent = process_add_parent(r->proc);
	if (parent == NULL) {
		r->error = -ENOMEM;
		return;
	}
	parent->exe_here = true;
	read_path(r, &parent->exe);
}

/* A unit, or a whole cgroup path. */
static void
read_unit(struct reader *r)
{
	struct procline_str text = { r->text, r->len };
	struct procline_str unit =
	    r->len > 0 && r->text[0] == '/' ? procline_unit(text) : text;

	if (r->len == 0) {
		bad_value(r, "a unit or cgroup path");
		return;
	}
	set(r, &r->proc->unit, unit.p, unit.len);
	set(r, &r->proc->cgroup, r->text, r->len);
}

static void
read_process(struct reader *r)
{
	struct rule_value v;
	struct value_fault f;

	if (value_parse(&v, VALUE_PROCESS, r->text, r->len, &f) < 0) {
		fault(r, &r->value, f.what, f.expected, f.nearest);
		return;
	}
	r->proc->self = v.bits == RULE_PROCESS_SELF;
	r->proc->kind = v.bits == RULE_PROCESS_UNKNOWN	? PROCESS_UNKNOWN
			: v.bits == RULE_PROCESS_KERNEL ? PROCESS_KERNEL
							: PROCESS_PROGRAM;
}

static void
read_proto(struct reader *r)
{
	struct rule_value v;
	struct value_fault f;

	if (value_parse(&v, VALUE_PROTO, r->text, r->len, &f) < 0)
		fault(r, &r->value, f.what, f.expected, f.nearest);
	else
		r->subject->proto = v.proto;
}

static void
read_domain(struct reader *r)
{
	uint8_t n = r->subject->n_names;

	if (n == SUBJECT_NAMES_MAX) {
		fault(r, &r->value, "too many names", "at most 64", NULL);
		return;
	}
	if (name_parse(&r->names->v[n], r->text, r->len) < 0) {
		bad_value(r, "a name, as example.com");
		return;
	}
	r->names->at[n] = &r->names->v[n];
	r->subject->n_names++;
}

static void
read_qtype(struct reader *r)
{
	if (qtype_parse(&r->subject->qtype, r->text, r->len) < 0)
		bad_word(r,
		    "a type of DNS record (A, AAAA, HTTPS, TYPE65, ...)",
		    qtype_nearest(r->text, r->len));
}

static void
read_value(struct reader *r, enum explain_key key)
{
	switch (key) {
	case EXPLAIN_IN:
	case EXPLAIN_OUT:
		return;
	case EXPLAIN_QUERY:
	case EXPLAIN_DOMAIN:
		read_domain(r);
		return;
	case EXPLAIN_QTYPE:
		read_qtype(r);
		return;
	case EXPLAIN_PROTO:
		read_proto(r);
		return;
	case EXPLAIN_FROM:
		read_addr(r, &r->subject->src);
		return;
	case EXPLAIN_TO:
		read_addr(r, &r->subject->dst);
		return;
	case EXPLAIN_SPORT:
		read_port(r, &r->subject->sport);
		return;
	case EXPLAIN_PORT:
		read_port(r, &r->subject->dport);
		return;
	case EXPLAIN_PROCESS:
		read_process(r);
		return;
	case EXPLAIN_EXE:
		r->proc->exe_here = true;
		read_path(r, &r->proc->exe);
		return;
	case EXPLAIN_SCRIPT:
		read_path(r, &r->proc->script);
		return;
	case EXPLAIN_CMD:
		set(r, &r->proc->cmd, r->text, r->len);
		return;
	case EXPLAIN_COMM:
		set(r, &r->proc->comm, r->text, r->len);
		return;
	case EXPLAIN_USER:
		read_id(r, &r->proc->uid, r->world->user, "a user or number");
		set(r, &r->proc->user, r->text, r->len);
		return;
	case EXPLAIN_GROUP:
		read_id(r, &r->proc->gid, r->world->group, "a group or number");
		return;
	case EXPLAIN_UNIT:
		read_unit(r);
		return;
	case EXPLAIN_PARENT:
		read_parent(r);
		return;
	}
	abort();
}

static bool
is_name(enum explain_key key)
{
	return key == EXPLAIN_DOMAIN || key == EXPLAIN_QUERY;
}

/* `=VALUE` after the key. */
static void
read_pair(struct reader *r, enum explain_key key, const struct token *word)
{
	struct token t = lex_next(&r->lex);

	if (t.kind != TOKEN_STOP) {
		if (t.kind != TOKEN_BAD)
			fault_word(r, word, "no '=' after", "KEY=VALUE", NULL);
		return;
	}
	r->lex.stops = "";
	r->value = lex_next(&r->lex);
	r->lex.stops = "=";
	if (r->value.kind == TOKEN_BAD)
		return;
	if (r->value.kind == TOKEN_END) {
		fault_word(r, word, "no value for", "KEY=VALUE", NULL);
		return;
	}
	r->text = malloc(r->value.len + 1);
	if (r->text == NULL) {
		r->error = -ENOMEM;
		return;
	}
	r->len = token_text(r->src, &r->value,
	    is_name(key) ? ESCAPES_NAME : ESCAPES_NONE, r->text);
	r->key = key;
	read_value(r, key);
	free(r->text);
	r->text = NULL;
}

static void
read_word(struct reader *r, const struct token *t)
{
	const char *s = r->src->text + t->off;
	size_t key = 0;

	while (key < N_KEYS && !token_is(r->src, t, key_words[key]))
		key++;
	if (key == N_KEYS) {
		struct token next = lex_peek(&r->lex);

		fault_word(r, t, "unknown word",
		    "in, out, proto, from, to, sport, port, domain, query, "
		    "qtype, process, exe, script, cmd, comm, user, group, unit "
		    "or parent",
		    word_nearest(s, t->len, key_words, N_KEYS));
		if (next.kind == TOKEN_STOP) { /* its value is no fault */
			(void)lex_next(&r->lex);
			(void)lex_next(&r->lex);
		}
		return;
	}
	if (r->seen[key] && key != EXPLAIN_PARENT && key != EXPLAIN_DOMAIN)
		fault_word(
		    r, t, "a second", "each once, but parent and domain", NULL);
	r->seen[key] = true;
	if (key == EXPLAIN_QUERY && lex_peek(&r->lex).kind != TOKEN_STOP)
		return; /* its name is a domain= beside it */
	if (key == EXPLAIN_IN || key == EXPLAIN_OUT)
		read_direction(r, t, key == EXPLAIN_IN);
	else
		read_pair(r, (enum explain_key)key, t);
}

/* Of a process that is unknown the user may be known all the same. */
static bool
seen_user(const struct reader *r)
{
	return r->seen[EXPLAIN_USER] || r->seen[EXPLAIN_GROUP];
}

static bool
seen_program(const struct reader *r)
{
	for (size_t i = EXPLAIN_EXE; i <= EXPLAIN_PARENT; i++)
		if (r->seen[i] && i != EXPLAIN_USER && i != EXPLAIN_GROUP)
			return true;
	return false;
}

static void
settle_process(struct reader *r)
{
	const struct token all = { TOKEN_WORD, 0, r->src->len };
	bool program = seen_program(r), user = seen_user(r);

	if (!r->seen[EXPLAIN_PROCESS])
		r->proc->kind =
		    program || user ? PROCESS_PROGRAM : PROCESS_UNKNOWN;
	else if ((program && r->proc->kind != PROCESS_PROGRAM) ||
		 (user && r->proc->kind == PROCESS_KERNEL))
		fault(r, &all, "process unknown or kernel, and a program",
		    "one of the two", NULL);
	r->proc->has_uid = user && r->proc->kind == PROCESS_UNKNOWN;
}

/* A query has one name, and of the connection after it only the address may
 * be known; from is another host that asks. */
static void
settle_query(struct reader *r)
{
	static const enum explain_key unknown[] = { EXPLAIN_IN, EXPLAIN_PROTO,
		EXPLAIN_SPORT, EXPLAIN_PORT };
	const struct token all = { TOKEN_WORD, 0, r->src->len };
	struct subject *s = r->subject;

	s->query = r->seen[EXPLAIN_QUERY] || r->seen[EXPLAIN_QTYPE];
	if (!s->query)
		return;
	if (!r->seen[EXPLAIN_QTYPE])
		s->qtype = QTYPE_A;
	if (s->n_names != 1)
		fault(r, &all, "a query for no name, or for several",
		    "domain=NAME, once", NULL);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (r->seen[unknown[i]])
			fault(r, &all,
			    "a query, and what is not known of one: in, proto, "
			    "sport or port",
			    "domain, qtype, to and the program, or from", NULL);
	s->proto = 0;
}

/* What words say together. */
static void
settle(struct reader *r)
{
	const struct token all = { TOKEN_WORD, 0, r->src->len };
	struct subject *s = r->subject;

	settle_process(r);
	settle_query(r);
	s->has_ports = rule_proto_has_ports(s->proto);
	if (!s->query && !s->has_ports &&
	    (r->seen[EXPLAIN_PORT] || r->seen[EXPLAIN_SPORT]))
		fault(r, &all, "a port, and a protocol without ports",
		    "proto tcp, udp, udplite or sctp", NULL);
	if (s->src.family != ADDR_NONE && s->dst.family != ADDR_NONE &&
	    s->src.family != s->dst.family)
		fault(r, &all, "from and to of different families",
		    "two addresses of one family", NULL);
	s->loopback = addr_is_loopback(&s->src) || addr_is_loopback(&s->dst);
}

static void
read_all(struct reader *r)
{
	const char *why;
	size_t bad = text_bad_byte(r->src->text, r->src->len, &why);
	struct token t;

	if (bad < r->src->len) {
		fault(r, &(struct token){ .off = bad, .len = 1 }, why,
		    "UTF-8 text on one line", NULL);
		return;
	}
	while ((t = lex_next(&r->lex)).kind != TOKEN_END && r->error == 0) {
		if (t.kind == TOKEN_WORD)
			read_word(r, &t);
		else if (t.kind != TOKEN_BAD)
			fault(r, &t, "no key", "KEY=VALUE", NULL);
	}
	settle(r);
}

int
explain_parse(struct explain *ret, const char *text, size_t len,
    const struct policy_world *world, struct faults *faults)
{
	const struct source src = {
		.file = "explain", .text = text, .len = len
	};
	size_t before = faults_count(faults);
	struct explain e = { .process = process_new(PROCESS_PROGRAM),
		.names = calloc(1, sizeof(*e.names)) };
	struct reader r = {
		.lex = { &src, faults, 0, len, "=" },
		.src = &src,
		.world = world,
		.faults = faults,
		.subject = &e.subject,
		.proc = e.process,
		.names = e.names,
	};

	if (e.process == NULL || e.names == NULL) {
		explain_done(&e);
		return -ENOMEM;
	}
	e.subject.names = e.names->at;
	e.process->uid = e.process->gid = UINT32_MAX; /* nobody's */
	e.subject.proto = IPPROTO_TCP;
	e.subject.process = e.process;
	read_all(&r);
	if (r.error < 0 || faults_count(faults) > before) {
		explain_done(&e);
		return r.error < 0 ? r.error : -EINVAL;
	}
	*ret = e;
	return 0;
}

void
explain_done(struct explain *explain)
{
	process_unref(explain->process);
	free(explain->names);
	explain->process = NULL;
	explain->names = NULL;
}
