#ifndef LINUX_NFT_FENCE_H
#define LINUX_NFT_FENCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct mnl_socket;

/* What bpf_seal() does, for where there is no BPF: chains behind all tables
 * that say the last word once more. They lie in tables of nf_tables that belong
 * to a socket of this process: nobody else can change them, `nft flush ruleset`
 * leaves them alone, and they go when the process does, however it ends. Needs
 * Linux 5.12 with nf_tables. */
struct nft_fence {
	pthread_mutex_t mutex;
	struct mnl_socket *nl; /* theirs; NULL: there are none */
	uint32_t seq;
	bool ip4, ip6; /* families that are asked for */
};

/* The name of its tables, of the families ip and ip6. */
#define NFT_FENCE_TABLE "rerouted"

void nft_fence_init(struct nft_fence *fence);
void nft_fence_done(struct nft_fence *fence);

/* As bpf_seal(), which see. 0; or -errno, and none of them is in place: -EEXIST
 * (somebody else's table has that name), -EOPNOTSUPP or -EINVAL (a kernel
 * without) ... That is told once; what was asked for before is no more work.
 * May be called from any thread. */
int nft_fence_set(struct nft_fence *fence, bool ip4, bool ip6);

#endif
