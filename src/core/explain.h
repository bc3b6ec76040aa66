#ifndef CORE_EXPLAIN_H
#define CORE_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "src/core/fault.h"
#include "src/core/judge.h"
#include "src/core/policy.h"
#include "src/core/process.h"
#include "src/core/subject.h"

struct explain_names;

/* A question put in words: "user=1000 exe=/usr/bin/curl to=192.0.2.7 port=443
 * proto=tcp". What is left out: direction out; protocol tcp; this host's and
 * the other side's address unspecified; port 0; process unknown if no word is
 * about it, else a program with empty fields. `domain` is what the address is
 * called, several times for several names. `query`, or a qtype, makes it a DNS
 * query for the domain; then `to` is an address of the answer. */
struct explain {
	struct subject subject; /* borrows process and names */
	struct process *process;
	struct explain_names *names;
};

/* One question alone, which faults call "explain". Borrows the text. */
struct source explain_source(const char *text);

/* 0, -EINVAL (faults were added) or -ENOMEM; ret is untouched on failure. */
int explain_parse(struct explain *ret, const struct source *src,
    const struct policy_world *world, struct faults *faults);
void explain_done(struct explain *explain);

/* What is asked about, as far as that needs no look-up. */
struct explain_glance {
	struct addr other; /* of a connection, or of the answer; ADDR_NONE */
	bool query, named; /* named: it says what that is called */
	struct name qname; /* of a query */
	uint16_t qtype;
};
/* False where the question has faults. */
bool explain_glance(struct explain_glance *ret, const struct source *src);

/* What the judge would decide of the first packet of such a flow, or of the
 * query: rungs 4 to 6 of its ladder, and whether a tunnel can carry it.
 * capture: NULL where no resolver takes queries to others; its stand_ins says
 * that addresses are given out that stand for names. */
struct decision explain_decide(const struct policy *policy,
    const struct judge_capture *capture, const struct subject *subject);

/* What was asked before and did not decide: the i-th of these, from 0, written
 * to buf; NULL past the last one. d is what was decided. */
#define EXPLAIN_NOTE_SIZE 128
const char *explain_passed(const struct policy *policy,
    const struct subject *subject, const struct decision *d, size_t i,
    char buf[EXPLAIN_NOTE_SIZE]);

/* What denies a query all the same that was let through: its way to the
 * resolver, or its answer. As above. */
const char *explain_then(const struct policy *policy,
    const struct subject *subject, const struct decision *d, size_t i,
    char buf[EXPLAIN_NOTE_SIZE]);

/* "verdict: block", "rule: 3", … one a line. */
void explain_print(const struct policy *policy,
    const struct judge_capture *capture, const struct subject *subject,
    FILE *out);

#endif
