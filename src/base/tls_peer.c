#include "src/base/tls_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/name.h"

struct ssl_ctx_st *
tls_peer_context_new(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL ||
	    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(context, "DEFAULT:!kDHE:!PSK") != 1) {
		SSL_CTX_free(context);
		ERR_clear_error();
		return NULL;
	}
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_mode(
	    context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
			 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return context;
}

bool
tls_peer_expect(struct ssl_st *ssl, const char *name, const struct addr *addr)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	size_t n = strlen(name);
	char text[NAME_TEXT_SIZE];
	struct addr named;

	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	/* one that is written as a name is asked for as none (RFC 6066
	 * section 3) */
	if (n > 0 && addr_parse(&named, name, n) == 0) {
		addr = &named;
		n = 0;
	}
	if (n == 0)
		return addr_len(addr) > 0 &&
		       X509_VERIFY_PARAM_set1_ip(
			   param, addr->bytes, addr_len(addr)) == 1;
	if (n >= sizeof(text))
		return false;
	memcpy(text, name, n + 1);
	if (text[n - 1] == '.') /* certificates have none */
		text[n - 1] = '\0';
	return SSL_set1_host(ssl, text) == 1 &&
	       SSL_set_tlsext_host_name(ssl, text) == 1;
}

/* Floods ------------------------------------------------------------------- */

/* What it has read when it may read no more. It wraps where a pointer is short:
 * so does what it is compared with. */
static bool
is_spent(const BIO *bio)
{
	uintptr_t end = (uintptr_t)BIO_get_callback_arg(bio);

	/* it is only asked, though the call does not say so */
	return (intptr_t)(BIO_number_read((BIO *)bio) - end) >= 0;
}

static long
bio_cb(BIO *bio, int what, const char *buf, size_t len, int arg, long arg_long,
    int result, size_t *processed)
{
	(void)buf;
	(void)len;
	(void)arg;
	(void)arg_long;
	(void)processed;
	if (what != BIO_CB_READ || !is_spent(bio))
		return result;
	BIO_clear_retry_flags(bio);
	BIO_set_retry_read(bio);
	return -1;
}

void
tls_peer_bound(struct ssl_st *ssl)
{
	BIO_set_callback_ex(SSL_get_rbio(ssl), bio_cb);
	tls_peer_begin_call(ssl);
}

void
tls_peer_begin_call(struct ssl_st *ssl)
{
	BIO *bio = SSL_get_rbio(ssl);
	size_t max = SSL_is_init_finished(ssl) ? TLS_READ_MAX : TLS_SHAKE_MAX;
	uintptr_t end = (uintptr_t)BIO_number_read(bio) + max;

	BIO_set_callback_arg(bio, (char *)end); /* a number, to OpenSSL */
}

bool
tls_peer_floods(const struct ssl_st *ssl)
{
	return is_spent(SSL_get_rbio(ssl));
}

/* Certificates ------------------------------------------------------------- */

/* 0 or -errno; no more than that, be it longer by now. */
static int
read_all(int fd, char *buf, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* To be freed. 0, -EFBIG, -EINVAL (it is no regular file) or -errno. */
static int
read_file(int fd, char **ret, size_t *ret_len)
{
	struct stat st;
	char *buf;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > (off_t)TLS_CA_MAX)
		return -EFBIG;
	buf = malloc((size_t)st.st_size + 1);
	if (buf == NULL)
		return -ENOMEM;
	r = read_all(fd, buf, (size_t)st.st_size, ret_len);
	if (r < 0)
		free(buf);
	else
		*ret = buf;
	return r;
}

static int
open_file(const char *path, char **ret, size_t *ret_len)
{
	/* one that is a pipe has perhaps nobody at its other end */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = read_file(fd, ret, ret_len);
	(void)close(fd); /* it was only read */
	return r;
}

/* How many certificates were added. */
static int
add_all(X509_STORE *store, STACK_OF(X509_INFO) * infos)
{
	int n = 0;

	for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
		const X509_INFO *info = sk_X509_INFO_value(infos, i);

		if (info->x509 != NULL &&
		    X509_STORE_add_cert(store, info->x509) == 1)
			n++;
		if (info->crl != NULL)
			(void)X509_STORE_add_crl(store, info->crl);
	}
	return n;
}

/* Nobody is asked for the password of a key that lies there, too. */
static int
no_password(char *buf, int size, int writes, void *arg)
{
	(void)buf;
	(void)size;
	(void)writes;
	(void)arg;
	return -1;
}

static int
add_text(SSL_CTX *context, const char *text, size_t len)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len); /* TLS_CA_MAX at most */
	STACK_OF(X509_INFO) *infos =
	    bio != NULL ? PEM_X509_INFO_read_bio(bio, NULL, no_password, NULL)
			: NULL;
	int n = add_all(SSL_CTX_get_cert_store(context), infos);

	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	BIO_free(bio);
	ERR_clear_error();
	return n;
}

bool
tls_peer_trust(
    struct ssl_ctx_st *context, const char *path, char *ret_why, size_t size)
{
	const char *why = "no certificates in PEM form";
	char *text = NULL;
	size_t len = 0;
	int r = open_file(path, &text, &len);

	if (r == -EFBIG)
		why = "more than 4 MiB";
	else if (r == -EINVAL)
		why = "not a regular file";
	else if (r < 0)
		why = strerror(-r);
	if (r == 0 && add_text(context, text, len) == 0)
		r = -EBADMSG;
	free(text);
	if (r < 0)
		(void)snprintf(ret_why, size, "%.160s: %s", path, why);
	return r == 0;
}
