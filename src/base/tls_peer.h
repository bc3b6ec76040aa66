#ifndef BASE_TLS_PEER_H
#define BASE_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/addr.h"

/* Who is at the other end of a TLS connection, whatever it is for. */

struct ssl_st;
struct ssl_ctx_st;

/* Its certificate must be for this name, which is also asked for (SNI); or,
 * where that is "", for the address; or for the one that the name is. What
 * counts are the alternative names alone (RFC 9525 section 2): not the common
 * name, and no f*.example. False: no memory, or neither is given. */
bool tls_peer_expect(
    struct ssl_st *ssl, const char *name, const struct addr *addr);

/* All of the world's authorities take 220 KB. */
#define TLS_CA_MAX ((size_t)4 << 20)

/* Believes what a file of certificates in PEM form says. It is a file, and no
 * larger than that: nothing else is waited for, though a disk far away may be.
 * False: nothing of it is believed, and why is said. */
bool tls_peer_trust(
    struct ssl_ctx_st *context, const char *path, char *ret_why, size_t size);

#endif
