#ifndef CORE_LEARN_OWN_H
#define CORE_LEARN_OWN_H

#include <stddef.h>

#include "src/core/learn.h"

/* Behind learn.h: shared by learn.c, which collects, learn_print.c, which
 * prints, and learn_twice.c, which leaves out what is there twice. */

/* What one program did with one protocol and port: a line for the names, one
 * for the addresses. */
struct group {
	bool in, asks;
	char *who; /* matches on the program, as in a rule */
	char *proto;
	bool has_port;
	uint16_t port;
	char **names;
	size_t n_names;
	struct addr *addrs;
	size_t n_addrs;
	uint64_t seen;
};

struct learn {
	struct group *groups;
	size_t n;
	const char *before;
	uint64_t left_out; /* there were too many */
	uint64_t unwritable;
};

void learn_group_done(struct group *g);

/* Once each, LEARN_ENDS_MAX at most. 0 or -ENOMEM. */
int learn_add_name(struct learn *learn, struct group *g, const char *host);
int learn_add_addr(
    struct learn *learn, struct group *g, const struct addr *addr);

/* A value that means itself, with nothing in it being a wildcard. */
void learn_put_value(FILE *out, const char *s);

#endif
