#include "dns/addresses.h"

#include <string.h>

/* RFC 9460 section 14.3.2. */
enum {
	PARAM_IPV4HINT = 4,
	PARAM_IPV6HINT = 6,
};

/* A list of addresses is never empty, and all of them are whole. */
static bool
take_hints(struct rd *ret, const uint8_t *value, size_t len, size_t each)
{
	rd_init(ret, value, len);
	return value != NULL && len > 0 && len % each == 0;
}

/* Each key once, in ascending order (RFC 9460 section 2.2). */
static bool
read_params(struct addresses *ret, struct rd *rd)
{
	uint32_t least = 0;

	while (rd->len > 0 && !rd->bad) {
		uint16_t key = rd_u16(rd);
		uint16_t size = rd_u16(rd);
		const uint8_t *value = rd_bytes(rd, size);

		if (key < least)
			return false;
		least = key + 1U;
		if (key == PARAM_IPV4HINT &&
		    !take_hints(&ret->four, value, size, 4))
			return false;
		if (key == PARAM_IPV6HINT &&
		    !take_hints(&ret->six, value, size, 16))
			return false;
	}
	return !rd->bad;
}

/* Priority, target, parameters. The target is not compressed. */
static bool
read_service(struct addresses *ret, const uint8_t *rdata, size_t len)
{
	struct name target;
	struct rd rd;

	rd_init(&rd, rdata, len);
	(void)rd_u16(&rd);
	if (rd.bad || name_from_wire(&target, rd.p, rd.len) < 0)
		return false;
	rd_skip(&rd, target.len);
	return read_params(ret, &rd);
}

bool
addresses_read(
    struct addresses *ret, uint16_t type, const uint8_t *rdata, size_t len)
{
	rd_init(&ret->four, rdata, 0);
	rd_init(&ret->six, rdata, 0);
	if (type == TYPE_A && len == 4)
		rd_init(&ret->four, rdata, len);
	else if (type == TYPE_AAAA && len == 16)
		rd_init(&ret->six, rdata, len);
	else if (addresses_is_service(type))
		return read_service(ret, rdata, len);
	return true;
}

void
addresses_of(struct addresses *ret, const struct answer *answer, unsigned int i)
{
	const uint8_t *ttl = answer->wire + answer->ttls[i];

	if (addresses_read(ret, wire_u16(ttl - 4), ttl + 6, wire_u16(ttl + 4)))
		return;
	rd_init(&ret->four, ttl, 0);
	rd_init(&ret->six, ttl, 0);
}

/* At the start of the RDATA, or behind the priority of a service. */
bool
addresses_target(struct name *ret, const struct answer *answer, unsigned int i)
{
	size_t ttl = answer->ttls[i];
	uint16_t type = wire_u16(answer->wire + ttl - 4);
	bool service = addresses_is_service(type);
	size_t off = ttl + 6 + (service ? 2 : 0);

	return (service || type == TYPE_CNAME || type == TYPE_DNAME) &&
	       wire_name_read(ret, answer->wire, answer->len, &off, true) ==
		   0 &&
	       !name_is_root(ret);
}

/* Behind the question, or behind the record before. */
bool
addresses_owner(struct name *ret, const struct answer *answer,
    const struct name *qname, unsigned int i)
{
	size_t off = WIRE_HEADER + qname->len + 4U;

	if (i > 0) {
		size_t before = answer->ttls[i - 1];

		off = before + 6 + wire_u16(answer->wire + before + 4);
	}
	return wire_name_read(ret, answer->wire, answer->len, &off, true) == 0;
}

bool
addresses_next(struct addresses *addresses, struct addr *ret)
{
	const uint8_t *p;

	p = rd_bytes(&addresses->four, 4);
	if (p != NULL) {
		*ret = addr_ip4(p);
		return true;
	}
	p = rd_bytes(&addresses->six, 16);
	if (p != NULL)
		*ret = addr_ip6(p);
	return p != NULL;
}

void
addresses_host(struct name *ret, const struct name *service)
{
	const uint8_t *at = service->wire;

	while (at[0] > 0 && at[1] == '_')
		at = name_step(at);
	ret->len = (uint8_t)name_rest(service, at);
	memcpy(ret->wire, at, ret->len);
}

/* At *at a label that is `text`; it is left out then. */
static bool
skip_label(const uint8_t **at, const char *text)
{
	size_t len = strlen(text);

	if ((*at)[0] != len || memcmp(*at + 1, text, len) != 0)
		return false;
	*at = name_step(*at);
	return true;
}

/* Such as _8443. */
static bool
skip_port(const uint8_t **at)
{
	unsigned int len = (*at)[0];

	if (len < 2 || len > 6 || (*at)[1] != '_')
		return false;
	for (unsigned int i = 2; i <= len; i++)
		if ((*at)[i] < '0' || (*at)[i] > '9')
			return false;
	*at = name_step(*at);
	return true;
}

/* Such as _foo; TLSA and SRV records stand below those of transports. */
static bool
skip_scheme(const uint8_t **at, bool any)
{
	static const char *const transports[] = { "_tcp", "_udp", "_sctp",
		"_dccp", "_quic" };

	if (skip_label(at, "_https") || skip_label(at, "_dns"))
		return true;
	if (!any || (*at)[0] < 2 || (*at)[1] != '_')
		return false;
	for (size_t i = 0; i < sizeof(transports) / sizeof(char *); i++)
		if (skip_label(at, transports[i]))
			return false;
	*at = name_step(*at);
	return true;
}

bool
addresses_service_host(struct name *ret, const struct name *service)
{
	const uint8_t *at = service->wire;
	bool port = skip_port(&at);

	/* an underscore behind it is no host's */
	if (!skip_scheme(&at, port) || at[0] == 0 || at[1] == '_')
		return false;
	ret->len = (uint8_t)name_rest(service, at);
	memcpy(ret->wire, at, ret->len);
	return true;
}
