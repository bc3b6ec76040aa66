#ifndef DNS_TRUST_H
#define DNS_TRUST_H

#include <stddef.h>

#include "dns/upstream.h"

/* TLS to an upstream (RFC 7858, 8310): the only files that know OpenSSL are
 * trust.c and tls_conn_ev.c. */

struct ssl_st;
struct ssl_session_st;

/* Whose certificates are believed. Shared by all connections; counted. */
struct trust;

#define TRUST_WHY_SIZE 256

/* Believes what a file of certificates says; "": what the system believes. May
 * read a file, which takes 20 ms where it holds all of the world's authorities.
 * NULL only where there is no memory: a file that can't be used leaves nobody
 * to be believed, and ret_why says so (it is "" else). */
struct trust *trust_new(const char *ca, char ret_why[TRUST_WHY_SIZE]);
/* Where the system's are. */
const char *trust_system_file(void);
const char *trust_system_dir(void);
struct trust *trust_ref(struct trust *trust);
void trust_unref(struct trust *trust); /* accepts NULL */

/* What a connection keeps for the next one to the same server, and why the
 * last one came to nothing. To be zeroed first; lives as long as any of its
 * connections. */
struct trust_link {
	struct ssl_session_st *session; /* NULL: none to be resumed */
	char why[TRUST_WHY_SIZE];
	int error;
};
void trust_link_done(struct trust_link *link);
void trust_link_forget(struct trust_link *link); /* the session */

/* On a connected socket; the handshake is SSL_connect()'s. NULL when there is
 * no memory. */
struct ssl_st *trust_begin(struct trust *trust,
    const struct upstream_spec *spec, int fd, struct trust_link *link);

/* What SSL_connect(), SSL_read() or SSL_write() failed for: -errno, with words
 * in link->why. -EKEYREJECTED: the certificate is no good; -ECONNRESET: closed
 * by the server; -EPROTO: not TLS. result: what the call returned. */
int trust_failed(struct ssl_st *ssl, int result, struct trust_link *link);

#endif
