#include "src/linux/chains_probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "src/base/mono.h"
#include "src/linux/spawn.h"
#include "src/linux/xtable.h"

#define MODPROBE_MAX (5 * MONO_S)

#define NEED_ROOT                                                              \
	"changing iptables needs CAP_NET_ADMIN (and CAP_NET_RAW): run as root"

int
chains_fail(struct chains_error *ret, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ret->text, sizeof(ret->text), fmt, ap); /* may be cut */
	va_end(ap);
	return r;
}

static const char *
ip_name(enum chains_family family)
{
	return family == CHAINS_IP4 ? "ip" : "ip6";
}

int
chains_fail_open(struct chains_error *ret_error, int r,
    enum chains_family family, enum chains_table table)
{
	const char *name = chains_table_name(table);

	switch (r) {
	case -EPERM:
	case -EACCES:
		return chains_fail(ret_error, -EPERM, NEED_ROOT);
	case -EAFNOSUPPORT:
		return chains_fail(ret_error, r, "this kernel has no %s",
		    family == CHAINS_IP6 ? "IPv6: leave it out" : "IPv4");
	case -ENOENT:
		return chains_fail(ret_error, r,
		    "%s: the kernel has no table %s: modprobe %stable_%s, or "
		    "build it with CONFIG_IP%s_NF_%s",
		    chains_family_name(family), name, ip_name(family), name,
		    family == CHAINS_IP6 ? "6" : "",
		    table == CHAINS_MANGLE ? "MANGLE"
		    : table == CHAINS_NAT  ? "NAT"
					   : "FILTER");
	case -ENOPROTOOPT:
		return chains_fail(ret_error, r,
		    "%s: the kernel has no legacy tables: modprobe %s_tables, "
		    "or build it with CONFIG_IP%s_NF_IPTABLES",
		    chains_family_name(family), ip_name(family),
		    family == CHAINS_IP6 ? "6" : "");
	default:
		return chains_fail(ret_error, r, "%s: can't read table %s: %s",
		    chains_family_name(family), name, strerror(-r));
	}
}

/* The path in /proc/sys/kernel/modprobe; empty: modules are not loaded. */
static int
modprobe_path(char *ret, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/modprobe", "re");
	bool ok;

	if (f == NULL)
		return -errno;
	ok = fgets(ret, (int)size, f) != NULL;
	(void)fclose(f); /* it was only read */
	if (!ok)
		return -ENOENT;
	ret[strcspn(ret, "\n")] = '\0';
	return ret[0] == '/' ? 0 : -ENOENT;
}

int
chains_modprobe(const char *module)
{
	char path[256], quiet[] = "-q", end[] = "--", name[64];
	char *argv[] = { path, quiet, end, name, NULL };
	char *env[] = { NULL };
	const struct spawn spawn = { path, argv, env, -1, -1, -1,
		MODPROBE_MAX };
	int r = modprobe_path(path, sizeof(path));

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%s", module); /* ours: short */
	return spawn_run(&spawn);
}

static int
open_raw(enum chains_family family)
{
	int fd = socket(family == CHAINS_IP4 ? AF_INET : AF_INET6,
	    SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	return fd >= 0 ? fd : -errno;
}

/* libiptc does not load modules, and the kernel loads a table only when
 * ip_tables is there already. */
static int
probe_table(enum chains_family family, enum chains_table table)
{
	struct xtable t;
	char module[64];
	int r = xtable_open(&t, family, table);

	if (r == -ENOENT || r == -ENOPROTOOPT) {
		(void)snprintf(module, sizeof(module), "%stable_%s",
		    ip_name(family), chains_table_name(table));
		/* the second try tells whether it helped */
		(void)chains_modprobe(module);
		r = xtable_open(&t, family, table);
	}
	if (r == 0)
		xtable_close(&t);
	return r;
}

int
chains_probe_tables(enum chains_family family, struct chains_error *ret_error)
{
	int r = open_raw(family);

	if (r < 0)
		return chains_fail_open(ret_error, r, family, CHAINS_MANGLE);
	(void)close(r); /* nothing was sent */
	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++) {
		r = probe_table(family, table);
		/* a kernel without security has all that is needed */
		if (r < 0 && table != CHAINS_SECURITY)
			return chains_fail_open(ret_error, r, family, table);
	}
	return 0;
}

static int
fail_extension(struct chains_error *ret_error, int r, enum chains_family family,
    const struct chains_extension *x)
{
	const char *kind = x->target ? "target" : "match";
	const char *ip =
	    strncmp(x->module, "%s", 2) == 0 ? ip_name(family) : "";
	const char *module = *ip != '\0' ? x->module + 2 : x->module;

	switch (r) {
	case -EPERM:
		return chains_fail(ret_error, r, NEED_ROOT);
	case -EPROTONOSUPPORT:
		return chains_fail(ret_error, r,
		    "%s: the kernel is too old: its %s %s lacks revision %u",
		    chains_family_name(family), kind, x->name, x->revision);
	default:
		return chains_fail(ret_error, r,
		    "%s: the kernel has no %s %s (%s): modprobe %s%s, or build "
		    "it with %s",
		    chains_family_name(family), kind, x->name, strerror(-r), ip,
		    module, x->option);
	}
}

int
chains_probe_extension(enum chains_family family,
    const struct chains_extension *x, struct chains_error *ret_error)
{
	struct xt_get_revision rev = { .revision = x->revision };
	socklen_t len = sizeof(rev);
	int option, fd, r = 0;

	(void)snprintf(rev.name, sizeof(rev.name), "%s", x->name);
	fd = open_raw(family);
	if (fd < 0)
		return chains_fail_open(ret_error, fd, family, CHAINS_MANGLE);
	if (family == CHAINS_IP4)
		option = x->target ? IPT_SO_GET_REVISION_TARGET
				   : IPT_SO_GET_REVISION_MATCH;
	else
		option = x->target ? IP6T_SO_GET_REVISION_TARGET
				   : IP6T_SO_GET_REVISION_MATCH;
	if (getsockopt(fd, family == CHAINS_IP4 ? IPPROTO_IP : IPPROTO_IPV6,
		option, &rev, &len) < 0)
		r = -errno;
	(void)close(fd); /* nothing was sent */
	return r < 0 ? fail_extension(ret_error, r, family, x) : 0;
}

int
chains_probe(enum chains_family family, struct chains_error *ret_error)
{
	const struct chains_extension *x;
	int r = chains_probe_tables(family, ret_error);

	for (size_t n = 0; r == 0 && (x = chains_extension(n)) != NULL; n++)
		r = chains_probe_extension(family, x, ret_error);
	return r;
}
