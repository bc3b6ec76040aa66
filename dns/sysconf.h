#ifndef DNS_SYSCONF_H
#define DNS_SYSCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "dns/upstream.h"

/* The servers that the network gave this host, out of the files that its
 * programs keep of them: resolv.conf(5) and its likes, and the state of
 * systemd-networkd. */

/* As many as anybody has; resolv.conf itself has no more than 3. */
struct sysconf {
	size_t n;
	struct upstream_spec v[UPSTREAMS_MAX];
	unsigned int skipped; /* lines with a server that made no sense */
	unsigned int more;    /* servers for which there was no room */
	unsigned int own;     /* that are this daemon itself */
	unsigned int local;   /* on this host, and not taken for that */
	bool asked; /* they stand in /etc/resolv.conf: programs ask them */
};

/* An address that this daemon answers at: it can't be its own upstream. The
 * unspecified address is every address of this host. */
struct sysconf_own {
	struct addr addr;
	uint16_t port;
};

/* Which servers are not to be taken. */
struct sysconf_not {
	const struct sysconf_own *v; /* ourselves */
	size_t n;
	bool local; /* any on a loopback address, such as 127.0.0.53 */
};

/* Adds what stands in `nameserver` lines, in order, each once. No line is too
 * long and no byte too strange: what makes no sense is counted. */
void sysconf_resolv(struct sysconf *conf, const struct sysconf_not *except,
    const char *text, size_t len);

/* The same for a file of systemd-networkd: DNS= has the servers of a link, as
 * ADDRESS, ADDRESS:PORT, with %DEVICE and #NAME of a certificate perhaps. Those
 * for certain domains only are as good as the rest. */
void sysconf_networkd(struct sysconf *conf, const struct sysconf_not *except,
    const char *text, size_t len);

/* Whether two hold the same servers in the same order, asked by the same. */
bool sysconf_equal(const struct sysconf *a, const struct sysconf *b);

#endif
