#include "port17/sock.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/core/mark.h"

/* Of Linux 6.15; headers may be older than the kernel is. */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif

/* Of Linux 4.1; the C library's struct tcp_info ends before it. */
#define TCPI_BYTES_RECEIVED 128

#define KEEP_IDLE_S 60
#define KEEP_INTERVAL_S 5
#define KEEP_COUNT 3
/* conntrack forgets what is half closed after 60 s of silence. */
#define KEEP_HALF_S 10
#define USER_TIMEOUT_MS 120000
/* Tables are repaired, names resolved and reroutectl answered with these. */
#define KEPT_FREE 64

int
sock_addr_ip(struct sock_addr *ret, const struct addr *addr, uint16_t port,
    const char *zone)
{
	memset(ret, 0, sizeof(*ret));
	if (addr->family == ADDR_IP4) {
		struct sockaddr_in *in = (void *)&ret->space;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr->bytes, 4);
		ret->len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (void *)&ret->space;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, addr->bytes, 16);
		if (zone[0] != '\0') {
			in6->sin6_scope_id = if_nametoindex(zone);
			if (in6->sin6_scope_id == 0)
				return -ENODEV;
		}
		ret->len = sizeof(*in6);
	}
	return 0;
}

void
sock_addr_unix(struct sock_addr *ret, const char *path)
{
	struct sockaddr_un *un = (void *)&ret->space;
	size_t len = strlen(path);

	memset(ret, 0, sizeof(*ret));
	un->sun_family = AF_UNIX;
	if (len >= sizeof(un->sun_path))
		len = sizeof(un->sun_path) - 1;
	memcpy(un->sun_path, path, len);
	ret->len = (socklen_t)sizeof(*un);
}

struct addr
sock_addr_get(const struct sock_addr *from, uint16_t *ret_port)
{
	struct addr none = { .family = ADDR_NONE };

	if (from->sa.sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&from->space;

		*ret_port = ntohs(in->sin_port);
		return addr_ip4(&in->sin_addr);
	}
	if (from->sa.sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)&from->space;

		*ret_port = ntohs(in6->sin6_port);
		return addr_ip6(&in6->sin6_addr);
	}
	*ret_port = 0;
	return none;
}

bool
sock_may_keep(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	       (rlim_t)fd + KEPT_FREE < limit.rlim_cur;
}

void
sock_no_delay(int fd)
{
	static const int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void
sock_keep_alive(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value));
}

void
sock_keep_half(int fd)
{
	static const int idle = KEEP_HALF_S, ms = KEEP_HALF_S * 1000;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	/* who takes nothing is asked whether he does; kernels before 6.15 do
	 * so less and less often, down to every two minutes */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_RTO_MAX_MS, &ms, sizeof(ms));
}

void
sock_limit_silence(int fd, bool on)
{
	int ms = on ? USER_TIMEOUT_MS : 0;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms,
	    sizeof(ms)); /* a Unix socket has none */
}

bool
sock_is_stalled(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int unsent = 0;

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
	    ioctl(fd, TIOCOUTQ, &unsent) < 0)
		return false;
	/* probes of a closed window are not counted */
	return info.tcpi_unacked == 0 && unsent > 0;
}

bool
sock_had_end(int fd, uint64_t got)
{
	uint8_t info[TCPI_BYTES_RECEIVED + 8];
	socklen_t len = sizeof(info);
	uint64_t received;
	int unread = 0;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) < 0 ||
	    len < sizeof(info) || ioctl(fd, FIONREAD, &unread) < 0)
		return true;
	memcpy(&received, info + TCPI_BYTES_RECEIVED, sizeof(received));
	/* a FIN is counted among the bytes */
	return received > got + (uint64_t)unread;
}

static int
bind_source(const struct tunnel *tunnel, int fd, int family)
{
	static const int late = 1;
	struct sock_addr from;
	bool ip4 = tunnel->source.family == ADDR_IP4;

	if (tunnel->source.family == ADDR_NONE)
		return 0;
	if (ip4 != (family == AF_INET))
		return -EADDRNOTAVAIL;
	(void)sock_addr_ip(&from, &tunnel->source, 0, ""); /* has no zone */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late,
	    sizeof(late)); /* the port would be taken early, no more */
	return bind(fd, &from.sa, from.len) < 0 ? -errno : 0;
}

/* Without its flow's mark, C170 would put it on each packet, and the kernel
 * look for the way again each time. The first one goes to the queue all the
 * same (A5). */
void
sock_mark(int fd, uint32_t mark)
{
	/* without the privilege they go the longer way */
	(void)setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

static int
set_options(const struct tunnel *tunnel, int fd, int family)
{
	socklen_t len = (socklen_t)strlen(tunnel->device);

	if (len > 0 && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
			   tunnel->device, len) < 0)
		return -errno;
	if (tunnel->fwmark == 0 && tunnel->netns[0] == '\0')
		sock_mark(fd, MARK_ACCEPT_FLOW);
	if (tunnel->fwmark != 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &tunnel->fwmark,
		sizeof(tunnel->fwmark)) < 0)
		return -errno;
	return bind_source(tunnel, fd, family);
}

bool
sock_rebind(const struct tunnel *tunnel, int fd)
{
	char name[sizeof(tunnel->device)];
	socklen_t len = sizeof(name);

	return tunnel->device[0] != '\0' && tunnel->netns[0] == '\0' &&
	       getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) < 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, tunnel->device,
		   (socklen_t)strlen(tunnel->device)) == 0;
}

bool
sock_lacks_way(const struct tunnel *tunnel, int error)
{
	return error == ENODEV ||
	       (error == ENETDOWN && tunnel->device[0] != '\0') ||
	       (error == EADDRNOTAVAIL && tunnel->source.family != ADDR_NONE);
}

/* In the network namespace of the socket. */
static bool
is_down(int fd, const char *device)
{
	struct ifreq ifr = { 0 };

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	return ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 &&
	       (ifr.ifr_flags & IFF_UP) == 0;
}

/* A device that is down has no routes: that is not the far end's doing. */
static int
connect_error(const struct tunnel *tunnel, int fd, int error)
{
	bool down = error == ENETUNREACH && tunnel->device[0] != '\0' &&
		    is_down(fd, tunnel->device);

	return down ? -ENETDOWN : -error;
}

int
sock_connect_made(const struct tunnel *tunnel, int fd_take,
    const struct sock_addr *to, int type)
{
	int family = to->sa.sa_family, r = 0;

	if (!sock_may_keep(fd_take))
		r = -EMFILE;
	else if (family != AF_UNIX)
		r = set_options(tunnel, fd_take, family);
	if (r == 0 && family != AF_UNIX && type == SOCK_STREAM)
		sock_no_delay(fd_take);
	if (r == 0 && connect(fd_take, &to->sa, to->len) < 0 &&
	    errno != EINPROGRESS)
		r = connect_error(tunnel, fd_take, errno);
	if (r == 0)
		return fd_take;
	(void)close(fd_take); /* nothing was sent */
	return r;
}

int
sock_connect(const struct tunnel *tunnel, const struct sock_addr *to, int type)
{
	int fd;

	if (tunnel->netns[0] != '\0')
		return -ENOTSUP; /* in this one it would leak */
	fd = socket(to->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : sock_connect_made(tunnel, fd, to, type);
}

int
sock_ask(const struct sock_maker *maker, struct sock_order *order,
    const struct tunnel *tunnel, const struct sock_addr *to, int type)
{
	if (maker == NULL)
		return -ENOTSUP;
	return maker->ask(
	    maker->arg, order, tunnel->netns, to->sa.sa_family, type);
}

const char *
sock_not_made(const struct tunnel *tunnel, int error, char buf[SOCK_WHY_SIZE])
{
	(void)snprintf(buf, SOCK_WHY_SIZE, "netns %.40s: %s", tunnel->netns,
	    error == -ENOTSUP ? "the daemon has to be started again"
			      : strerror(-error)); /* cut */
	return buf;
}
