#include "src/linux/own.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>

struct own {
	size_t n;
	struct addr v[]; /* in the order of addr_cmp() */
};

static int
compare(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/* ADDR_NONE where it is no IP address. */
static struct addr
addr_of(const struct sockaddr *sa)
{
	const struct sockaddr_in *sin = (const void *)sa;
	const struct sockaddr_in6 *sin6 = (const void *)sa;

	if (sa != NULL && sa->sa_family == AF_INET)
		return addr_ip4(&sin->sin_addr);
	if (sa != NULL && sa->sa_family == AF_INET6)
		return addr_ip6(&sin6->sin6_addr);
	return (struct addr){ .family = ADDR_NONE };
}

int
own_read(struct own **ret)
{
	struct ifaddrs *list, *ifa;
	struct own *own;
	size_t n = 0;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (ifa = list; ifa != NULL; ifa = ifa->ifa_next)
		n++;
	own = calloc(1, sizeof(*own) + n * sizeof(own->v[0]));
	for (ifa = list; own != NULL && ifa != NULL; ifa = ifa->ifa_next) {
		struct addr addr = addr_of(ifa->ifa_addr);

		if (addr.family != ADDR_NONE)
			own->v[own->n++] = addr;
	}
	freeifaddrs(list);
	if (own == NULL)
		return -ENOMEM;
	qsort(own->v, own->n, sizeof(own->v[0]), compare);
	*ret = own;
	return 0;
}

void
own_free(struct own *own)
{
	free(own);
}

const struct addr *
own_get(const struct own *own, size_t i)
{
	return i < own->n ? &own->v[i] : NULL;
}

bool
own_has(const struct own *own, const struct addr *addr)
{
	return bsearch(addr, own->v, own->n, sizeof(own->v[0]), compare) !=
	       NULL;
}
