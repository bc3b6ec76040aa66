#ifndef LINUX_NFT_H
#define LINUX_NFT_H

#include <stdbool.h>
#include <stdint.h>

/* The questions that are put to nf_tables by netlink; all else goes
 * through iptables-restore. */

/* A number that each change of any table of this namespace raises. 0, -EPERM,
 * -ENOPROTOOPT (a kernel without nf_tables) or -errno. */
int nft_generation(uint32_t *ret);

/* 1, 0 or -errno; family: NFPROTO_*. */
int nft_has_table(uint8_t family, const char *name);

/* Whether there is a table that `known` is false for. 1, 0 (none, or a kernel
 * without nf_tables) or -errno. */
typedef bool nft_known_fn(uint8_t family, const char *table);
int nft_has_tables(nft_known_fn *known);

#endif
