#ifndef BASE_TLS_PEER_H
#define BASE_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/addr.h"

/* Who is at the other end of a TLS connection, whatever it is for. */

struct ssl_st;
struct ssl_ctx_st;

/* For connections that one of ours begins: TLS 1.2 or later, no handshake but
 * the first one, and none whose arithmetic the other end chooses: with a long
 * prime it takes a second (finite-field DHE of TLS 1.2; all servers of today
 * have another). Believes nobody. NULL: no memory. */
struct ssl_ctx_st *tls_peer_context_new(void);

/* Its certificate must be for this name, which is also asked for (SNI); or,
 * where that is "", for the address; or for the one that the name is. What
 * counts are the alternative names alone (RFC 9525 section 2): not the common
 * name, and no f*.example. False: no memory, or neither is given. */
bool tls_peer_expect(
    struct ssl_st *ssl, const char *name, const struct addr *addr);

/* A call of OpenSSL's that reads goes on for as long as there come records of
 * which its caller is told nothing: a handshake that is asked for again and
 * again (which needs no key, so anybody on the way can send that), tickets of
 * sessions. So each call may read so much, a handshake's all certificates. */
#define TLS_SHAKE_MAX ((size_t)128 << 10)
#define TLS_READ_MAX ((size_t)32 << 10)

/* From now on, when it has its socket. */
void tls_peer_bound(struct ssl_st *ssl);

/* Before each call that reads. */
void tls_peer_begin_call(struct ssl_st *ssl);

/* After one that wants to read: whether it was not let. Where there is more is
 * not told by the socket, then: the connection is to be ended. */
bool tls_peer_floods(const struct ssl_st *ssl);

/* All of the world's authorities take 220 KB. */
#define TLS_CA_MAX ((size_t)4 << 20)

/* Believes what a file of certificates in PEM form says. It is a file, and no
 * larger than that: nothing else is waited for, though a disk far away may be.
 * False: nothing of it is believed, and why is said. */
bool tls_peer_trust(
    struct ssl_ctx_st *context, const char *path, char *ret_why, size_t size);

#endif
