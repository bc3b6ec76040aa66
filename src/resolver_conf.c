#include "src/resolver_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/core/endpoint.h"

#define LISTEN_PORT 53

_Static_assert(CONF_FORWARDS_MAX == RESOLVE_FORWARDS_MAX &&
		   CONF_FAR_DNS_MAX == RESOLVE_TUNNELS_MAX &&
		   CONF_BLOCK_ADDRS_MAX == FILTER_ADDRS_MAX &&
		   CONF_UPSTREAMS_MAX == UPSTREAMS_MAX &&
		   CONF_LISTENS_MAX == SERVER_LISTENS_MAX,
    "what the settings are checked for");

char *
resolver_conf_read(const char *path, size_t max, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char *text = NULL;
	ssize_t n = -1;
	int error;

	if (fd < 0)
		return NULL;
	errno = EINVAL; /* a folder, a device */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		errno = EFBIG;
		if ((uint64_t)st.st_size <= max)
			text = malloc((size_t)st.st_size + 1);
		if (text != NULL)
			n = pread(fd, text, (size_t)st.st_size, 0);
	}
	error = errno;
	close(fd);
	if (n < 0) {
		free(text);
		errno = error;
		return NULL;
	}
	*ret_len = (size_t)n;
	return text;
}

uint64_t
resolver_conf_stamp(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	return (uint64_t)st.st_ino * 31 + (uint64_t)st.st_size * 131 +
	       (uint64_t)st.st_mtim.tv_sec * 1000003 +
	       (uint64_t)st.st_mtim.tv_nsec +
	       (uint64_t)st.st_ctim.tv_sec * 1000000007 +
	       (uint64_t)st.st_ctim.tv_nsec * 257;
}

static bool
has_system(const struct conf_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		if (strcmp(texts->v[i].s, "system") == 0)
			return true;
	return false;
}

bool
resolver_conf_is_system(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_forwards; i++)
		if (has_system(&conf->forwards[i].upstreams))
			return true;
	return has_system(&conf->resolver.upstreams);
}

size_t
resolver_conf_listens(
    const struct conf *conf, struct server_listen ret[SERVER_LISTENS_MAX])
{
	const struct conf_texts *texts = &conf->resolver.listen;
	size_t n = 0;

	for (size_t i = 0; i < texts->n && n < SERVER_LISTENS_MAX; i++) {
		struct endpoint e;

		if (endpoint_parse(&e, texts->v[i].s, strlen(texts->v[i].s)) <
			0 ||
		    e.addr.family == ADDR_NONE)
			continue;
		ret[n].addr = e.addr;
		ret[n++].port = e.port != 0 ? e.port : LISTEN_PORT;
	}
	return n;
}

void
resolver_conf_capture(
    struct judge_capture *ret, const struct server_listen *listens, size_t n)
{
	static const uint8_t here4[4] = { 127, 0, 0, 1 };
	struct addr target = addr_ip4(here4);

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		const struct addr *a = &listens[i].addr;

		if (listens[i].port != LISTEN_PORT)
			continue;
		ret->ours[ret->n_ours++] = *a;
		if (a->family == ADDR_IP4)
			ret->ip4 = ret->ip4 || addr_is_any(a) ||
				   addr_equal(a, &target);
		else
			ret->ip6 =
			    ret->ip6 || addr_is_any(a) || addr_is_loopback(a);
	}
}

static void
set_group(struct upstream_group *ret, const struct conf_texts *texts,
    enum conf_policy policy, const struct sysconf *system)
{
	memset(ret, 0, sizeof(*ret));
	ret->order =
	    policy == CONF_POLICY_PARALLEL ? UPSTREAM_PARALLEL : UPSTREAM_ORDER;
	for (size_t i = 0; i < texts->n && ret->n < UPSTREAMS_MAX; i++) {
		const char *s = texts->v[i].s;

		if (strcmp(s, "system") == 0) {
			for (size_t j = 0;
			     j < system->n && ret->n < UPSTREAMS_MAX; j++)
				ret->v[ret->n++].spec = system->v[j];
		} else if (upstream_parse(&ret->v[ret->n].spec, s, strlen(s)) ==
			   0) {
			ret->n++;
		}
	}
}

/* Those that can be asked by way of a tunnel: not this host's own, and not over
 * TLS, since nobody asked for less. */
static void
through_tunnel(struct upstream_group *group, const char *tunnel, bool chosen)
{
	size_t n = 0;

	for (size_t i = 0; i < group->n; i++) {
		struct upstream_spec spec = group->v[i].spec;

		if (upstream_is_tls(&spec) ||
		    (!chosen && addr_is_loopback(&spec.addr)))
			continue;
		spec.kind = UPSTREAM_TUNNEL;
		(void)snprintf(spec.name, sizeof(spec.name), "%s", tunnel);
		group->v[n++].spec = spec;
	}
	group->n = n;
}

/* Of each tunnel that names are resolved through: its own servers, or else the
 * usual ones. 0 or -ENOMEM. */
static int
set_tunnels(struct resolve_conf *ret, const struct conf *conf,
    const struct sysconf *system)
{
	ret->tunnels = calloc(conf->n_tunnels + 1, sizeof(ret->tunnels[0]));
	if (ret->tunnels == NULL)
		return -ENOMEM;
	for (size_t i = 0;
	     i < conf->n_tunnels && ret->n_tunnels < RESOLVE_TUNNELS_MAX; i++) {
		const struct conf_tunnel *from = &conf->tunnels[i];
		struct resolve_tunnel *to = &ret->tunnels[ret->n_tunnels];
		bool chosen = from->dns_server.n > 0;

		if (from->dns != CONF_DNS_TUNNEL)
			continue;
		ret->n_tunnels++;
		(void)snprintf(to->name, sizeof(to->name), "%s", from->name);
		set_group(&to->group,
		    chosen ? &from->dns_server : &conf->resolver.upstreams,
		    CONF_POLICY_ORDER, system);
		through_tunnel(&to->group, from->name, chosen);
	}
	return 0;
}

static void
set_block(struct filter_answer *ret, const struct conf_texts *texts)
{
	static const struct {
		const char *word;
		enum filter_block block;
	} words[] = {
		{ "null", FILTER_NULL },
		{ "nxdomain", FILTER_NXDOMAIN },
		{ "refused", FILTER_REFUSED },
		{ "nodata", FILTER_NODATA },
	};

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < texts->n; i++) {
		const char *s = texts->v[i].s;

		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++)
			if (strcmp(words[j].word, s) == 0)
				ret->block = words[j].block;
		if (ret->n_addrs < FILTER_ADDRS_MAX &&
		    addr_parse(&ret->addrs[ret->n_addrs], s, strlen(s)) == 0) {
			ret->block = FILTER_ADDRESSES;
			ret->n_addrs++;
		}
	}
}

static int
set_arrays(struct resolve_conf *ret, const struct conf *conf,
    const struct sysconf *system)
{
	const struct conf_texts *allow = &conf->resolver.allow_private;

	ret->forwards = calloc(conf->n_forwards + 1, sizeof(ret->forwards[0]));
	ret->allow_private = calloc(allow->n + 1, sizeof(struct name));
	if (ret->forwards == NULL || ret->allow_private == NULL) {
		free(ret->forwards);
		free(ret->allow_private);
		return -ENOMEM;
	}
	for (size_t i = 0;
	     i < conf->n_forwards && ret->n_forwards < RESOLVE_FORWARDS_MAX;
	     i++) {
		const struct conf_forward *from = &conf->forwards[i];
		struct resolve_forward *to = &ret->forwards[ret->n_forwards];

		if (name_parse(&to->zone, from->name, strlen(from->name)) < 0)
			continue;
		set_group(&to->group, &from->upstreams, from->policy, system);
		if (from->via.s[0] != '\0')
			through_tunnel(&to->group, from->via.s, true);
		ret->n_forwards++;
	}
	for (size_t i = 0; i < allow->n; i++)
		if (name_parse(&ret->allow_private[ret->n_allow_private],
			allow->v[i].s, strlen(allow->v[i].s)) == 0)
			ret->n_allow_private++;
	return 0;
}

void
resolver_conf_host(struct name *ret)
{
	char host[256];

	ret->len = 0;
	if (gethostname(host, sizeof(host)) < 0)
		return;
	host[sizeof(host) - 1] = '\0';
	(void)name_parse(ret, host, strlen(host)); /* none, then */
}

int
resolver_conf(struct resolve_conf *ret, const struct conf *conf,
    const struct sysconf *system)
{
	struct resolve_conf with;

	memset(&with, 0, sizeof(with));
	set_group(&with.upstreams, &conf->resolver.upstreams,
	    conf->resolver.policy, system);
	set_block(&with.block, &conf->resolver.block_answer);
	with.cache_bytes = (size_t)conf->resolver.cache_size;
	with.ttl_min = (uint32_t)(conf->resolver.min_ttl / 1000);
	with.ttl_max = (uint32_t)(conf->resolver.max_ttl / 1000);
	if (with.ttl_min > with.ttl_max) /* --check says so */
		with.ttl_min = with.ttl_max;
	with.stale_max = (uint32_t)(conf->resolver.serve_stale / 1000);
	with.capture = conf->resolver.capture != 0;
	resolver_conf_host(&with.host);
	if (set_tunnels(&with, conf, system) < 0)
		return -ENOMEM;
	if (set_arrays(&with, conf, system) < 0) {
		free(with.tunnels);
		return -ENOMEM;
	}
	*ret = with;
	return 0;
}

static void
leave_out(struct upstream_group *group,
    bool (*is_own)(void *arg, const struct upstream_spec *spec), void *arg)
{
	char text[UPSTREAM_TEXT_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < group->n; i++) {
		if (!is_own(arg, &group->v[i].spec))
			group->v[n++].spec = group->v[i].spec;
		else
			log_warning("dns",
			    "upstream %s is the daemon itself, and is not "
			    "asked",
			    upstream_format(&group->v[i].spec, text));
	}
	group->n = n;
}

void
resolver_conf_leave_out(struct resolve_conf *conf,
    bool (*is_own)(void *arg, const struct upstream_spec *spec), void *arg)
{
	leave_out(&conf->upstreams, is_own, arg);
	for (size_t i = 0; i < conf->n_forwards; i++)
		leave_out(&conf->forwards[i].group, is_own, arg);
}
