#ifndef CORE_CONF_H
#define CORE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "src/base/log.h"
#include "src/core/fault.h"

enum conf_backend {
	CONF_BACKEND_AUTO,
	CONF_BACKEND_LIBIPTC,
	CONF_BACKEND_RESTORE,
};

enum conf_fail {
	CONF_FAIL_CLOSED,
	CONF_FAIL_OPEN,
};

enum conf_accept {
	CONF_ACCEPT_AUTO, /* final where there are no rules but ours */
	CONF_ACCEPT_FINAL,
	CONF_ACCEPT_CONTINUE,
};

enum conf_ipv6 {
	CONF_IPV6_AUTO, /* where the kernel has it */
	CONF_IPV6_YES,
	CONF_IPV6_NO,
};

enum conf_policy {
	CONF_POLICY_ORDER,    /* the first upstream that works */
	CONF_POLICY_PARALLEL, /* all at once, the first answer */
};

enum conf_list_format {
	CONF_FORMAT_AUTO,
	CONF_FORMAT_HOSTS,
	CONF_FORMAT_DOMAINS,
	CONF_FORMAT_WILDCARD,
	CONF_FORMAT_ADBLOCK,
	CONF_FORMAT_RPZ,
	CONF_FORMAT_ADDRESSES,
	CONF_FORMAT_DNSMASQ,
	CONF_FORMAT_UNBOUND,
};

enum conf_tunnel_dns {
	CONF_DNS_LOCAL,
	CONF_DNS_TUNNEL,
	CONF_DNS_FAKE,
};

enum conf_tunnel_udp {
	CONF_UDP_TUNNEL,
	CONF_UDP_REJECT,
	CONF_UDP_DROP,
};

enum conf_proxy_header {
	CONF_HEADER_SHORT, /* within what nginx takes */
	CONF_HEADER_FULL,
};

#define CONF_STRING_SIZE 64

/* Where a value was written. */
struct conf_place {
	uint32_t source; /* the how manieth conf_parse() */
	uint32_t off, len;
};

/* A value that some other module makes sense of: its row's check has had its
 * say already. */
struct conf_text {
	const char *s; /* never NULL; "" where it is not set */
	struct conf_place place;
};

struct conf_texts {
	const struct conf_text *v;
	size_t n;
};

/* As many as the resolver and Port17 have room for; the fourth are tunnels with
 * dns = tunnel. */
#define CONF_LISTENS_MAX 16
#define CONF_UPSTREAMS_MAX 8 /* of one key */
#define CONF_FORWARDS_MAX 200
#define CONF_FAR_DNS_MAX 54
#define CONF_BLOCK_ADDRS_MAX 8
#define CONF_FAILOVER_MAX 16

/* [forward "corp.example"]: names below this one are asked elsewhere. */
struct conf_forward {
	const char *name; /* of the domain, canonical text */
	struct conf_place place;
	/* keys with a value that was no good, and with any, as bits */
	uint64_t bad, given;
	struct conf_texts upstreams;
	enum conf_policy policy;
	struct conf_text via; /* a tunnel's name; "" for none */
};

/* [list "ads"] */
struct conf_list {
	const char *name;
	struct conf_place place;
	uint64_t bad, given;
	struct conf_texts sources; /* paths, with * and ? */
	enum conf_list_format format;
};

/* Of a path to a network namespace, or a name below /run/netns/. */
#define CONF_NETNS_MAX 240

/* [tunnel "tor"] */
struct conf_tunnel {
	const char *name;
	struct conf_place place;
	uint64_t bad, given;
	struct conf_text upstream;	 /* URL; "" where failover is set */
	struct conf_texts failover;	 /* names of tunnels, or reject */
	struct conf_text user, password; /* templates */
	enum conf_tunnel_dns dns;
	struct conf_texts dns_server;
	enum conf_tunnel_udp udp;
	unsigned int honest_connect; /* no, yes */
	struct conf_text device, source, netns;
	uint64_t fwmark; /* 0: none */
	struct conf_text ca, pin;
	enum conf_proxy_header proxy_header;
};

/* The settings: always in range. One row of conf_rows (schema.h) describes
 * each. Counted by reference; not to be changed once it is shared. */
struct conf {
	unsigned int refs;
	struct arena *arena; /* all texts */
	uint32_t n_sources;

	enum log_level log_level;
	enum log_format log_format;
	char control_group[CONF_STRING_SIZE];
	unsigned int watch; /* no, yes */
	unsigned int bpf;   /* no, auto */
	uint64_t flows_max;
	uint64_t processes_max;
	uint64_t history;

	enum conf_backend backend;
	enum conf_ipv6 ipv6;
	enum conf_fail fail;
	enum conf_accept accept;
	uint64_t queue_length;
	uint64_t receive_buffer; /* bytes */

	struct {
		struct conf_texts listen; /* none: no resolver */
		struct conf_texts allow;  /* prefixes besides this host */
		struct conf_texts upstreams;
		struct conf_text tls_ca; /* a path, or system */
		enum conf_policy policy;
		unsigned int capture;		/* no, yes */
		struct conf_texts block_answer; /* a word, or addresses */
		uint64_t cache_size;		/* bytes */
		uint64_t min_ttl, max_ttl;	/* ms */
		uint64_t serve_stale;		/* ms; 0: not at all */
		struct conf_text hosts;
		struct conf_texts allow_private; /* names */
	} resolver;

	struct conf_forward *forwards;
	size_t n_forwards;
	struct conf_list *lists;
	size_t n_lists;
	struct conf_tunnel *tunnels;
	size_t n_tunnels;
};

/* Every setting at its default, with one reference; NULL when there is no
 * memory. */
struct conf *conf_new(void);
const struct conf *conf_ref(const struct conf *conf);
void conf_unref(const struct conf *conf); /* accepts NULL */

/* Reads one file over what is there: a later value wins. 0, -EINVAL (faults
 * were added; conf has the values that were good) or -ENOMEM. Of what the file
 * has twice is warned; NULL for none. */
int conf_parse(struct conf *conf, const char *file, const char *text,
    size_t len, struct faults *faults, struct faults *warnings);

/* What no single line shows: tunnels that need each other, sections that lack
 * something. `sources` are the texts as they were parsed, in order. 0 or
 * -EINVAL (faults were added). */
int conf_check(const struct conf *conf, const struct source *sources,
    struct faults *faults);

/* Each NULL where there is none of that name. */
const struct conf_list *conf_list_find(
    const struct conf *conf, const char *name);
const struct conf_tunnel *conf_tunnel_find(
    const struct conf *conf, const char *name);

/* All sections and keys in canonical form (print.c): it reads back to the same
 * values. */
void conf_print(const struct conf *conf, FILE *out);

/* The commented sample that is installed: every key with its help and its
 * default, all of them comments. */
void conf_print_sample(FILE *out);

#endif
