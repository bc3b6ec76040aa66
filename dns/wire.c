#include "dns/wire.h"

#include <errno.h>
#include <string.h>

/* A pointer goes back by at least one octet and each name has room for 127
 * labels only; the bound is for the worst of both. */
#define HOPS_MAX 128

/* Adds a label; false where the name gets too long. */
static bool
add_label(struct name *name, size_t *at, const uint8_t *label, bool lower)
{
	size_t n = label[0];

	if (*at + n + 2 > NAME_WIRE_MAX) /* the root's octet follows */
		return false;
	name->wire[*at] = label[0];
	if (lower)
		for (size_t i = 1; i <= n; i++)
			name->wire[*at + i] = wire_lower(label[i]);
	else
		memcpy(name->wire + *at + 1, label + 1, n);
	*at += n + 1;
	return true;
}

int
wire_name_read(
    struct name *ret, const uint8_t *msg, size_t len, size_t *off, bool lower)
{
	size_t at = 0, pos = *off, end = 0, low = *off;
	unsigned int hops = 0;

	for (;;) {
		if (pos >= len)
			return -EBADMSG;
		if ((msg[pos] & 0xc0) == 0xc0) {
			if (pos + 1 >= len || ++hops > HOPS_MAX)
				return -EBADMSG;
			if (end == 0)
				end = pos + 2;
			pos = wire_u16(msg + pos) & 0x3fff;
			if (pos >= low)
				return -EBADMSG;
			low = pos;
			continue;
		}
		if (msg[pos] > 63)
			return -EBADMSG; /* 01 and 10: no such labels */
		if (msg[pos] == 0)
			break;
		if (pos + msg[pos] >= len ||
		    !add_label(ret, &at, msg + pos, lower))
			return -EBADMSG;
		pos += (size_t)msg[pos] + 1;
	}
	ret->wire[at] = 0;
	ret->len = (uint8_t)(at + 1);
	*off = end != 0 ? end : pos + 1;
	return 0;
}

int
wire_rr_read(struct wire_rr *ret, const uint8_t *msg, size_t len, size_t *off)
{
	struct rd rd;

	if (wire_name_read(&ret->owner, msg, len, off, true) < 0)
		return -EBADMSG;
	rd_init(&rd, msg + *off, len - *off);
	ret->type = rd_u16(&rd);
	ret->class = rd_u16(&rd);
	ret->ttl = rd_u32(&rd);
	ret->rdlen = rd_u16(&rd);
	ret->rdata = *off + 10;
	rd_skip(&rd, ret->rdlen);
	if (rd.bad)
		return -EBADMSG;
	*off = ret->rdata + ret->rdlen;
	return 0;
}

bool
wire_name_up(struct name *name)
{
	size_t n = (size_t)name->wire[0] + 1;

	if (name->len <= 1)
		return false;
	name->len = (uint8_t)(name->len - n);
	memmove(name->wire, name->wire + n, name->len);
	return true;
}
