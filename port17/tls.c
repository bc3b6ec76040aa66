#include "port17/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "src/base/tls_peer.h"

static void
say(char *why, size_t size, const char *what)
{
	unsigned long error = ERR_get_error();
	const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;

	(void)snprintf(why, size, "%s%s%s", what, reason != NULL ? ": " : "",
	    reason != NULL ? reason : ""); /* cut */
	ERR_clear_error();
}

struct ssl_ctx_st *
tls_context_read(const char *ca, char *ret_why, size_t size)
{
	SSL_CTX *context = tls_peer_context_new();

	if (context == NULL) {
		(void)snprintf(ret_why, size, "out of memory");
		return NULL;
	}
	if (ca[0] != '\0') {
		if (tls_peer_trust(context, ca, ret_why, size))
			return context;
	} else if (SSL_CTX_set_default_verify_paths(context) == 1) {
		return context;
	} else {
		say(ret_why, size, "the system's certificates can't be read");
	}
	SSL_CTX_free(context);
	return NULL;
}

void
tls_context_free(struct ssl_ctx_st *context)
{
	SSL_CTX_free(context);
}

struct ssl_st *
tls_begin(struct ssl_ctx_st *context, const struct tunnel *tunnel, int fd)
{
	static const unsigned char http1[] = "\x08http/1.1";
	SSL *ssl = SSL_new(context);
	const char *name =
	    tunnel->tls_name[0] != '\0' ? tunnel->tls_name : tunnel->host;

	if (ssl == NULL)
		return NULL;
	(void)SSL_set_alpn_protos(ssl, http1, sizeof(http1) - 1);
	if (!tls_peer_expect(ssl, name, &tunnel->addr) ||
	    SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	/* the pin, where there is one, tls_shake() looks at itself */
	SSL_set_verify(
	    ssl, tunnel->has_pin ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	SSL_set_connect_state(ssl);
	tls_peer_bound(ssl);
	return ssl;
}

/* SHA-256 of the public key, as HPKP had it (RFC 7469 section 2.4). */
static bool
is_pinned(SSL *ssl, const struct tunnel *tunnel)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	unsigned char hash[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned int len = 0;
	int n;

	if (cert == NULL)
		return false;
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (n <= 0)
		return false;
	if (EVP_Digest(der, (size_t)n, hash, &len, EVP_sha256(), NULL) != 1)
		len = 0;
	OPENSSL_free(der);
	return len == TUNNEL_PIN_SIZE &&
	       CRYPTO_memcmp(hash, tunnel->pin, len) == 0;
}

int
tls_shake(
    struct ssl_st *ssl, const struct tunnel *tunnel, char *ret_why, size_t size)
{
	long verified;
	int r;

	tls_peer_begin_call(ssl);
	r = SSL_do_handshake(ssl);
	if (r == 1) {
		if (!tunnel->has_pin || is_pinned(ssl, tunnel))
			return 1;
		say(ret_why, size, "its key is not the pinned one");
		return -EACCES;
	}
	switch (SSL_get_error(ssl, r)) {
	case SSL_ERROR_WANT_READ:
		ERR_clear_error();
		if (!tls_peer_floods(ssl))
			return 0;
		say(ret_why, size, "more than any handshake of TLS has");
		return -EPROTO;
	case SSL_ERROR_WANT_WRITE:
		ERR_clear_error();
		return 0;
	default:
		break;
	}
	verified = SSL_get_verify_result(ssl);
	if (!tunnel->has_pin && verified != X509_V_OK) {
		(void)snprintf(ret_why, size, "%s",
		    X509_verify_cert_error_string(verified)); /* cut */
		ERR_clear_error();
		return -EACCES;
	}
	say(ret_why, size, "no TLS");
	return -EPROTO;
}
