#ifndef CORE_ENDPOINT_H
#define CORE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/base/name.h"

/* Bytes of the text that was parsed: borrowed, no final NUL. */
struct endpoint_part {
	const char *s; /* NULL where there is none */
	size_t len;
};

/* The far end of an upstream, as settings write it:
 *     [SCHEME://[USER[:PASSWORD]@]]HOST[:PORT][#NAME]
 *     SCHEME+unix:PATH
 * HOST is an address (IPv6 with a port in brackets, with %ZONE where
 * link-local) or a name. */
struct endpoint {
	struct endpoint_part scheme;	     /* without "+unix" */
	struct endpoint_part user, password; /* percent-encoded */
	struct endpoint_part path;	     /* of a Unix socket */
	struct addr addr;		     /* ADDR_NONE for a name */
	struct endpoint_part zone;	     /* of a link-local address */
	struct endpoint_part host;	     /* where it is a name */
	uint16_t port;			     /* 0: none was given */
	struct endpoint_part name;	     /* that a certificate must show */
};

/* The whole of s[0..len): 0 or -EINVAL. */
int endpoint_parse(struct endpoint *ret, const char *s, size_t len);

/* Whether the scheme is this one; NULL: that there is none. */
bool endpoint_is(const struct endpoint *endpoint, const char *scheme);

/* Undoes the percent-encoding of a part into buf with a final NUL: its length,
 * -EINVAL for a bad one or a NUL, -ERANGE where it does not fit. */
int endpoint_decode(const struct endpoint_part *part, char *buf, size_t size);

#endif
