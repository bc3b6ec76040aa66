#include "src/world.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/sysconf.h"
#include "src/core/conf.h"
#include "src/core/endpoint.h"
#include "src/core/schema.h"
#include "src/file.h"
#include "src/linux/own.h"

/* A group may have many members: its entry is read into at most this much. */
#define ENTRY_MAX ((size_t)1 << 20)

/* Calls ask with more and more room; 0, -ENOENT or -errno. */
static int
read_entry(int (*ask)(const char *name, char *buf, size_t size, uint32_t *ret),
    const char *name, uint32_t *ret)
{
	size_t size = 1024;
	char *buf;
	int r;

	do {
		buf = malloc(size);
		if (buf == NULL)
			return -ENOMEM;
		r = ask(name, buf, size, ret);
		free(buf);
		size *= 4;
	} while ((r == -ERANGE || r == -EINTR) && size <= ENTRY_MAX);
	return r;
}

static int
ask_user(const char *name, char *buf, size_t size, uint32_t *ret)
{
	struct passwd entry, *found = NULL;
	int r = getpwnam_r(name, &entry, buf, size, &found);

	if (found == NULL)
		return r != 0 ? -r : -ENOENT;
	*ret = found->pw_uid;
	return 0;
}

static int
ask_group(const char *name, char *buf, size_t size, uint32_t *ret)
{
	struct group entry, *found = NULL;
	int r = getgrnam_r(name, &entry, buf, size, &found);

	if (found == NULL)
		return r != 0 ? -r : -ENOENT;
	*ret = found->gr_gid;
	return 0;
}

static int
world_user(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	return read_entry(ask_user, name, ret);
}

static int
world_group(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	return read_entry(ask_group, name, ret);
}

static int
world_path(void *arg, const char *path, char *buf, size_t size)
{
	char *real = realpath(path, NULL);
	int r = 0;

	(void)arg;
	if (real == NULL)
		return -errno;
	if (strlen(real) < size)
		(void)strcpy(buf, real); /* it fits */
	else
		r = -ENAMETOOLONG;
	free(real);
	return r;
}

static bool
is_script(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char begin[2];
	bool script;

	if (fd < 0)
		return false;
	script = read(fd, begin, 2) == 2 && begin[0] == '#' && begin[1] == '!';
	(void)close(fd); /* it was only read */
	return script;
}

static enum policy_file
world_file(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	if (stat(path, &st) < 0)
		return POLICY_FILE_UNKNOWN;
	if (S_ISDIR(st.st_mode))
		return POLICY_FILE_FOLDER;
	if (!S_ISREG(st.st_mode))
		return POLICY_FILE_OTHER;
	if (is_script(path))
		return POLICY_FILE_SCRIPT;
	return (st.st_mode & 0111) != 0 ? POLICY_FILE_PROGRAM
					: POLICY_FILE_OTHER;
}

/* Reads the whole of /etc/passwd, and may use what is not for threads. */
static bool
is_own_group(gid_t gid)
{
	const struct passwd *user;
	bool own = false;

	setpwent();
	while (!own && (user = getpwent()) != NULL)
		own = user->pw_gid == gid;
	endpwent();
	return own;
}

static bool
world_besides(void *arg, const char *group, char *members, size_t size)
{
	const struct group *found = getgrnam(group);
	size_t len = 0;

	(void)arg;
	if (found == NULL || found->gr_mem[0] == NULL ||
	    is_own_group(found->gr_gid))
		return false;
	for (char **m = found->gr_mem; *m != NULL && len < size; m++)
		len += (size_t)snprintf(members + len, size - len, "%s%s",
		    len > 0 ? ", " : "", *m); /* may be cut */
	return true;
}

static bool
world_own(void *arg, size_t i, struct addr *ret)
{
	const struct addr *addr = NULL;
	struct own *own = NULL;

	(void)arg;
	if (own_read(&own) == 0)
		addr = own_get(own, i);
	if (addr != NULL)
		*ret = *addr;
	own_free(own);
	return addr != NULL;
}

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_MAX ((size_t)1 << 16) /* larger ones name nobody */

static bool
world_server(void *arg, size_t i, struct addr *ret)
{
	const struct sysconf_not none = { 0 };
	struct sysconf conf = { 0 };
	char *text;
	size_t len;

	(void)arg;
	if (file_read(RESOLV_CONF, RESOLV_CONF_MAX, &text, &len) < 0)
		return false;
	sysconf_resolv(&conf, &none, text, len);
	free(text);
	if (i < conf.n)
		*ret = conf.v[i].addr;
	return i < conf.n;
}

const struct policy_world load_world = {
	.user = world_user,
	.group = world_group,
	.path = world_path,
	.file = world_file,
	.besides = world_besides,
	.own = world_own,
	.server = world_server,
};

/* Whether what the device sends goes out as packets of this host once more, as
 * of a VPN's: one without addresses of its own (WireGuard, tun), or in IP. Of
 * one that is not there it is taken to be. */
static bool
is_carried(const char *device)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_hwaddr.sa_family = ARPHRD_NONE };

	(void)strncpy(ifr.ifr_name, device, IFNAMSIZ - 1); /* checked before */
	if (fd >= 0) {
		(void)ioctl(fd, SIOCGIFHWADDR, &ifr); /* or as it is */
		(void)close(fd);
	}
	switch (ifr.ifr_hwaddr.sa_family) {
	case ARPHRD_NONE:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
		return true;
	default:
		return false;
	}
}

/* One of a list counts: it may be the one that works. */
static bool
leaves_carried(const struct conf *conf, const struct conf_tunnel *tunnel)
{
	const struct conf_tunnel *one;

	for (size_t i = 0; i < tunnel->failover.n; i++) {
		one = conf_tunnel_find(conf, tunnel->failover.v[i].s);
		if (one != NULL && one->device.s[0] != '\0' &&
		    one->netns.s[0] == '\0' && is_carried(one->device.s))
			return true;
	}
	return tunnel->device.s[0] != '\0' && tunnel->netns.s[0] == '\0' &&
	       is_carried(tunnel->device.s);
}

static bool
is_proxy(const struct conf_tunnel *tunnel)
{
	const char *s = tunnel->upstream.s;
	struct endpoint e;

	return endpoint_parse(&e, s, strlen(s)) == 0 &&
	       (endpoint_is(&e, "socks5") || endpoint_is(&e, "http") ||
		   endpoint_is(&e, "https"));
}

/* Whether the far end would resolve names that are asked for here, and nobody
 * has said that they are to be. */
static bool
is_asked_here(const struct conf *conf, const struct conf_tunnel *tunnel)
{
	bool proxy = is_proxy(tunnel);

	if (conf->resolver.listen.n == 0)
		return false; /* nobody asks here */
	for (size_t i = 0; i < tunnel->failover.n && !proxy; i++) {
		const struct conf_tunnel *one =
		    conf_tunnel_find(conf, tunnel->failover.v[i].s);

		proxy = one != NULL && is_proxy(one);
	}
	return proxy && (tunnel->given & conf_key_bit("tunnel", "dns")) == 0;
}

int
world_set(struct policy_world *world, const struct conf *conf, void **ret_held)
{
	size_t n = conf->n_tunnels + conf->n_lists;
	const char **names = calloc(2 * n + 1, sizeof(names[0]));
	bool *far_names, *carried, *asked_here, *fakes_for_others;

	if (names == NULL)
		return -ENOMEM;
	/* behind the names, of each tunnel; all fit in what one more takes */
	far_names = (bool *)(names + n);
	carried = far_names + conf->n_tunnels;
	asked_here = carried + conf->n_tunnels;
	fakes_for_others = asked_here + conf->n_tunnels;
	for (size_t i = 0; i < conf->n_tunnels; i++) {
		names[i] = conf->tunnels[i].name;
		far_names[i] = conf->tunnels[i].dns != CONF_DNS_LOCAL;
		carried[i] = leaves_carried(conf, &conf->tunnels[i]);
		asked_here[i] = is_asked_here(conf, &conf->tunnels[i]);
		fakes_for_others[i] = conf->tunnels[i].dns == CONF_DNS_FAKE &&
				      conf->resolver.allow.n > 0;
	}
	for (size_t i = 0; i < conf->n_lists; i++)
		names[conf->n_tunnels + i] = conf->lists[i].name;
	world->tunnels = (struct policy_words){ names, conf->n_tunnels };
	world->lists =
	    (struct policy_words){ names + conf->n_tunnels, conf->n_lists };
	world->far_names = far_names;
	world->carried = carried;
	world->asked_here = asked_here;
	world->fakes_for_others = fakes_for_others;
	world->captures =
	    conf->resolver.capture != 0 && conf->resolver.listen.n > 0;
	*ret_held = names;
	return 0;
}
