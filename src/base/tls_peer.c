#include "src/base/tls_peer.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "src/base/name.h"

bool
tls_peer_expect(struct ssl_st *ssl, const char *name, const struct addr *addr)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	size_t n = strlen(name);
	char text[NAME_TEXT_SIZE];

	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
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
