#ifndef LINUX_NFT_OWN_H
#define LINUX_NFT_OWN_H

#include <libmnl/libmnl.h>
#include <stdint.h>

/* Behind nft.h: shared by nft.c and nft_pass.c. */

/* A question to nf_tables at the start of buf. */
struct nlmsghdr *nft_header(void *buf, uint16_t type, uint8_t family);

/* Asks on a socket of its own; cb gets each message of the answer. 0 or
 * -errno. */
int nft_ask(const void *msg, size_t len, mnl_cb_t cb, void *arg);

/* A kernel without nf_tables, or without that family. */
bool nft_is_missing(int r);

#endif
