#ifndef ATTR_H
#define ATTR_H

#include <stdbool.h>
#include <stdint.h>

struct bpf;
struct diag;
struct procfs;

/* Who is behind a packet: the sources, asked in the order of trust. All
 * borrowed but what attr_new() opens itself. */
struct attr_opts {
	struct diag *diag;
	struct procfs *procfs;
};

struct attr;

/* Loads the programs that see who sends, where that can be; says in the log
 * which source serves. Before privileges are given up. 0 or -ENOMEM. */
int attr_new(struct attr **ret, const struct attr_opts *opts);
void attr_free(struct attr *attr); /* accepts NULL */

/* For `status`. */
struct attr_status {
	bool bpf, births, sock_diag;
	const char *bpf_why; /* why there is no BPF; borrowed */
	uint64_t lost;
};
void attr_status(const struct attr *attr, struct attr_status *ret);

#endif
