#ifndef DNS_UPSTREAM_H
#define DNS_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/base/mono.h"

/* A server that is asked, and what its answers have shown of it. No sockets
 * here: which one is next, and how long to wait, is decided. */

enum upstream_kind {
	UPSTREAM_PLAIN, /* UDP, and TCP where an answer is cut */
	UPSTREAM_TCP,
	UPSTREAM_TLS,
	UPSTREAM_TLS_OPPORTUNISTIC, /* unverified: only when asked for */
	UPSTREAM_TUNNEL,	    /* TCP, by way of a tunnel */
};

#define UPSTREAM_NAME_SIZE 256
#define UPSTREAM_ZONE_SIZE 16 /* IFNAMSIZ */
#define UPSTREAM_TEXT_SIZE (UPSTREAM_NAME_SIZE + ADDR_STRLEN + 48)

struct upstream_spec {
	enum upstream_kind kind;
	struct addr addr;
	char zone[UPSTREAM_ZONE_SIZE]; /* device of a link-local address */
	uint16_t port;
	/* that the certificate must be for, "": the address; or the tunnel's */
	char name[UPSTREAM_NAME_SIZE];
};

/* What the settings have checked: 192.0.2.53, [2001:db8::1]:53,
 * tls://192.0.2.53#dns.example, tcp://, tls-opportunistic://. 0 or -EINVAL. */
int upstream_parse(struct upstream_spec *ret, const char *s, size_t len);
const char *upstream_format(
    const struct upstream_spec *spec, char buf[UPSTREAM_TEXT_SIZE]);

bool upstream_is_tls(const struct upstream_spec *spec);
bool upstream_spec_equal(
    const struct upstream_spec *a, const struct upstream_spec *b);

/* Something that not all servers can do. One answer says nothing: it may be of
 * somebody else, or mean its one name. UPSTREAM_DOUBTS questions in a row that
 * were answered only without it say enough, for UPSTREAM_HABIT_NS. */
struct upstream_habit {
	unsigned int doubts; /* in a row */
	mono_t off_until;
};

#define UPSTREAM_DOUBTS 3
#define UPSTREAM_HABIT_NS (900 * MONO_S)

struct upstream {
	struct upstream_spec spec;
	unsigned int number; /* within all groups: for the shell */
	bool measured;
	uint32_t srtt_us, rttvar_us;
	unsigned int failures; /* one after the other */
	unsigned int odd;      /* see upstream_odd(): in a row */
	mono_t last_answer;
	mono_t down_since, down_until; /* while it is down; then it is probed */
	bool down;
	bool told;	   /* that it is: see upstream_tells() */
	bool probing;	   /* a query of somebody's tries it */
	bool speaks_edns;  /* it has answered with an OPT */
	unsigned int bare; /* answers without one since then, to EDNS */
	/* EDNS, and names with letters at random (0x20) */
	struct upstream_habit edns, cased;
	uint64_t queries, answers, timeouts, errors, tcp, spoofed;
};

#define UPSTREAMS_MAX 8

enum upstream_order {
	UPSTREAM_ORDER,	   /* the first that works */
	UPSTREAM_PARALLEL, /* all at once, the first good answer */
};

/* Servers that answer for the same names. */
struct upstream_group {
	enum upstream_order order;
	size_t n;
	struct upstream v[UPSTREAMS_MAX];
	/* names that had all their time, and no server has said anything since
	 * the first of them began: see upstream_in_vain() */
	unsigned int n_vain;
	uint64_t vain_name; /* the last one's hash */
	mono_t vain_since;
};

/* The next to be asked of those that are not in the set `tried` (bits by
 * place): what is up in order, then what is down. -1: all were tried. */
int upstream_next(const struct upstream_group *group, unsigned int tried);

/* One that was down and is due to be tried beside another, -1 for none. */
int upstream_probe(
    const struct upstream_group *group, unsigned int tried, mono_t now);

bool upstream_all_down(const struct upstream_group *group);

/* A question for this name, begun then, has ended in that nobody answered. One
 * name may be the servers' own trouble with whose it is: by the second one they
 * are silent, till any of them answers anything. */
void upstream_in_vain(
    struct upstream_group *group, uint64_t name_hash, mono_t began);
bool upstream_is_silent(const struct upstream_group *group);

/* The same servers, in the same order. */
bool upstream_group_equal(
    const struct upstream_group *a, const struct upstream_group *b);

/* What was learnt of servers that are in both, once nothing is under way. */
void upstream_group_remember(
    struct upstream_group *group, const struct upstream_group *before);

/* How long to wait for an answer before another is asked too. */
uint64_t upstream_patience(const struct upstream *u, unsigned int round);

/* It has answered, whatever it said, what was sent then. */
void upstream_answered(struct upstream *u, mono_t sent, mono_t now);
/* It has not, for longer than it usually takes. Down it is if it has answered
 * nothing else since: else only this name takes its time. */
void upstream_late(struct upstream *u, mono_t sent, mono_t now);
/* It was asked again over TCP, and told nothing there: what it had said by UDP
 * was too large, which is an answer, or (doubted) of another question. The
 * latter may be a forger's once: down it is by the second time in a row, if it
 * had answered nothing before that. */
void upstream_odd(struct upstream *u, bool doubted, mono_t sent, mono_t now);
/* It can't be reached: refused, no route, TLS failed. */
void upstream_failed(struct upstream *u, mono_t now);

/* True where there is something to tell that was not told: down again, when it
 * was tried after a failure (a question lost now and then is none), or, after
 * that, up. */
bool upstream_tells(struct upstream *u);

/* It can't be asked so. */
bool upstream_is_off(const struct upstream_habit *habit, mono_t now);
/* One more question was answered only without; true where that makes it off. */
bool upstream_doubt(struct upstream_habit *habit, mono_t now);
/* It can: whatever was thought before. */
void upstream_trust(struct upstream_habit *habit);

/* The network has changed: what was learnt of failures is void. */
void upstream_forgive(struct upstream *u);

#endif
