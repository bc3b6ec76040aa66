#include "dns/sockaddr_ev.h"

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "src/base/num.h"

unsigned int
sockaddr_make(struct sockaddr_storage *ret, const struct addr *addr,
    uint16_t port, uint32_t ifindex)
{
	struct sockaddr_in *four = (void *)ret;
	struct sockaddr_in6 *six = (void *)ret;

	memset(ret, 0, sizeof(*ret));
	if (addr->family == ADDR_IP4) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		memcpy(&four->sin_addr, addr->bytes, 4);
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	memcpy(&six->sin6_addr, addr->bytes, 16);
	if (addr_is_link_local(addr))
		six->sin6_scope_id = ifindex;
	return sizeof(*six);
}

unsigned int
sockaddr_of_upstream(
    struct sockaddr_storage *ret, const struct upstream_spec *spec)
{
	uint64_t device = 0;

	if (spec->zone[0] != '\0')
		device = if_nametoindex(spec->zone);
	/* by its number, as getaddrinfo(3) takes one */
	if (device == 0 &&
	    num_parse(&device, spec->zone, strlen(spec->zone), INT32_MAX) != 0)
		device = 0;
	return sockaddr_make(ret, &spec->addr, spec->port, (uint32_t)device);
}

void
sockaddr_client(const struct sockaddr_storage *sa, struct client *ret)
{
	const struct sockaddr_in *four = (const void *)sa;
	const struct sockaddr_in6 *six = (const void *)sa;

	if (sa->ss_family == AF_INET) {
		ret->addr = addr_ip4(&four->sin_addr);
		ret->port = ntohs(four->sin_port);
		ret->ifindex = 0;
	} else {
		ret->addr = addr_ip6(&six->sin6_addr);
		ret->port = ntohs(six->sin6_port);
		ret->ifindex = six->sin6_scope_id;
	}
}
