#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/tls_peer.h"

/* What a name or an address is asked for as, and must be in the certificate. */
static void
an_address_is_no_server_name(void **state)
{
	static const struct {
		const char *name, *sni, *host, *addr;
	} rows[] = {
		{ "dns.test", "dns.test", "dns.test", NULL },
		{ "dns.test.", "dns.test", "dns.test", NULL },
		{ "", NULL, NULL, "10.9.0.2" },
		{ "192.0.2.7", NULL, NULL, "192.0.2.7" },
		{ "2001:db8::7", NULL, NULL, "2001:db8:0:0:0:0:0:7" },
		{ "192.0.2.7.test", "192.0.2.7.test", "192.0.2.7.test", NULL },
	};
	SSL_CTX *context = tls_peer_context_new();
	struct addr addr;

	(void)state;
	assert_non_null(context);
	assert_int_equal(addr_parse(&addr, "10.9.0.2", 8), 0);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		SSL *ssl = SSL_new(context);
		X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
		const char *sni, *host;
		char *ip;

		assert_true(tls_peer_expect(ssl, rows[i].name, &addr));
		sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
		host = X509_VERIFY_PARAM_get0_host(param, 0);
		ip = X509_VERIFY_PARAM_get1_ip_asc(param);
		row_true(rows[i].name,
		    rows[i].sni == NULL
			? sni == NULL
			: sni != NULL && strcmp(sni, rows[i].sni) == 0);
		row_true(rows[i].name,
		    rows[i].host == NULL
			? host == NULL
			: host != NULL && strcmp(host, rows[i].host) == 0);
		row_true(rows[i].name,
		    rows[i].addr == NULL
			? ip == NULL
			: ip != NULL && strcasecmp(ip, rows[i].addr) == 0);
		OPENSSL_free(ip);
		SSL_free(ssl);
	}
	SSL_CTX_free(context);
}

static void
the_other_end_chooses_no_prime(void **state)
{
	SSL_CTX *context = tls_peer_context_new();
	STACK_OF(SSL_CIPHER) * ciphers;

	(void)state;
	assert_non_null(context);
	ciphers = SSL_CTX_get_ciphers(context);
	assert_true(sk_SSL_CIPHER_num(ciphers) > 3);
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
		int kx = SSL_CIPHER_get_kx_nid(cipher);

		row_true(SSL_CIPHER_get_name(cipher),
		    kx != NID_kx_dhe && kx != NID_kx_dhe_psk);
	}
	SSL_CTX_free(context);
}

/* Both ends of a connection, neither of which waits. */
struct both {
	SSL *client, *server;
	int fds[2]; /* the client's first */
};

static SSL_CTX *
context_with_key(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	assert_non_null(key);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(context, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return context;
}

static struct both
both_new(void)
{
	SSL_CTX *mine = tls_peer_context_new();
	SSL_CTX *its = context_with_key();
	struct both both = { SSL_new(mine), SSL_new(its), { -1, -1 } };
	int size = 4 << 20;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both.fds), 0);
	(void)setsockopt(
	    both.fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(SSL_set_fd(both.client, both.fds[0]), 1);
	assert_int_equal(SSL_set_fd(both.server, both.fds[1]), 1);
	SSL_set_connect_state(both.client);
	SSL_set_accept_state(both.server);
	tls_peer_bound(both.client);
	SSL_CTX_free(mine);
	SSL_CTX_free(its);
	return both;
}

static void
both_free(struct both *both)
{
	SSL_free(both->client);
	SSL_free(both->server);
	close(both->fds[0]);
	close(both->fds[1]);
}

static size_t
waits_for_client(const struct both *both)
{
	int n = 0;

	assert_int_equal(ioctl(both->fds[0], FIONREAD, &n), 0);
	return (size_t)n;
}

/* Asked for again and again, a handshake is not begun anew; nor does it go on
 * for as long as that comes. */
static void
a_handshake_reads_no_flood(void **state)
{
	struct both both = both_new();
	char record[5 + 4096] = "\x16\x03\x03\x10"; /* hello requests */
	size_t sent = 0;
	ssize_t n;
	int r;

	(void)state;
	while (
	    (n = write(both.fds[1], record, sizeof(record))) == sizeof(record))
		sent += sizeof(record);
	assert_true(sent > TLS_SHAKE_MAX + sizeof(record));
	tls_peer_begin_call(both.client);
	r = SSL_do_handshake(both.client);
	assert_int_equal(SSL_get_error(both.client, r), SSL_ERROR_WANT_READ);
	assert_true(tls_peer_floods(both.client));
	assert_true(waits_for_client(&both) > 0);
	both_free(&both);
}

static void
shake_both(struct both *both)
{
	int r = 0, s = 0;

	for (int i = 0; i < 100 && (r != 1 || s != 1); i++) {
		tls_peer_begin_call(both->client);
		r = SSL_do_handshake(both->client);
		s = SSL_do_handshake(both->server);
	}
	assert_int_equal(r, 1);
	assert_int_equal(s, 1);
}

/* Some are read past, as many servers send them; what never ends is not. */
static void
a_read_ends_among_tickets(void **state)
{
	static const int rows[] = { 4, 1000 };
	char buf[16];

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct both both = both_new();
		int r;

		shake_both(&both);
		for (int n = 0; n < rows[i]; n++) {
			assert_int_equal(
			    SSL_new_session_ticket(both.server), 1);
			assert_int_equal(SSL_do_handshake(both.server), 1);
		}
		assert_int_equal(SSL_write(both.server, "word", 4), 4);
		tls_peer_begin_call(both.client);
		r = SSL_read(both.client, buf, sizeof(buf));
		if (i == 0) {
			assert_int_equal(r, 4);
			assert_false(tls_peer_floods(both.client));
		} else {
			assert_int_equal(
			    SSL_get_error(both.client, r), SSL_ERROR_WANT_READ);
			assert_true(tls_peer_floods(both.client));
			assert_true(waits_for_client(&both) > 0);
		}
		both_free(&both);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_no_server_name),
		cmocka_unit_test(the_other_end_chooses_no_prime),
		cmocka_unit_test(a_handshake_reads_no_flood),
		cmocka_unit_test(a_read_ends_among_tickets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
