#ifndef CORE_ZONEFILE_H
#define CORE_ZONEFILE_H

#include "src/core/list_line.h"

/* Master files (RFC 1035 section 5), as far as response policy zones need
 * them: $ORIGIN, $TTL, parentheses, quotes, comments, names relative to the
 * origin, an owner or a TTL left out, $INCLUDE. No $GENERATE. */

/* Words of one record. */
#define ZONEFILE_WORDS_MAX 64

/* Files within files, and how many of them a zone may have in all. */
#define ZONEFILE_DEPTH_MAX 8
#define ZONEFILE_INCLUDES_MAX 1000

struct zone_word {
	struct list_text text; /* escapes as they are; without quotes */
	bool quoted;
};

struct zone_record {
	struct name owner;
	uint16_t type;
	uint32_t ttl;
	const struct zone_word *data; /* borrowed of the zone */
	size_t n_data;
};

/* What goes on behind an $INCLUDE, and what was included. */
struct zone_outer {
	struct list_text rest;
	uint32_t n;
	char end;
	const char *file;
	struct name origin, owner;
	bool has_owner;
	struct list_included included;
};

struct zone {
	struct list_reader *reader;
	struct zone_outer outer[ZONEFILE_DEPTH_MAX];
	size_t depth, n_included;
	struct name origin, owner;
	bool has_origin, has_owner;
	uint32_t ttl;	/* of $TTL */
	uint32_t lines; /* of the record at hand, behind the first */
	struct zone_word words[ZONEFILE_WORDS_MAX];
	size_t n_words;
};

void zone_init(struct zone *zone, struct list_reader *reader);

/* The next record; what can't be read is told to the reader's sink and left
 * out. To be called until it is false, after the last one: that closes what
 * was included. reader->line and n are those of its first
 * line until the next call. */
bool zone_next(struct zone *zone, struct zone_record *ret);

/* A name as the zone writes it; NULL or what is wrong. */
const char *zone_name(
    struct name *ret, const struct zone *zone, struct list_text text);

/* RR types: 0 for what has no name here. */
uint16_t zone_type(struct list_text text);

/* The record's data in wire form, of the types that have an easy one
 * (A, AAAA, CNAME, NS, PTR, MX, TXT, SRV), and of any type as
 * RFC 3597 writes it. NULL or what is wrong. */
#define ZONE_RDATA_MAX 4096
struct zone_rdata {
	uint8_t bytes[ZONE_RDATA_MAX];
	size_t len;
};
const char *zone_rdata(struct zone_rdata *ret, const struct zone *zone,
    const struct zone_record *record);

#define ZONE_A 1
#define ZONE_NS 2
#define ZONE_CNAME 5
#define ZONE_SOA 6
#define ZONE_PTR 12
#define ZONE_MX 15
#define ZONE_TXT 16
#define ZONE_AAAA 28
#define ZONE_SRV 33

#endif
