#include "src/linux/bpf.h"

/* What a build without BPF has in place of bpf.c: it says so. */

#ifndef HAVE_BPF

#include <errno.h>
#include <stdio.h>

int
bpf_open(struct bpf **ret, const struct bpf_ops *ops,
    const struct attr_sizes *sizes, char why[BPF_WHY_MAX])
{
	(void)ret;
	(void)ops;
	(void)sizes;
	(void)snprintf(why, BPF_WHY_MAX, "this build is without it");
	return -ENOSYS;
}

void
bpf_close(struct bpf *bpf)
{
	(void)bpf;
}

void
bpf_arm(struct bpf *bpf, bool apart)
{
	(void)bpf;
	(void)apart;
}

void
bpf_seal(struct bpf *bpf, bool ip4, bool ip6)
{
	(void)bpf;
	(void)ip4;
	(void)ip6;
}

const char *
bpf_seal_why(const struct bpf *bpf)
{
	(void)bpf;
	return NULL;
}

void
bpf_heard(struct bpf *bpf, const struct flow_key *key,
    const struct bpf_hearer *hearer)
{
	(void)bpf;
	(void)key;
	(void)hearer;
}

bool
bpf_sees_births(const struct bpf *bpf)
{
	(void)bpf;
	return false;
}

void
bpf_expect(const struct bpf *bpf)
{
	(void)bpf;
}

enum bpf_closes
bpf_sees_closes(const struct bpf *bpf)
{
	(void)bpf;
	return BPF_CLOSES_NO;
}

bool
bpf_uses(struct bpf *bpf)
{
	(void)bpf;
	return true;
}

void
bpf_births(struct bpf *bpf)
{
	(void)bpf;
}

bool
bpf_is_seeded(const struct bpf *bpf)
{
	(void)bpf;
	return false;
}

int
bpf_fd_uses(const struct bpf *bpf)
{
	(void)bpf;
	return -1;
}

int
bpf_fd_births(const struct bpf *bpf)
{
	(void)bpf;
	return -1;
}

bool
bpf_heard_all(const struct bpf *bpf)
{
	(void)bpf;
	return false;
}

bool
bpf_ask_missed(struct bpf *bpf, mono_t now)
{
	(void)bpf;
	(void)now;
	return true;
}

uint64_t
bpf_lost(const struct bpf *bpf)
{
	(void)bpf;
	return 0;
}

#endif
