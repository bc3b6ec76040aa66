#ifndef DNS_SOCKADDR_EV_H
#define DNS_SOCKADDR_EV_H

#include "dns/resolve.h"
#include "dns/upstream.h"

/* Socket addresses of listeners, clients and upstreams. */
struct sockaddr_storage;
unsigned int sockaddr_make(struct sockaddr_storage *ret,
    const struct addr *addr, uint16_t port, uint32_t ifindex);
/* Of an upstream: a device is looked up each time, since another one may have
 * its name by now. It may be a number, too. */
unsigned int sockaddr_of_upstream(
    struct sockaddr_storage *ret, const struct upstream_spec *spec);
void sockaddr_client(const struct sockaddr_storage *sa, struct client *ret);

#endif
