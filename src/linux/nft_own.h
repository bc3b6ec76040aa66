#ifndef LINUX_NFT_OWN_H
#define LINUX_NFT_OWN_H

#include <stdint.h>

struct nlmsghdr;

/* For nft*.c alone. The kernel answers at once; this is for one that does not.
 */
#define NFT_ANSWER_WAIT_S 2

/* A request of nf_tables with nothing in it yet; NFT_MSG_*, NFPROTO_*. */
struct nlmsghdr *nft_put_header(void *buf, uint16_t type, uint8_t family);

#endif
