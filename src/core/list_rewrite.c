#include "src/core/zonefile.h"

#include <string.h>

#include "src/core/qtype.h"

/* AdBlock's $dnsrewrite: what is answered in place of a name's own records. */

/* Programs are to learn soon that a rule has gone. */
#define REWRITE_TTL 10

static bool
take_rcode(struct list_rewrite *ret, struct list_text word)
{
	if (list_is(word, "NOERROR"))
		ret->code = HOSTSET_NODATA;
	else if (list_is(word, "NXDOMAIN"))
		ret->code = HOSTSET_NXDOMAIN;
	else if (list_is(word, "REFUSED"))
		ret->code = HOSTSET_REFUSED;
	else
		return false;
	return true;
}

/* An address, or the name of a CNAME; its type, 0 for none. One label is that
 * of an rcode which a resolver does not give. */
static uint16_t
take_value(struct list_rewrite *ret, struct list_text value)
{
	struct addr_range range;
	struct name name;

	ret->code = HOSTSET_LOCAL;
	ret->rr = (struct list_rr){ .ttl = REWRITE_TTL, .rdata = ret->rdata };
	if (list_addr(&range, value)) {
		if (!addr_equal(&range.lo, &range.hi))
			return 0;
		ret->rr.len = (uint16_t)addr_len(&range.lo);
		ret->rr.type = range.lo.family == ADDR_IP4 ? ZONE_A : ZONE_AAAA;
		memcpy(ret->rdata, range.lo.bytes, ret->rr.len);
	} else if (list_name(&name, value) == NULL &&
		   name_n_labels(&name) > 1) {
		ret->rr.len = name.len;
		ret->rr.type = ZONE_CNAME;
		memcpy(ret->rdata, name.wire, name.len);
	}
	return ret->rr.type;
}

/* What is written as in a zone: "10 mail.example", or a text without quotes. */
static bool
take_data(struct list_rewrite *ret, uint16_t type, struct list_text value)
{
	struct zone_word words[4];
	struct zone_record record = { .type = type, .data = words };
	struct list_text word;
	struct zone_rdata data;
	struct zone zone;

	if (type == ZONE_TXT) {
		words[record.n_data++] = (struct zone_word){ value, true };
	} else {
		while (record.n_data < 4 && (word = list_word(&value)).len > 0)
			words[record.n_data++] =
			    (struct zone_word){ word, false };
	}
	zone_init(&zone, NULL);
	if (list_word(&value).len > 0 && type != ZONE_TXT)
		return false;
	if (zone_rdata(&data, &zone, &record) != NULL ||
	    data.len > sizeof(ret->rdata))
		return false;
	memcpy(ret->rdata, data.bytes, data.len);
	ret->code = HOSTSET_LOCAL;
	ret->rr = (struct list_rr){ type, REWRITE_TTL, (uint16_t)data.len,
		ret->rdata };
	return true;
}

static bool
take_typed(struct list_rewrite *ret, uint16_t type, struct list_text value)
{
	switch (type) {
	case ZONE_MX:
	case ZONE_PTR:
	case ZONE_SRV:
	case ZONE_TXT:
		return take_data(ret, type, value);
	default:
		return take_value(ret, value) == type;
	}
}

/* "RCODE;TYPE;VALUE", of which an error has the first one only. */
static bool
take_full(struct list_rewrite *ret, struct list_text what)
{
	struct list_text rcode = list_until(&what, ';');
	struct list_text type = list_until(&what, ';');
	uint16_t qtype;

	if (!take_rcode(ret, rcode))
		return false;
	if (type.len == 0)
		return what.len == 0;
	return ret->code == HOSTSET_NODATA &&
	       qtype_parse(&qtype, type.p, type.len) == 0 &&
	       take_typed(ret, qtype, what);
}

bool
list_rewrite(struct list_rewrite *ret, struct list_text what)
{
	return memchr(what.p, ';', what.len) != NULL
		   ? take_full(ret, what)
		   : take_rcode(ret, what) || take_value(ret, what) != 0;
}
