#ifndef CORE_LISTS_H
#define CORE_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/base/name.h"

/* Lists of the settings, compiled: what a rule's `list NAME` asks, and what the
 * resolver answers where a list says more than "blocked". */

/* One compiled list: immutable, counted by reference, any thread may read it
 * or count. Functions that take one accept NULL (a list that could not be
 * loaded yet) as an empty list.
 *
 * Names are kept as keyed fingerprints, the key drawn anew for each list that
 * is compiled: a name that is in no list matches by accident once in about
 * 10^13 different names that are looked up, and nobody who does not know the
 * key can do better than that. Addresses are kept as they are, and so are
 * patterns: wildcards within a name, and regular expressions. */
struct list_index;

const struct list_index *list_index_ref(const struct list_index *l);
void list_index_unref(const struct list_index *l);

/* Whether the list means that name: an entry of the name itself, or of a name
 * above it that covers what is below, unless an exception of the list takes it
 * out again (AdBlock's @@ and $denyallow, RPZ's passthru; $important beats @@).
 * tcp-only of RPZ is no match: see list_wants_tcp(); nor is what leads
 * from the name to itself. qtype: of the query (AdBlock's $dnstype). */
bool list_has_name(
    const struct list_index *l, const struct name *name, uint16_t qtype);

/* The same for the name of a connection's other end, however it was learnt: an
 * entry that has records of its own (LIST_LOCAL) is none, since that is about
 * what a query is answered, nor one that is for queries of some types. */
bool list_has_host(const struct list_index *l, const struct name *name);

/* The same for an address; the most specific of RPZ's prefixes counts. */
bool list_has_addr(const struct list_index *l, const struct addr *addr);

/* Whether some of it may be for queries of some types: fast, and not exact. */
bool list_knows_types(const struct list_index *l);

/* Nothing changes by it, but that a look-up of the name soon after need not
 * wait for memory: for who looks for many in a row. */
void list_expect(const struct list_index *l, const struct name *name);

/* What is to be done about a query that a rule blocked by a list. */
enum list_action {
	LIST_NONE,     /* the list does not mean this name or address */
	LIST_BLOCK,    /* as the setting block-answer says */
	LIST_NXDOMAIN, /* RPZ: CNAME . */
	LIST_NODATA,   /* RPZ: CNAME *. */
	LIST_DROP,     /* RPZ: CNAME rpz-drop. */
	LIST_REFUSED,  /* AdBlock: $dnsrewrite=REFUSED */
	LIST_LOCAL,    /* the records that list_answer_next() gives */
};

/* Borrows the list. */
struct list_answer {
	enum list_action action;
	const uint8_t *at, *end; /* records that are left: list_answer_next() */
	bool below; /* the records are those of the name itself, or of *.NAME */
};

/* False where nothing that it says is more than LIST_NONE or LIST_BLOCK: so it
 * need not be asked. Most lists are names alone. */
bool list_may_answer(const struct list_index *l);

/* One record of local data, in wire form without compression. A CNAME stands
 * alone and goes for every type. */
struct list_rr {
	uint16_t type;
	uint32_t ttl;
	uint16_t len;
	const uint8_t *rdata; /* borrowed of the list */
};

/* Total: LIST_NONE where list_has_name() or list_has_addr() is false, for the
 * address and for the one that NAT64 makes it of. */
void list_answer(struct list_answer *ret, const struct list_index *l,
    const struct name *name, uint16_t qtype);
void list_answer_addr(struct list_answer *ret, const struct list_index *l,
    const struct addr *addr);

/* False after the last one. The records of other types than the one that was
 * asked for are to be left out: where nothing is left, the answer is NODATA. */
bool list_answer_next(struct list_answer *answer, struct list_rr *ret);

/* Where a CNAME of local data leads for this query: its target, or for
 * "*.garden.example" the query's name below that one. 0, or -ENAMETOOLONG (as
 * DNAME: YXDOMAIN) or -EINVAL (no CNAME). */
int list_rr_target(
    struct name *ret, const struct list_rr *rr, const struct name *qname);

/* Whether the list has the name as tcp-only: whoever asks for it over UDP is
 * told to come back over TCP, and is then served as if there was no list. */
bool list_wants_tcp(const struct list_index *l, const struct name *name);

/* How much there is in it. */
size_t list_n_names(const struct list_index *l);
size_t list_n_patterns(const struct list_index *l);
size_t list_n_addrs(const struct list_index *l);

/* How often a list decided, since the daemon began: whoever acts on a decision
 * that came by a list (decided a flow, answered a query) counts it once. The
 * count goes on when the list is loaded anew. */
void list_index_hit(const struct list_index *l);
uint64_t list_index_hits(const struct list_index *l);

#endif
