#include "src/core/explain.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/explain_own.h"
#include "src/core/qtype.h"
#include "src/core/rule.h"
#include "src/core/text.h"

static const char *const key_words[] = {
#define X(suffix, word) word,
	EXPLAIN_KEYS(X)
#undef X
};

void
explain_fault(struct explain_reader *r, const struct token *at,
    const char *what, const char *expected, const char *nearest)
{
	faults_add(r->faults, r->src, at->off, at->len,
	    &(struct fault_text){ what, expected, nearest });
}

void
explain_fault_word(struct explain_reader *r, const struct token *at,
    const char *what, const char *expected, const char *nearest)
{
	char word[WORD_QUOTE_SIZE], text[WORD_QUOTE_SIZE + 64];

	(void)snprintf(text, sizeof(text), "%s %s", what,
	    word_quote(r->src->text + at->off, at->len, word)); /* fits */
	explain_fault(r, at, text, expected, nearest);
}

static void
read_direction(struct explain_reader *r, const struct token *at, bool in)
{
	if (r->seen[in ? EXPLAIN_OUT : EXPLAIN_IN])
		explain_fault_word(
		    r, at, "a second direction:", "in or out", NULL);
	r->subject->in = in;
}

static bool
is_name(enum explain_key key)
{
	return key == EXPLAIN_DOMAIN || key == EXPLAIN_QUERY;
}

/* `=VALUE` after the key. */
static void
read_pair(
    struct explain_reader *r, enum explain_key key, const struct token *word)
{
	struct token t = lex_next(&r->lex);

	if (t.kind != TOKEN_STOP) {
		if (t.kind != TOKEN_BAD)
			explain_fault_word(
			    r, word, "no '=' after", "KEY=VALUE", NULL);
		return;
	}
	r->lex.stops = "";
	r->value = lex_next(&r->lex);
	r->lex.stops = "=";
	if (r->value.kind == TOKEN_BAD)
		return;
	if (r->value.kind == TOKEN_END) {
		explain_fault_word(r, word, "no value for", "KEY=VALUE", NULL);
		return;
	}
	r->text = malloc(r->value.len + 1);
	if (r->text == NULL) {
		r->error = -ENOMEM;
		return;
	}
	r->len = token_text(r->src, &r->value,
	    is_name(key) ? ESCAPES_NAME : ESCAPES_NONE, r->text);
	r->word = key_words[key];
	explain_read_value(r, key);
	free(r->text);
	r->text = NULL;
}

static void
read_word(struct explain_reader *r, const struct token *t)
{
	const char *s = r->src->text + t->off;
	size_t key = 0;

	while (key < EXPLAIN_N_KEYS && !token_is(r->src, t, key_words[key]))
		key++;
	if (key == EXPLAIN_N_KEYS) {
		struct token next = lex_peek(&r->lex);

		explain_fault_word(r, t, "unknown word",
		    "in, out, proto, from, to, sport, port, domain, query, "
		    "qtype, process, exe, script, cmd, comm, user, group, unit "
		    "or parent",
		    word_nearest(s, t->len, key_words, EXPLAIN_N_KEYS));
		if (next.kind == TOKEN_STOP) { /* its value is no fault */
			(void)lex_next(&r->lex);
			(void)lex_next(&r->lex);
		}
		return;
	}
	if (r->seen[key] && key != EXPLAIN_PARENT && key != EXPLAIN_DOMAIN)
		explain_fault_word(
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
seen_user(const struct explain_reader *r)
{
	return r->seen[EXPLAIN_USER] || r->seen[EXPLAIN_GROUP];
}

static bool
seen_program(const struct explain_reader *r)
{
	for (size_t i = EXPLAIN_EXE; i <= EXPLAIN_PARENT; i++)
		if (r->seen[i] && i != EXPLAIN_USER && i != EXPLAIN_GROUP)
			return true;
	return false;
}

static void
settle_process(struct explain_reader *r)
{
	const struct token all = { TOKEN_WORD, 0, r->src->len };
	bool program = seen_program(r), user = seen_user(r);

	if (!r->seen[EXPLAIN_PROCESS])
		r->proc->kind =
		    program || user ? PROCESS_PROGRAM : PROCESS_UNKNOWN;
	else if ((program && r->proc->kind != PROCESS_PROGRAM) ||
		 (user && r->proc->kind == PROCESS_KERNEL))
		explain_fault(r, &all,
		    "process unknown or kernel, and a program",
		    "one of the two", NULL);
	r->proc->has_uid = user && r->proc->kind == PROCESS_UNKNOWN;
}

/* A query has one name, and of the connection after it only the address may
 * be known; from is another host that asks. */
static void
settle_query(struct explain_reader *r)
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
		explain_fault(r, &all, "a query for no name, or for several",
		    "domain=NAME, once", NULL);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (r->seen[unknown[i]])
			explain_fault(r, &all,
			    "a query, and what is not known of one: in, proto, "
			    "sport or port",
			    "domain, qtype, to and the program, or from", NULL);
	s->proto = 0;
}

/* What words say together. */
static void
settle(struct explain_reader *r)
{
	const struct token all = { TOKEN_WORD, 0, r->src->len };
	struct subject *s = r->subject;

	settle_process(r);
	settle_query(r);
	s->has_ports = rule_proto_has_ports(s->proto);
	if (!s->query && !s->has_ports &&
	    (r->seen[EXPLAIN_PORT] || r->seen[EXPLAIN_SPORT]))
		explain_fault(r, &all, "a port, and a protocol without ports",
		    "proto tcp, udp, udplite or sctp", NULL);
	if (s->src.family != ADDR_NONE && s->dst.family != ADDR_NONE &&
	    s->src.family != s->dst.family)
		explain_fault(r, &all, "from and to of different families",
		    "two addresses of one family", NULL);
	s->loopback = addr_is_loopback(&s->dst) ||
		      (!s->query && addr_is_loopback(&s->src));
}

static void
read_all(struct explain_reader *r)
{
	const char *why;
	size_t bad = text_bad_byte(r->src->text, r->src->len, &why);
	struct token t;

	if (bad < r->src->len) {
		explain_fault(r, &(struct token){ .off = bad, .len = 1 }, why,
		    "UTF-8 text on one line", NULL);
		return;
	}
	while ((t = lex_next(&r->lex)).kind != TOKEN_END && r->error == 0) {
		if (t.kind == TOKEN_WORD)
			read_word(r, &t);
		else if (t.kind != TOKEN_BAD)
			explain_fault(r, &t, "no key", "KEY=VALUE", NULL);
	}
	settle(r);
}

struct source
explain_source(const char *text)
{
	return (struct source){
		.file = "explain", .text = text, .len = strlen(text)
	};
}

int
explain_parse(struct explain *ret, const struct source *src,
    const struct policy_world *world, struct faults *faults)
{
	size_t before = faults_count(faults);
	struct explain e = { .process = process_new(PROCESS_PROGRAM),
		.names = calloc(1, sizeof(*e.names)) };
	struct explain_reader r = {
		.lex = { src, faults, 0, src->len, "=" },
		.src = src,
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

static int
any_account(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	(void)name;
	*ret = 0;
	return 0;
}

static int
no_path(void *arg, const char *path, char *buf, size_t size)
{
	(void)arg;
	(void)path;
	(void)buf;
	(void)size;
	return -ENOENT;
}

bool
explain_glance(struct explain_glance *ret, const struct source *src)
{
	static const struct policy_world blind = {
		.user = any_account, .group = any_account, .path = no_path
	};
	struct faults *faults = faults_new();
	struct explain e;
	bool good;

	good = faults != NULL && explain_parse(&e, src, &blind, faults) == 0;
	faults_free(faults);
	if (!good)
		return false;
	*ret = (struct explain_glance){
		.other = e.subject.in ? e.subject.src : e.subject.dst,
		.query = e.subject.query,
		.named = e.subject.n_names > 0,
		.qtype = e.subject.qtype,
	};
	if (ret->query)
		ret->qname = *e.subject.names[0];
	explain_done(&e);
	return true;
}
