#ifndef LINUX_NFT_PASS_H
#define LINUX_NFT_PASS_H

/* wg-quick, where all goes by its interface, drops in PREROUTING what comes to
 * an address of that interface by another device from an address that is not
 * this host's. So does what Port17 and the resolver answer to a program: it
 * comes over lo, from the address that the program has spoken to. A rule of
 * ours in front of those lets lo pass, in the chains where wg-quick has put
 * them by nf_tables; it goes with its table, or with us. */

/* Puts it where it is missing, and says so by fn; also where it can't. */
void nft_pass_loopback(void (*fn)(void *arg, const char *text), void *arg);

/* Takes them out. 0 or -errno. */
int nft_pass_nothing(void);

#endif
