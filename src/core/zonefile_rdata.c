#include "src/core/zonefile.h"

#include <string.h>

#include "src/base/num.h"

static bool
put(struct zone_rdata *to, const void *bytes, size_t len)
{
	if (len > sizeof(to->bytes) - to->len)
		return false;
	memcpy(to->bytes + to->len, bytes, len);
	to->len += len;
	return true;
}

static bool
put_number(struct zone_rdata *to, const struct zone_word *word)
{
	uint64_t n;

	if (num_parse(&n, word->text.p, word->text.len, UINT16_MAX) < 0)
		return false;
	return put(to, (uint8_t[]){ (uint8_t)(n >> 8), (uint8_t)n }, 2);
}

static bool
put_name(struct zone_rdata *to, const struct zone *zone,
    const struct zone_word *word)
{
	struct name name;

	return zone_name(&name, zone, word->text) == NULL &&
	       put(to, name.wire, name.len);
}

static bool
put_addr(struct zone_rdata *to, const struct zone_word *word,
    enum addr_family family)
{
	struct addr addr;

	return addr_parse(&addr, word->text.p, word->text.len) == 0 &&
	       addr.family == family && put(to, addr.bytes, addr_len(&addr));
}

/* One byte of a string, escaped or not. */
static bool
take_byte(struct list_text *text, uint8_t *ret)
{
	uint64_t n;

	if (text->p[0] != '\\') {
		*ret = (uint8_t)text->p[0];
		*text = list_after(*text, 1);
		return true;
	}
	if (text->len >= 4 && num_parse(&n, text->p + 1, 3, UINT8_MAX) == 0) {
		*ret = (uint8_t)n;
		*text = list_after(*text, 4);
		return true;
	}
	if (text->len < 2 || (text->p[1] >= '0' && text->p[1] <= '9'))
		return false;
	*ret = (uint8_t)text->p[1];
	*text = list_after(*text, 2);
	return true;
}

static bool
put_string(struct zone_rdata *to, const struct zone_word *word)
{
	struct list_text text = word->text;
	uint8_t bytes[256];
	size_t n = 0;

	while (text.len > 0)
		if (n == 255 || !take_byte(&text, &bytes[1 + n++]))
			return false;
	bytes[0] = (uint8_t)n;
	return put(to, bytes, 1 + n);
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\# LENGTH HEX..." of RFC 3597. */
static bool
put_generic(struct zone_rdata *to, const struct zone_record *record)
{
	int half = -1;
	uint64_t len;

	if (record->n_data < 2 ||
	    num_parse(&len, record->data[1].text.p, record->data[1].text.len,
		ZONE_RDATA_MAX) < 0)
		return false;
	for (size_t i = 2; i < record->n_data; i++)
		for (size_t j = 0; j < record->data[i].text.len; j++) {
			int d = digit(record->data[i].text.p[j]);
			uint8_t byte;

			if (d < 0)
				return false;
			if (half < 0) {
				half = d;
				continue;
			}
			byte = (uint8_t)(half << 4 | d);
			half = -1;
			if (!put(to, &byte, 1))
				return false;
		}
	return half < 0 && to->len == len;
}

/* The numbers in front of a name. */
static bool
put_numbers_and_name(struct zone_rdata *to, const struct zone *zone,
    const struct zone_record *record, size_t numbers)
{
	if (record->n_data != numbers + 1)
		return false;
	for (size_t i = 0; i < numbers; i++)
		if (!put_number(to, &record->data[i]))
			return false;
	return put_name(to, zone, &record->data[numbers]);
}

static bool
put_strings(struct zone_rdata *to, const struct zone_record *record)
{
	for (size_t i = 0; i < record->n_data; i++)
		if (!put_string(to, &record->data[i]))
			return false;
	return record->n_data > 0;
}

static bool
put_data(struct zone_rdata *to, const struct zone *zone,
    const struct zone_record *record)
{
	if (record->n_data > 0 && !record->data[0].quoted &&
	    list_is(record->data[0].text, "\\#"))
		return put_generic(to, record);
	switch (record->type) {
	case ZONE_A:
		return record->n_data == 1 &&
		       put_addr(to, record->data, ADDR_IP4);
	case ZONE_AAAA:
		return record->n_data == 1 &&
		       put_addr(to, record->data, ADDR_IP6);
	case ZONE_CNAME:
	case ZONE_NS:
	case ZONE_PTR:
		return put_numbers_and_name(to, zone, record, 0);
	case ZONE_MX:
		return put_numbers_and_name(to, zone, record, 1);
	case ZONE_SRV:
		return put_numbers_and_name(to, zone, record, 3);
	case ZONE_TXT:
		return put_strings(to, record);
	default:
		return false;
	}
}

const char *
zone_rdata(struct zone_rdata *ret, const struct zone *zone,
    const struct zone_record *record)
{
	ret->len = 0;
	return put_data(ret, zone, record)
		   ? NULL
		   : "data that can't be read, or of a type not known here";
}
