#include "dns/trust.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/tls_peer.h"

struct trust {
	unsigned int refs;
	SSL_CTX *context;
};

/* Trust ---------------------------------------------------------------------
 */

/* Where authorities lie in files of their own, by the hash of their names, the
 * one that is needed is read when it is. */
static bool
has_hashes(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool found = false;

	if (d == NULL)
		return false;
	while (!found && (entry = readdir(d)) != NULL)
		found = strlen(entry->d_name) == 10 &&
			strcmp(entry->d_name + 8, ".0") == 0;
	(void)closedir(d); /* it was read */
	return found;
}

const char *
trust_system_file(void)
{
	return X509_get_default_cert_file();
}

const char *
trust_system_dir(void)
{
	return X509_get_default_cert_dir();
}

static void
trust_system(SSL_CTX *context, char *ret_why)
{
	const char *dir = trust_system_dir();

	if (has_hashes(dir) ? SSL_CTX_load_verify_dir(context, dir) == 1
			    : SSL_CTX_set_default_verify_paths(context) == 1)
		return;
	(void)snprintf(ret_why, TRUST_WHY_SIZE,
	    "the system's certificates can't be read"); /* fits */
}

static void
trust_file(SSL_CTX *context, const char *file, char *ret_why)
{
	if (!tls_peer_trust(context, file, ret_why, TRUST_WHY_SIZE))
		return;
	/* what the file holds is believed as it is, be it no root */
	(void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context),
	    X509_V_FLAG_PARTIAL_CHAIN); /* can't fail */
}

/* The server has sent what the next connection may begin with. */
static int
session_cb(SSL *ssl, SSL_SESSION *session)
{
	struct trust_link *link = SSL_get_app_data(ssl);

	SSL_SESSION_free(link->session);
	link->session = session;
	return 1; /* the reference is ours now */
}

static SSL_CTX *
context_new(void)
{
	SSL_CTX *context = tls_peer_context_new();

	if (context == NULL)
		return NULL;
	(void)SSL_CTX_set_session_cache_mode(
	    context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, session_cb);
	return context;
}

struct trust *
trust_new(const char *ca, char ret_why[TRUST_WHY_SIZE])
{
	struct trust *trust = calloc(1, sizeof(*trust));

	if (trust == NULL)
		return NULL;
	trust->refs = 1;
	ERR_clear_error();
	trust->context = context_new();
	if (trust->context == NULL) {
		free(trust);
		return NULL;
	}
	ret_why[0] = '\0';
	if (ca[0] != '\0')
		trust_file(trust->context, ca, ret_why);
	else
		trust_system(trust->context, ret_why);
	ERR_clear_error();
	return trust;
}

struct trust *
trust_ref(struct trust *trust)
{
	trust->refs++;
	return trust;
}

void
trust_unref(struct trust *trust)
{
	if (trust == NULL || --trust->refs > 0)
		return;
	SSL_CTX_free(trust->context);
	free(trust);
}

void
trust_link_forget(struct trust_link *link)
{
	SSL_SESSION_free(link->session); /* accepts NULL */
	link->session = NULL;
}

void
trust_link_done(struct trust_link *link)
{
	trust_link_forget(link);
}

/* Certificates --------------------------------------------------------------
 */

/* Foreign bytes are shown to people, and put into JSON. */
static void
make_plain(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void
put_date(char *buf, size_t size, const ASN1_TIME *time)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		memset(&tm, 0, sizeof(tm));
	if (strftime(buf, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		buf[0] = '\0';
}

static void
put_name(char *buf, size_t size, const GENERAL_NAME *name)
{
	int type;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(name, &type);
	const uint8_t *bytes = ASN1_STRING_get0_data(s);
	size_t n = (size_t)ASN1_STRING_length(s);
	struct addr addr;
	char text[ADDR_STRLEN];

	buf[0] = '\0';
	if (type == GEN_IPADD && (n == 4 || n == 16)) {
		addr = n == 4 ? addr_ip4(bytes) : addr_ip6(bytes);
		(void)snprintf(buf, size, "%s", addr_format(&addr, text));
	} else if (type == GEN_DNS) {
		n = n < size ? n : size - 1;
		memcpy(buf, bytes, n);
		buf[n] = '\0';
		make_plain(buf);
	}
}

/* The first few names that a certificate is for. */
static void
put_names(char *buf, size_t size, X509 *cert)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = sk_GENERAL_NAME_num(names), shown = 0;
	char one[64];
	size_t at = 0;

	(void)snprintf(buf, size, "nobody"); /* fits */
	for (int i = 0; i < n; i++) {
		put_name(one, sizeof(one), sk_GENERAL_NAME_value(names, i));
		if (one[0] == '\0' || at + strlen(one) + 8 > size)
			continue;
		if (shown++ == 3) {
			(void)snprintf(buf + at, size - at, ", ..."); /* fits */
			break;
		}
		at += (size_t)snprintf(buf + at, size - at, "%s%s",
		    shown > 1 ? ", " : "", one); /* fits */
	}
	GENERAL_NAMES_free(names);
}

static void
explain_signer(struct trust_link *link, X509 *cert)
{
	char issuer[96] = "";

	if (X509_NAME_get_text_by_NID(X509_get_issuer_name(cert),
		NID_commonName, issuer, sizeof(issuer)) <= 0)
		(void)snprintf(issuer, sizeof(issuer), "?"); /* fits */
	make_plain(issuer);
	(void)snprintf(link->why, sizeof(link->why),
	    "its certificate is signed by nobody who is believed here: %s",
	    issuer); /* fits */
}

static void
explain_certificate(struct trust_link *link, int code, X509 *cert)
{
	char text[160];

	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		put_date(text, sizeof(text), X509_get0_notAfter(cert));
		(void)snprintf(link->why, sizeof(link->why),
		    "its certificate has expired, on %s", text);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		put_date(text, sizeof(text), X509_get0_notBefore(cert));
		(void)snprintf(link->why, sizeof(link->why),
		    "its certificate is not valid before %s: is the clock "
		    "right?",
		    text);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		put_names(text, sizeof(text), cert);
		(void)snprintf(link->why, sizeof(link->why),
		    "its certificate is for another name: %s", text);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		explain_signer(link, cert);
		break;
	default:
		(void)snprintf(link->why, sizeof(link->why),
		    "its certificate is no good: %s",
		    X509_verify_cert_error_string(code));
	}
}

static int
verify_cb(int good, X509_STORE_CTX *store)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct trust_link *link = SSL_get_app_data(ssl);

	if (good == 1)
		return 1;
	if (cert == NULL)
		cert = X509_STORE_CTX_get0_cert(store);
	link->error = -EKEYREJECTED;
	explain_certificate(link, X509_STORE_CTX_get_error(store), cert);
	return 0;
}

/* Connections ---------------------------------------------------------------
 */

struct ssl_st *
trust_begin(struct trust *trust, const struct upstream_spec *spec, int fd,
    struct trust_link *link)
{
	SSL *ssl = SSL_new(trust->context);

	link->why[0] = '\0';
	link->error = 0;
	if (ssl == NULL)
		return NULL;
	SSL_set_app_data(ssl, link);
	if (!tls_peer_expect(ssl, spec->name, &spec->addr) ||
	    SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	if (spec->kind == UPSTREAM_TLS_OPPORTUNISTIC)
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	else
		SSL_set_verify(ssl, SSL_VERIFY_PEER, verify_cb);
	if (link->session != NULL && SSL_SESSION_is_resumable(link->session))
		(void)SSL_set_session(ssl, link->session); /* else in full */
	tls_peer_bound(ssl);
	return ssl;
}

static int
say(struct trust_link *link, int error, const char *why)
{
	(void)snprintf(link->why, sizeof(link->why), "%s", why); /* cut */
	link->error = error;
	return error;
}

static int
explain_tls(struct trust_link *link)
{
	unsigned long code = ERR_peek_error();
	const char *text = ERR_reason_error_string(code);
	char why[TRUST_WHY_SIZE];

	switch (ERR_GET_REASON(code)) {
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return say(link, -ECONNRESET, "it closed the connection");
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_BAD_RECORD_TYPE:
	case SSL_R_UNEXPECTED_MESSAGE:
	case SSL_R_UNEXPECTED_RECORD:
	case SSL_R_RECORD_LENGTH_MISMATCH:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		return say(link, -EPROTO, "it does not speak TLS");
	}
	(void)snprintf(why, sizeof(why), "TLS failed: %s",
	    text != NULL ? text : "for a reason unknown"); /* cut */
	return say(link, -EPROTO, why);
}

int
trust_failed(struct ssl_st *ssl, int result, struct trust_link *link)
{
	int error = errno; /* before anything else */
	char why[TRUST_WHY_SIZE];

	if (link->error != 0) /* the certificate was looked at */
		return link->error;
	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_ZERO_RETURN:
		return say(link, -ECONNRESET, "it closed the connection");
	case SSL_ERROR_WANT_READ: /* which it may not */
		return say(link, -EPROTO, "it says too much that is nothing");
	case SSL_ERROR_SYSCALL:
		if (error == 0 || error == ECONNRESET || error == EPIPE)
			return say(
			    link, -ECONNRESET, "it closed the connection");
		(void)snprintf(why, sizeof(why), "the connection broke: %s",
		    strerror(error)); /* fits */
		return say(link, -error, why);
	default:
		return explain_tls(link);
	}
}
