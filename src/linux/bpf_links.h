#ifndef LINUX_BPF_LINKS_H
#define LINUX_BPF_LINKS_H

#include <stdbool.h>
#include "src/linux/bpf.h"

struct bpf_link;
struct bpf_object;

#define BPF_N_FAMILIES 2
#define BPF_N_SEALS 2 /* in and out */
#define BPF_N_BIRTHS 3

/* What keeps the programs of a loaded object where the kernel calls them. */
struct bpf_links {
	int sent[BPF_N_FAMILIES],
	    seals[BPF_N_FAMILIES][BPF_N_SEALS];		/* or -1 */
	struct bpf_link *births[BPF_N_BIRTHS], *closes; /* or NULL */
	bool closes_all;	    /* closes sees all control groups */
	char seal_why[BPF_WHY_MAX]; /* what of the seal is missing; "" */
};

void bpf_links_init(struct bpf_links *links);
void bpf_links_close(struct bpf_links *links);

/* The one that sees what is sent: 0, or -errno and why. */
int bpf_links_sent(struct bpf_links *links, const struct bpf_object *obj,
    char why[BPF_WHY_MAX]);

/* All others, as far as the kernel lets them. */
void bpf_links_rest(struct bpf_links *links, const struct bpf_object *obj);

#endif
