#ifndef CORE_LEARN_H
#define CORE_LEARN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "src/base/addr.h"

/* From connections that were seen to rules that would accept them: lines for a
 * rules file, grouped by program and port. */
struct learn;

/* A connection; borrowed. */
struct learn_fact {
	bool in;
	const char *proto; /* "": only its name was asked for */
	bool has_port;
	uint16_t port;	     /* the destination's */
	struct addr remote;  /* the other side's */
	const char *host;    /* its name; NULL for none */
	const char *process; /* "unknown" or "kernel"; NULL: a program */
	bool asks;	     /* for a name: the other side, another host */
	const char *exe, *script, *unit; /* "" for none */
	bool exe_here;			 /* see struct process */
};

/* More is left out, and said so. */
#define LEARN_GROUPS_MAX 4096
#define LEARN_ENDS_MAX 1024 /* names, and addresses, of a group */

/* A program with more ports than this has them all. */
#define LEARN_PORTS 10
/* More names than this below one name are that name's; more addresses of a
 * kind are all of that kind. */
#define LEARN_NAMES 3
#define LEARN_ADDRS 8

/* before: in front of each rule, borrowed ("" for nothing). NULL when there is
 * no memory. */
struct learn *learn_new(const char *before);
void learn_free(struct learn *learn); /* accepts NULL */

/* 0 or -ENOMEM. */
int learn_add(struct learn *learn, const struct learn_fact *fact);

/* Leaves out what stands there twice: names that were asked for and that the
 * program has a connection with, since a rule for that lets the query pass,
 * too; and of `learn` what has been denied as well. */
void learn_leave_twice(struct learn *learn, struct learn *denied);

/* The rules, in an order that does not depend on that of the facts. */
void learn_print(struct learn *learn, FILE *out);

#endif
