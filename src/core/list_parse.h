#ifndef CORE_LIST_PARSE_H
#define CORE_LIST_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "src/core/addrset.h"
#include "src/core/conf.h"
#include "src/core/hostset.h"
#include "src/core/list_build.h"
#include "src/core/lists.h"
#include "src/core/pattern.h"

/* Files of lists: what each line means. Junk is skipped and told; nothing that
 * a file holds ends the reading of it. */

enum list_entry_kind {
	LIST_ENTRY_NAME,    /* name, flags */
	LIST_ENTRY_CANCEL,  /* the same, said no more ($badfilter) */
	LIST_ENTRY_UNLESS,  /* the same, but for others and what is below */
	LIST_ENTRY_TYPES,   /* the same, for queries of types */
	LIST_ENTRY_RR,	    /* name, below, rr */
	LIST_ENTRY_ADDR,    /* range, rank, code */
	LIST_ENTRY_ADDR_RR, /* range, rr */
};

/* All borrowed, for the time of the call. */
struct list_entry {
	enum list_entry_kind kind;
	const char *file; /* that was included; NULL: the list's own */
	uint32_t line;	  /* from 1 */
	const struct name *name;
	const struct pattern *pattern; /* in place of a name; NULL */
	unsigned int flags; /* as in hostset.h; a pattern has no BELOW */
	const struct name *others;
	size_t n_others;
	struct list_types types;
	bool below;
	struct list_rr rr;
	struct addr_range range;
	enum addrset_rank rank;
	enum hostset_code code;
};

/* Something that can't be used. */
struct list_fault {
	const char *file; /* as of an entry */
	uint32_t line;
	const char *what;     /* of the program's own words */
	const char *modifier; /* AdBlock's, that can't apply; NULL for none */
	size_t modifier_len;
	const char *text; /* the line, as it is */
	size_t len;
	bool partial; /* the zone goes without what it includes there */
};

/* A file that was read for $INCLUDE; path and text are to be freed. */
struct list_included {
	char *path, *text;
	size_t len;
	uint64_t dev, ino; /* the same file has the same, by any path */
	uint32_t uid;
};

struct list_sink {
	/* 0, -ENOSPC (there is no room for this one: a fault of the line), or
	 * an error that ends the reading */
	int (*entry)(void *arg, const struct list_entry *entry);
	void (*fault)(void *arg, const struct list_fault *fault);
	/* Reads what a zone calls `name`; from: an included file that says so,
	 * or NULL. NULL or what is wrong. May be NULL: there are none. */
	const char *(*include)(void *arg, const struct list_included *from,
	    const char *name, struct list_included *ret);
	void *arg;
};

/* Gives the sink what the text says. 0 or what the sink returned.
 *
 * CONF_FORMAT_AUTO takes RPZ where one of the first lines is $TTL, $ORIGIN or
 * an SOA record; settings of dnsmasq or unbound where one of them is such one;
 * AdBlock where one of them begins with ||, @@ or [Adblock; and
 * else each line for itself: an address with names behind it as in hosts, an
 * address, prefix or range alone, a name alone, a rule with |, @@ or /, or a
 * regular expression that begins with ^ or (. */
int list_parse(const struct list_sink *sink, enum conf_list_format format,
    const char *text, size_t len);

/* What that comes to. */
enum conf_list_format list_detect(const char *text, size_t len);

/* The n-th line as that counts them, from 1; borrowed, "" where there is
 * none. */
const char *list_nth_line(
    const char *text, size_t len, uint32_t n, size_t *ret_len);

/* Whether what an entry says has to do with the name (in a query of that type;
 * 0: a connection's) or address; for who asks which line it was. */
bool list_entry_is_about(
    const struct list_entry *entry, const struct name *name, uint16_t qtype);
bool list_entry_is_about_addr(
    const struct list_entry *entry, const struct addr *addr);

/* Hands an entry to the builder. 0, -ENOSPC (a pattern too many), -E2BIG or
 * -ENOMEM. */
int list_entry_build(struct list_build *build, const struct list_entry *entry);

#endif
