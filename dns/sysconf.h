#ifndef DNS_SYSCONF_H
#define DNS_SYSCONF_H

#include <stddef.h>

#include "dns/upstream.h"

/* What the network gave this host: nameservers out of files that others write.
 */

/* resolv.conf(5): "nameserver ADDR" lines. */
size_t sysconf_resolv(
    const char *text, size_t len, struct upstream_spec *ret, size_t max);

/* systemd-networkd's /run/systemd/netif/state and links: "DNS=ADDR ADDR". */
size_t sysconf_networkd(
    const char *text, size_t len, struct upstream_spec *ret, size_t max);

#endif
