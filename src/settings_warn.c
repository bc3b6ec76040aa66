#include "src/settings_warn.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/hosts.h"
#include "dns/trust.h"
#include "port17/tunnel.h"
#include "src/core/endpoint.h"
#include "src/core/text.h"
#include "src/ctl_sock.h"
#include "src/file.h"
#include "src/list_file.h"
#include "src/resolver_conf.h"

/* "[list "ads"]: warning: it is empty: …"; a long name or path may be cut. */
static void
warn(struct faults *warnings, const char *section, const char *what,
    const char *why)
{
	char text[LIST_ERROR_SIZE + 128];

	(void)snprintf(text, sizeof(text), "warning: %s: %s", what, why);
	faults_add_file(
	    warnings, section, &(struct fault_text){ text, NULL, NULL });
}

#define SECTION_SIZE (CONF_STRING_SIZE + 16)

static const char *
section_of(const char *kind, const char *name, char buf[SECTION_SIZE])
{
	(void)snprintf(buf, SECTION_SIZE, "[%s \"%s\"]", kind, name);
	return buf;
}

/* Certificates: whether what reads them at work can use them. */
static void
check_ca(struct faults *warnings, const char *section, const char *key,
    const struct conf_text *ca)
{
	char why[TRUST_WHY_SIZE] = "";

	if (ca->s[0] != '/') /* none, or the system's */
		return;
	trust_unref(trust_new(ca->s, why));
	if (why[0] != '\0')
		warn(warnings, section, key, why);
}

static void
check_group(struct faults *warnings, const char *name)
{
	const char *why = ctl_sock_group_missing(name);

	if (why != NULL)
		warn(warnings, "[rerouted]", "control-group", why);
}

#define HOSTS_FILE_MAX ((size_t)8 << 20)

/* A file of something else, as the leases of a DHCP server are. */
static void
check_hosts_lines(struct faults *warnings, const char *path)
{
	char *text, why[LIST_ERROR_SIZE];
	struct hosts *hosts;
	size_t len;

	if (file_read(path, HOSTS_FILE_MAX, &text, &len) < 0)
		return;
	hosts = hosts_read(text, len);
	if (hosts != NULL && hosts_faults(hosts) > 0) {
		(void)snprintf(why, sizeof(why),
		    "%s: no ADDRESS NAME ... stands in %zu of its lines: no "
		    "name of these is known",
		    path, hosts_faults(hosts)); /* may be cut */
		warn(warnings, "[resolver]", "hosts", why);
	}
	hosts_free(hosts);
	free(text);
}

static void
check_hosts(struct faults *warnings, const struct conf_text *hosts)
{
	char why[LIST_ERROR_SIZE];
	struct stat st;
	int error = 0;

	/* the default may well be missing */
	if (hosts->place.len == 0 || hosts->s[0] != '/')
		return;
	if (access(hosts->s, R_OK) < 0 || stat(hosts->s, &st) < 0)
		error = errno;
	else if (S_ISDIR(st.st_mode))
		error = EISDIR;
	if (error == 0) {
		check_hosts_lines(warnings, hosts->s);
		return;
	}
	(void)snprintf(why, sizeof(why), "%s: %s", hosts->s,
	    strerror(error)); /* may be cut */
	warn(warnings, "[resolver]", "hosts", why);
}

/* Of several patterns one may find nothing, and the list is short of it. */
static void
check_patterns(struct faults *warnings, const struct conf_list *list)
{
	char section[SECTION_SIZE];

	for (size_t i = 0; i < list->sources.n; i++) {
		const char *pattern = list->sources.v[i].s;
		glob_t found;
		int r = glob(pattern, 0, NULL, &found);

		if (r == 0)
			globfree(&found);
		else if (r == GLOB_NOMATCH && strpbrk(pattern, "*?[") != NULL)
			warn(warnings, section_of("list", list->name, section),
			    "no file is found by source", pattern);
	}
}

/* "::1:53", which is an address without a port. */
static void
check_port(struct faults *warnings, const char *listen)
{
	size_t len = strlen(listen);

	if (len > 3 && listen[0] != '[' &&
	    strcmp(listen + len - 3, ":53") == 0 &&
	    strchr(listen, ':') != listen + len - 3)
		warn(warnings, "[resolver]", "listen is an address, no port",
		    "with one it is '[ADDRESS]:53'");
}

/* A resolver that answers nobody, or that nobody reaches, or that misses the
 * queries of a family. */
static void
check_listen(struct faults *warnings, const struct conf *conf)
{
	struct server_listen at[SERVER_LISTENS_MAX];
	size_t n = resolver_conf_listens(conf, at), others = 0;
	struct judge_capture capture;

	while (others < n && addr_is_loopback(&at[others].addr))
		others++;
	resolver_conf_capture(&capture, at, n);
	for (size_t i = 0; i < conf->resolver.listen.n; i++)
		check_port(warnings, conf->resolver.listen.v[i].s);
	if (others < n && conf->resolver.allow.n == 0)
		warn(warnings, "[resolver]", "listen is for other hosts, too",
		    "but allow names none: they are refused");
	if (others == n && n > 0 && conf->resolver.allow.n > 0)
		warn(warnings, "[resolver]", "allow",
		    "listen is for this host alone: no other one gets to ask");
	if (n == 0 || conf->resolver.capture == 0)
		return;
	if (!capture.ip4)
		warn(warnings, "[resolver]", "capture",
		    "queries over IPv4 to other servers are not taken: that "
		    "needs 127.0.0.1:53 in listen");
	if (!capture.ip6)
		warn(warnings, "[resolver]", "capture",
		    "queries over IPv6 to other servers are not taken: that "
		    "needs [::1]:53 in listen");
}

/* Whether it is the PROXY protocol to another host. */
static bool
is_elsewhere(const struct conf_text *upstream)
{
	static const char here[] = "localhost";
	struct endpoint e;

	if (endpoint_parse(&e, upstream->s, strlen(upstream->s)) < 0 ||
	    !endpoint_is(&e, "proxy2"))
		return false;
	if (e.addr.family != ADDR_NONE)
		return !addr_is_loopback(&e.addr);
	return e.host.len > 0 &&
	       (e.host.len != sizeof(here) - 1 ||
		   strncasecmp(e.host.s, here, e.host.len) != 0);
}

static bool
has_text(const struct conf_text *text)
{
	return text->s[0] != '\0';
}

static bool
is_proxy2(const struct conf_tunnel *tunnel)
{
	static const char proxy2[] = "proxy2";

	return strncmp(tunnel->upstream.s, proxy2, sizeof(proxy2) - 1) == 0;
}

/* A user or password, by a key or in front of the host. */
static bool
has_user(const struct conf_tunnel *tunnel)
{
	const char *s = tunnel->upstream.s;
	struct endpoint e;

	return has_text(&tunnel->user) || has_text(&tunnel->password) ||
	       (endpoint_parse(&e, s, strlen(s)) == 0 && e.user.s != NULL);
}

/* Of that no proxy of this kind is told. */
static bool
is_for_nobody(const struct conf_tunnel *tunnel)
{
	return has_user(tunnel) &&
	       (!has_text(&tunnel->upstream) ||
		   strcmp(tunnel->upstream.s, "direct") == 0 ||
		   is_proxy2(tunnel));
}

/* As other settings have it, and shells. */
static void
check_quotes(struct faults *warnings, const char *section, const char *key,
    const struct conf_text *text)
{
	if (text->s[0] == '"' || text->s[0] == '\'')
		warn(warnings, section, key, "its quotes are a part of it");
}

/* Names that are to be known to the tunnel alone. */
static void
check_names(struct faults *warnings, const struct conf *conf,
    const struct conf_tunnel *tunnel, const char *section)
{
	struct server_listen at[SERVER_LISTENS_MAX];

	if (tunnel->dns == CONF_DNS_LOCAL)
		return;
	if (conf->resolver.capture == 0 || resolver_conf_listens(conf, at) == 0)
		warn(warnings, section, "dns",
		    "without capture in [resolver], who has another server "
		    "asks that one for the names, outside the tunnel");
	if (tunnel->dns == CONF_DNS_FAKE &&
	    strcmp(tunnel->upstream.s, "direct") == 0)
		warn(warnings, section, "dns = fake",
		    "with upstream = direct nobody resolves the names, each "
		    "answer is SERVFAIL: local or tunnel");
}

/* Of several tunnels as one, whose own dns counts. */
static void
check_members(struct faults *warnings, const struct conf *conf,
    const struct conf_tunnel *tunnel, const char *section)
{
	for (size_t i = 0; i < tunnel->failover.n; i++) {
		const struct conf_tunnel *member =
		    conf_tunnel_find(conf, tunnel->failover.v[i].s);

		if (member == NULL || tunnel->dns != CONF_DNS_LOCAL ||
		    member->dns == CONF_DNS_LOCAL)
			continue;
		warn(warnings, section, "failover",
		    "the names of what goes through it are asked for here: "
		    "that its tunnels have dns does not count, it has to have "
		    "it itself");
		return;
	}
}

static bool
is_plain(const struct conf_tunnel *tunnel)
{
	return strcmp(tunnel->upstream.s, "direct") == 0 &&
	       !has_text(&tunnel->device) && !has_text(&tunnel->source) &&
	       !has_text(&tunnel->netns) && tunnel->fwmark == 0;
}

static void
check_tunnel(struct faults *warnings, const struct conf *conf,
    const struct conf_tunnel *tunnel)
{
	char section[SECTION_SIZE];

	(void)section_of("tunnel", tunnel->name, section);
	check_ca(warnings, section, "ca", &tunnel->ca);
	if (is_elsewhere(&tunnel->upstream))
		warn(warnings, section, "proxy2",
		    "it tells another host, in the clear, where programs go "
		    "from here, and not which they are: a program on this host "
		    "is meant");
	if (tunnel->fwmark != 0 && tunnel->device.s[0] == '\0' &&
	    tunnel->netns.s[0] == '\0')
		warn(warnings, section, "fwmark without device",
		    "while its table has no route the main table's is taken, "
		    "and what is to go through the tunnel goes directly: "
		    "rerouted.conf(5) has the route that keeps it from that");
	if (tunnel->source.s[0] != '\0' && tunnel->fwmark == 0 &&
	    tunnel->device.s[0] == '\0' && tunnel->netns.s[0] == '\0' &&
	    strcmp(tunnel->upstream.s, "direct") == 0)
		warn(warnings, section, "source without device",
		    "while the device that has the address is down, what is to "
		    "go through the tunnel may leave by another one: "
		    "rerouted.conf(5) has the routes that keep it from that");
	if (is_plain(tunnel))
		warn(warnings, section, "upstream = direct",
		    "without device, source, fwmark or netns it is a "
		    "connection like any other");
	check_names(warnings, conf, tunnel, section);
	check_members(warnings, conf, tunnel, section);
	check_quotes(warnings, section, "user", &tunnel->user);
	check_quotes(warnings, section, "password", &tunnel->password);
	if (tunnel_template_is_odd(tunnel->user.s))
		warn(warnings, section, "user",
		    "a % is taken as it is where none of %exe, %user, %unit "
		    "and %% stands");
	if (is_for_nobody(tunnel))
		warn(warnings, section, "user",
		    "nobody is told: they are for socks5, http and https");
	if (tunnel->proxy_header == CONF_HEADER_FULL && !is_proxy2(tunnel))
		warn(warnings, section, "proxy-header",
		    "there is none: it is for proxy2");
}

/* One message may have as much: who writes less means another unit. */
#define CACHE_LITTLE 65536

/* Files that the settings name: that one is missing is no fault, since it may
 * be there when the daemon starts. */
void
settings_warn(struct faults *warnings, const struct conf *conf)
{
	check_group(warnings, conf->control_group);
	check_ca(warnings, "[resolver]", "tls-ca", &conf->resolver.tls_ca);
	check_hosts(warnings, &conf->resolver.hosts);
	check_listen(warnings, conf);
	if (conf->resolver.cache_size > 0 &&
	    conf->resolver.cache_size < CACHE_LITTLE)
		warn(warnings, "[resolver]", "cache-size",
		    "it holds hardly an answer: a number alone is bytes, M "
		    "behind it is MiB");
	if (conf->resolver.min_ttl > conf->resolver.max_ttl)
		warn(warnings, "[resolver]", "min-ttl",
		    "it is longer than max-ttl, which counts");
	for (size_t i = 0; i < conf->n_lists; i++)
		check_patterns(warnings, &conf->lists[i]);
	for (size_t i = 0; i < conf->n_tunnels; i++)
		check_tunnel(warnings, conf, &conf->tunnels[i]);
}

void
settings_warn_list(
    struct faults *warnings, const struct conf_list *list, const char *why)
{
	char section[SECTION_SIZE];

	warn(warnings, section_of("list", list->name, section), "it is empty",
	    why);
}
