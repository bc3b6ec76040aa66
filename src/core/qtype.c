#include "src/core/qtype.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/base/num.h"
#include "src/core/text.h"

/* Those that are asked for, or stand in answers, today. */
#define QTYPES(X)                                                              \
	X(1, "A")                                                              \
	X(2, "NS")                                                             \
	X(5, "CNAME")                                                          \
	X(6, "SOA")                                                            \
	X(10, "NULL")                                                          \
	X(12, "PTR")                                                           \
	X(13, "HINFO")                                                         \
	X(15, "MX")                                                            \
	X(16, "TXT")                                                           \
	X(17, "RP")                                                            \
	X(18, "AFSDB")                                                         \
	X(24, "SIG")                                                           \
	X(25, "KEY")                                                           \
	X(28, "AAAA")                                                          \
	X(29, "LOC")                                                           \
	X(33, "SRV")                                                           \
	X(35, "NAPTR")                                                         \
	X(36, "KX")                                                            \
	X(37, "CERT")                                                          \
	X(39, "DNAME")                                                         \
	X(41, "OPT")                                                           \
	X(42, "APL")                                                           \
	X(43, "DS")                                                            \
	X(44, "SSHFP")                                                         \
	X(45, "IPSECKEY")                                                      \
	X(46, "RRSIG")                                                         \
	X(47, "NSEC")                                                          \
	X(48, "DNSKEY")                                                        \
	X(49, "DHCID")                                                         \
	X(50, "NSEC3")                                                         \
	X(51, "NSEC3PARAM")                                                    \
	X(52, "TLSA")                                                          \
	X(53, "SMIMEA")                                                        \
	X(55, "HIP")                                                           \
	X(59, "CDS")                                                           \
	X(60, "CDNSKEY")                                                       \
	X(61, "OPENPGPKEY")                                                    \
	X(62, "CSYNC")                                                         \
	X(63, "ZONEMD")                                                        \
	X(64, "SVCB")                                                          \
	X(65, "HTTPS")                                                         \
	X(99, "SPF")                                                           \
	X(108, "EUI48")                                                        \
	X(109, "EUI64")                                                        \
	X(249, "TKEY")                                                         \
	X(250, "TSIG")                                                         \
	X(251, "IXFR")                                                         \
	X(252, "AXFR")                                                         \
	X(255, "ANY")                                                          \
	X(256, "URI")                                                          \
	X(257, "CAA")

static const uint16_t numbers[] = {
#define X(number, name) number,
	QTYPES(X)
#undef X
};
static const char *const names[] = {
#define X(number, name) name,
	QTYPES(X)
#undef X
};
#define N_QTYPES (sizeof(names) / sizeof(names[0]))

int
qtype_parse(uint16_t *ret, const char *s, size_t len)
{
	uint64_t n;

	for (size_t i = 0; i < N_QTYPES; i++)
		if (strlen(names[i]) == len &&
		    strncasecmp(names[i], s, len) == 0) {
			*ret = numbers[i];
			return 0;
		}
	if (len <= 4 || strncasecmp(s, "TYPE", 4) != 0 ||
	    num_parse(&n, s + 4, len - 4, UINT16_MAX) < 0)
		return -EINVAL;
	*ret = (uint16_t)n;
	return 0;
}

const char *
qtype_format(uint16_t qtype, char buf[QTYPE_TEXT_SIZE])
{
	for (size_t i = 0; i < N_QTYPES; i++)
		if (numbers[i] == qtype)
			return names[i];
	(void)snprintf(buf, QTYPE_TEXT_SIZE, "TYPE%u", qtype); /* fits */
	return buf;
}

const char *const *
qtype_names(size_t *ret_n)
{
	*ret_n = N_QTYPES;
	return names;
}

const char *
qtype_nearest(const char *s, size_t len)
{
	return word_nearest(s, len, names, N_QTYPES);
}
