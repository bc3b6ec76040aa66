#include "dns/writer.h"

#include <errno.h>
#include <string.h>

/* What a compression pointer reaches. */
#define POINTER_MAX 0x3fff

void
writer_begin(struct writer *w, struct writer_space *space,
    const struct name *qname, uint16_t qtype, uint16_t qclass)
{
	w->buf = space->buf;
	w->cap = sizeof(space->buf);
	w->bad = false;
	w->ttls = space->ttls;
	w->n_rrs = w->n_names = 0;
	memset(w->buf, 0, WIRE_HEADER);
	w->len = WIRE_HEADER;
	writer_name(w, qname, true);
	writer_u16(w, qtype);
	writer_u16(w, qclass);
}

static uint8_t *
room(struct writer *w, size_t n)
{
	uint8_t *p = w->buf + w->len;

	if (w->bad || n > w->cap - w->len) {
		w->bad = true;
		return NULL;
	}
	w->len += n;
	return p;
}

void
writer_u16(struct writer *w, unsigned int value)
{
	uint8_t *p = room(w, 2);

	if (p != NULL)
		wire_put16(p, value);
}

void
writer_u32(struct writer *w, uint32_t value)
{
	uint8_t *p = room(w, 4);

	if (p != NULL)
		wire_put32(p, value);
}

void
writer_bytes(struct writer *w, const void *bytes, size_t len)
{
	uint8_t *p = room(w, len);

	if (p != NULL)
		memcpy(p, bytes, len);
}

/* Whether the name written at off is this one; letters' case is no matter
 * (RFC 4343). What we wrote is sound. */
static bool
is_at(const struct writer *w, size_t off, const uint8_t *name)
{
	const uint8_t *p = w->buf + off;

	for (;;) {
		if ((*p & 0xc0) == 0xc0) {
			p = w->buf + (wire_u16(p) & POINTER_MAX);
			continue;
		}
		if (*p != *name)
			return false;
		if (*p == 0)
			return true;
		for (unsigned int n = *p; n > 0; n--)
			if (wire_lower(*++p) != wire_lower(*++name))
				return false;
		p++;
		name++;
	}
}

static bool
find_name(
    const struct writer *w, const uint8_t *name, size_t len, uint16_t *ret)
{
	for (unsigned int i = 0; i < w->n_names; i++)
		if (w->name_lens[i] == len && is_at(w, w->names[i], name)) {
			*ret = w->names[i];
			return true;
		}
	return false;
}

static bool
is_first(const struct writer *w, const struct name *name)
{
	return w->name_lens[0] == name->len &&
	       memcmp(w->buf + w->names[0], name->wire, name->len) == 0;
}

void
writer_name(struct writer *w, const struct name *name, bool compress)
{
	/* what is being written is no target before it is whole */
	unsigned int n_before = w->n_names, n_new = 0;
	size_t at = 0;
	uint16_t off;

	/* mostly it is the one that was asked for */
	if (compress && n_before > 0 && name->len > 1 && is_first(w, name)) {
		writer_u16(w, 0xc000U | w->names[0]);
		return;
	}
	while (name->wire[at] != 0 && !w->bad) {
		size_t n = (size_t)name->wire[at] + 1, left = name->len - at;

		if (compress && find_name(w, name->wire + at, left, &off)) {
			writer_u16(w, 0xc000U | off);
			goto note;
		}
		if (compress && w->len <= POINTER_MAX &&
		    n_before + n_new < WRITER_NAMES_MAX) {
			w->names[n_before + n_new] = (uint16_t)w->len;
			w->name_lens[n_before + n_new++] = (uint8_t)left;
		}
		writer_bytes(w, name->wire + at, n);
		at += n;
	}
	writer_bytes(w, "", 1);
note:
	if (!w->bad)
		w->n_names = n_before + n_new;
}

size_t
writer_rr_begin(struct writer *w, const struct writer_rr *rr)
{
	size_t begun;

	writer_name(w, rr->owner, true);
	writer_u16(w, rr->type);
	writer_u16(w, rr->class);
	if (w->n_rrs == WRITER_RRS_MAX)
		w->bad = true;
	if (!w->bad)
		w->ttls[w->n_rrs++] = (uint16_t)w->len;
	writer_u32(w, rr->ttl);
	begun = w->len;
	writer_u16(w, 0);
	return begun;
}

void
writer_rr_end(struct writer *w, size_t begun)
{
	if (!w->bad)
		wire_put16(w->buf + begun, (unsigned int)(w->len - begun - 2));
}

/* How the RDATA of a type is laid out where names may be compressed in it: n a
 * name that we compress too (RFC 1035), u one that we do not (RFC 3597), digits
 * octets as they are, s a character string; the rest is copied. */
static const char *
layout_of(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *layout;
	} rows[] = {
		{ TYPE_NS, "n" }, { TYPE_CNAME, "n" }, { TYPE_SOA, "nn" },
		{ TYPE_PTR, "n" }, { TYPE_MX, "2n" }, { 3, "n" }, { 4, "n" },
		{ 7, "n" }, { 8, "n" }, { 9, "n" }, { 14, "nn" },
		{ 17, "uu" },				   /* RP */
		{ 18, "2u" }, { 21, "2u" }, { 26, "2uu" }, /* AFSDB RT PX */
		{ TYPE_SRV, "222u" }, { 35, "22sssu" },	   /* NAPTR */
		{ 36, "2u" }, { TYPE_DNAME, "u" },	   /* KX */
		{ 24, "224442u" }, { TYPE_RRSIG, "224442u" },
		{ 30, "u" }, /* NXT */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].type == type)
			return rows[i].layout;
	return "";
}

int
writer_rdata(
    struct writer *w, const uint8_t *msg, size_t len, const struct wire_rr *rr)
{
	size_t off = rr->rdata, end = rr->rdata + rr->rdlen, n;
	struct name name;

	for (const char *l = layout_of(rr->type); *l != '\0'; l++) {
		if (*l == 'n' || *l == 'u') {
			if (wire_name_read(&name, msg, len, &off, false) < 0 ||
			    off > end)
				return -EBADMSG;
			writer_name(w, &name, *l == 'n');
			continue;
		}
		if (off >= end)
			return -EBADMSG;
		n = *l == 's' ? (size_t)msg[off] + 1 : (size_t)(*l - '0');
		if (n > end - off)
			return -EBADMSG;
		writer_bytes(w, msg + off, n);
		off += n;
	}
	writer_bytes(w, msg + off, end - off);
	return 0;
}

void
writer_answer(const struct writer *w, struct answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->wire = w->buf;
	ret->len = (uint32_t)w->len;
	ret->ttls = w->ttls;
	ret->n_rrs = (uint16_t)w->n_rrs;
	ret->ede = EDE_NONE;
	ret->ede_text = "";
}
