#ifndef LINUX_NFT_PASS_H
#define LINUX_NFT_PASS_H

/* wg-quick, where all goes by its interface, drops in PREROUTING what comes to
 * an address of that interface by another device from an address that is not
 * this host's; Tailscale drops in INPUT what comes from its range by another
 * device. So is what Port17 and the resolver answer to a program: it comes over
 * lo, from the address that the program has spoken to. Rules of ours in front
 * of those let that pass, by its marks, in their own chains where they are of
 * nf_tables, since no other chain can take back what one drops; they go with
 * the chain, or with us. */

/* Puts them where they are missing, and says so by fn; also where it can't. */
void nft_pass_loopback(void (*fn)(void *arg, const char *text), void *arg);

/* Takes them out. 0 or -errno. */
int nft_pass_nothing(void);

#endif
