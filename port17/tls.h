#ifndef PORT17_TLS_H
#define PORT17_TLS_H

#include "port17/tunnel.h"

/* TLS to an https proxy. */
struct ssl_ctx_st;
struct ssl_st;

void tls_context_free(struct ssl_ctx_st *context); /* accepts NULL */

/* It believes what the file of certificates says; "": what the system does.
 * Reads files, which may take its time. NULL where that fails: ret_why says
 * why. */
struct ssl_ctx_st *tls_context_read(const char *ca, char *ret_why, size_t size);

/* On a connected socket. NULL where there is no memory. */
struct ssl_st *tls_begin(
    struct ssl_ctx_st *context, const struct tunnel *tunnel, int fd);

/* 1 done, 0 waits, -EACCES (the certificate is not the one) or -EPROTO; with
 * ret_why. */
int tls_shake(struct ssl_st *ssl, const struct tunnel *tunnel, char *ret_why,
    size_t size);

#endif
