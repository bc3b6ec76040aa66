#include "src/core/explain_own.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/num.h"
#include "src/core/endpoint.h"
#include "src/core/procline.h"
#include "src/core/punycode.h"
#include "src/core/qtype.h"
#include "src/core/value.h"

static void
bad_word(struct explain_reader *r, const char *expected, const char *nearest)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "%s: not good:", r->word); /* fits */
	explain_fault_word(r, &r->value, what, expected, nearest);
}

static void
bad_value(struct explain_reader *r, const char *expected)
{
	bad_word(r, expected, NULL);
}

/* An address with its port behind it, or a name. */
static void
bad_addr(struct explain_reader *r)
{
	const char *port = strcmp(r->word, "to") == 0 ? "port" : "sport";
	char near[ADDR_STRLEN + 32] = "", text[ADDR_STRLEN];
	struct endpoint e;

	if (endpoint_parse(&e, r->text, r->len) < 0 || e.scheme.s != NULL ||
	    e.name.s != NULL)
		;
	else if (e.addr.family != ADDR_NONE && e.port != 0)
		(void)snprintf(near, sizeof(near), "%s=%s %s=%u", r->word,
		    addr_format(&e.addr, text), port,
		    (unsigned int)e.port); /* fits */
	else if (e.host.s != NULL)
		(void)snprintf(near, sizeof(near), "domain=NAME"); /* fits */
	bad_word(r, "an address", near[0] != '\0' ? near : NULL);
}

static void
read_addr(struct explain_reader *r, struct addr *ret)
{
	struct addr a;

	if (addr_parse(&a, r->text, r->len) < 0)
		bad_addr(r);
	else
		*ret = addr_unmap(&a);
}

static void
read_port(struct explain_reader *r, uint16_t *ret)
{
	uint64_t port;

	if (num_parse(&port, r->text, r->len, UINT16_MAX) < 0)
		bad_value(r, "a number from 0 to 65535");
	else
		*ret = (uint16_t)port;
}

static void
read_id(struct explain_reader *r, uint32_t *ret,
    int (*ask)(void *, const char *, uint32_t *), const char *expected)
{
	uint64_t n;

	if (num_parse(&n, r->text, r->len, UINT32_MAX - 1) == 0)
		*ret = (uint32_t)n;
	else if (ask(r->world->arg, r->text, ret) < 0)
		bad_value(r, expected);
}

static void
set(struct explain_reader *r, char **field, const char *s, size_t len)
{
	if (process_set(field, s, len) < 0)
		r->error = -ENOMEM;
}

/* The value as a path, as the kernel names it where it is there. False, with a
 * fault, where it is none. */
static bool
real_path(struct explain_reader *r, char real[PATH_MAX])
{
	char path[PATH_MAX];

	if (r->len == 0 || r->text[0] != '/') {
		bad_value(r, "an absolute path");
		return false;
	}
	if (r->len >= sizeof(path)) {
		bad_value(r, "a path");
		return false;
	}
	memcpy(path, r->text, r->len);
	path[r->len] = '\0';
	if (path[r->len - 1] == ',') {
		bad_value(r, "a path, and a blank before the next word");
		return false;
	}
	if (r->world->path(r->world->arg, path, real, PATH_MAX) < 0)
		memcpy(real, path, r->len + 1);
	return true;
}

static void
read_path(struct explain_reader *r, char **field)
{
	char real[PATH_MAX];

	if (real_path(r, real))
		set(r, field, real, strlen(real));
}

static void
read_parent(struct explain_reader *r)
{
	char real[PATH_MAX];

	if (r->proc->n_parents == PROCESS_PARENTS_MAX) {
		explain_fault(
		    r, &r->value, "too many parents", "at most 16", NULL);
		return;
	}
	if (real_path(r, real) &&
	    process_add_parent(r->proc, 0, real, true) < 0)
		r->error = -ENOMEM;
}

/* A unit, or a whole cgroup path. */
static void
read_unit(struct explain_reader *r)
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
read_process(struct explain_reader *r)
{
	struct rule_value v;
	struct value_fault f;

	if (value_parse(&v, VALUE_PROCESS, r->text, r->len, &f) < 0) {
		explain_fault(r, &r->value, f.what, f.expected, f.nearest);
		return;
	}
	r->proc->self = v.bits == RULE_PROCESS_SELF;
	r->proc->kind = v.bits == RULE_PROCESS_UNKNOWN	? PROCESS_UNKNOWN
			: v.bits == RULE_PROCESS_KERNEL ? PROCESS_KERNEL
							: PROCESS_PROGRAM;
}

static void
read_proto(struct explain_reader *r)
{
	struct rule_value v;
	struct value_fault f;

	if (value_parse(&v, VALUE_PROTO, r->text, r->len, &f) < 0)
		explain_fault(r, &r->value, f.what, f.expected, f.nearest);
	else
		r->subject->proto = v.proto;
}

static void
read_domain(struct explain_reader *r)
{
	uint8_t n = r->subject->n_names;
	char own[NAME_TEXT_SIZE];

	if (n == SUBJECT_NAMES_MAX) {
		explain_fault(
		    r, &r->value, "too many names", "at most 64", NULL);
		return;
	}
	if (!punycode_name(own, sizeof(own), r->text, r->len) ||
	    name_parse(&r->names->v[n], own, strlen(own)) < 0) {
		bad_value(r, "a name, as example.com");
		return;
	}
	r->names->at[n] = &r->names->v[n];
	r->subject->n_names++;
}

static void
read_qtype(struct explain_reader *r)
{
	if (qtype_parse(&r->subject->qtype, r->text, r->len) < 0)
		bad_word(r,
		    "a type of DNS record (A, AAAA, HTTPS, TYPE65, ...)",
		    qtype_nearest(r->text, r->len));
}

void
explain_read_value(struct explain_reader *r, enum explain_key key)
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
