#include "tests/unit/unit.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_no_server_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
