#ifndef BASE_TLS_PEER_H
#define BASE_TLS_PEER_H

#include <stdbool.h>

#include "src/base/addr.h"

/* Who is at the other end of a TLS connection, whatever it is for. */

struct ssl_st;

/* Its certificate must be for this name, which is also asked for (SNI); or,
 * where that is "", for the address. What counts are the alternative names
 * alone (RFC 9525 section 2): not the common name, and no f*.example. False:
 * no memory, or neither is given. */
bool tls_peer_expect(
    struct ssl_st *ssl, const char *name, const struct addr *addr);

#endif
