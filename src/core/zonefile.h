#ifndef CORE_ZONEFILE_H
#define CORE_ZONEFILE_H

#include "src/core/list_line.h"

/* Master files (RFC 1035 section 5), as far as response policy zones need
 * them: $ORIGIN, $TTL, parentheses, quotes, comments, names relative to the
 * origin, an owner or a TTL left out, $INCLUDE, and BIND's $GENERATE. */

/* Words of one record. */
#define ZONEFILE_WORDS_MAX 64

/* Files within files, and how many of them a zone may have in all. */
#define ZONEFILE_DEPTH_MAX 8
#define ZONEFILE_INCLUDES_MAX 1000

/* What a $GENERATE may have behind its range, and the octets of one line that
 * it stands for. */
#define ZONEFILE_GENERATE_WORDS 12
#define ZONEFILE_GENERATED_MAX ((size_t)1024)

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

/* A $GENERATE at hand: the number of the next record. */
struct zone_generate {
	bool on;
	uint64_t next, stop, step;
	struct zone_word words[ZONEFILE_GENERATE_WORDS];
	size_t n_words;
};

struct zone {
	struct list_reader *reader;
	struct zone_outer outer[ZONEFILE_DEPTH_MAX];
	size_t depth, n_included;
	struct name origin, owner;
	bool has_origin, has_owner, has_margin;
	size_t margin;	/* blanks in front of all lines */
	uint32_t ttl;	/* of $TTL */
	uint32_t lines; /* of the record at hand, behind the first */
	struct zone_word words[ZONEFILE_WORDS_MAX];
	size_t n_words;
	struct zone_generate generate;
	char generated[ZONEFILE_GENERATED_MAX]; /* the words are of it then */
	uint32_t n_generated;			/* in all */
};

void zone_init(struct zone *zone, struct list_reader *reader);

/* The next record; what can't be read is told to the reader's sink and left
 * out. To be called until it is false, after the last one: that closes what
 * was included. reader->line and n are those of its first
 * line until the next call. */
bool zone_next(struct zone *zone, struct zone_record *ret);

/* For zone_next(): the words of one line to the zone's; *depth counts
 * parentheses. NULL or what is wrong. */
const char *zone_words(struct zone *zone, struct list_text line, int *depth);
/* Begins with the $GENERATE whose words are the zone's. NULL or what is
 * wrong. */
const char *zone_generate(struct zone *zone);
/* The words of the next record that it stands for; *ret_what: what is wrong
 * with that. False where there are no more. */
bool zone_generated(struct zone *zone, const char **ret_what);

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
