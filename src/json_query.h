#ifndef JSON_QUERY_H
#define JSON_QUERY_H

#include "dns/record.h"
#include "src/json.h"

/* The object of a query, design.md section 9. NULL when there is no memory. */
json_t *json_query(const struct record *record, const struct json_time *at);

/* What the rules decided about it: rule, label, reason and list. */
json_t *json_query_why(const struct record *record);

/* Whose servers are asked for it: upstream and forward. */
json_t *json_query_asked(const struct record *record);

/* "NOERROR" or a number. */
#define JSON_RCODE_SIZE 16
const char *json_rcode(unsigned int rcode, char buf[JSON_RCODE_SIZE]);

/* "192.0.2.1:53", "[2001:db8::1]:53". */
#define JSON_END_SIZE (ADDR_STRLEN + 16)
const char *json_end(
    const struct addr *addr, uint16_t port, char buf[JSON_END_SIZE]);

#endif
