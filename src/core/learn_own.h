#ifndef CORE_LEARN_OWN_H
#define CORE_LEARN_OWN_H

#include <stddef.h>

#include "src/core/learn.h"

/* Behind learn.h: shared by learn.c, which collects and prints, and
 * learn_twice.c, which leaves out what is there twice. */

/* What one program did with one protocol and port: a line for the names, one
 * for the addresses. */
struct group {
	bool in;
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
	const char *note;
	uint64_t left_out; /* there were too many */
	uint64_t unwritable;
};

void learn_group_done(struct group *g);

#endif
