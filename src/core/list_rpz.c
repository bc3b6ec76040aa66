#include "src/core/zonefile.h"

#include <stdio.h>
#include <string.h>

#include "src/base/num.h"

/* Response policy zones: the owner of a record is a name (or an address, as
 * rpz-ip) below the zone's apex, its data what is to be done. */

struct rpz {
	struct zone zone;
	struct name apex;
	bool has_apex;
};

/* The owner without the apex. False where it is outside. */
static bool
take_trigger(
    const struct rpz *rpz, const struct zone_record *record, struct name *ret)
{
	size_t len = (size_t)record->owner.len - rpz->apex.len;

	if (!name_in(&record->owner, &rpz->apex))
		return false;
	memcpy(ret->wire, record->owner.wire, len);
	ret->wire[len] = 0;
	ret->len = (uint8_t)(len + 1);
	return true;
}

static bool
label_is(const uint8_t *label, const char *text)
{
	return *label == strlen(text) && memcmp(label + 1, text, *label) == 0;
}

static const uint8_t *
last_label(const struct name *name)
{
	const uint8_t *last = name->wire;

	for (const uint8_t *at = name->wire; *at != 0; at = name_step(at))
		last = at;
	return last;
}

/* "24.0.2.0.192.rpz-ip", "48.zz.db8.2001.rpz-ip": the text of the prefix. */
static bool
take_range(const struct name *trigger, struct addr_range *ret)
{
	const uint8_t *labels[10], *at = trigger->wire;
	char text[64 * 10];
	size_t n = 0, len = 0;
	bool ip4;

	for (; n < 10 && *at != 0 && !label_is(at, "rpz-ip");
	     at = name_step(at))
		labels[n++] = at;
	if (n < 2 || !label_is(at, "rpz-ip"))
		return false;
	ip4 = n == 5;
	for (size_t i = 1; i < n; i++)
		ip4 = ip4 && !label_is(labels[i], "zz");
	for (size_t i = n - 1; i > 0; i--) {
		bool gap = label_is(labels[i], "zz");

		/* "::" where it is first or last, else the ':' of both sides */
		if (gap && i == n - 1)
			text[len++] = ':';
		if (!gap) {
			memcpy(text + len, labels[i] + 1, *labels[i]);
			len += *labels[i];
		}
		if (i > 1 || gap)
			text[len++] = ip4 ? '.' : ':';
	}
	text[len++] = '/';
	memcpy(text + len, labels[0] + 1, *labels[0]);
	len += *labels[0];
	return list_addr(ret, (struct list_text){ text, len });
}

/* What a CNAME says; HOSTSET_LOCAL where it is one. */
static enum hostset_code
cname_code(const struct name *target, const struct name *trigger)
{
	static const struct {
		const char *text;
		enum hostset_code code;
	} words[] = {
		{ "*.", HOSTSET_NODATA },
		{ "rpz-passthru.", HOSTSET_PASSTHRU },
		{ "rpz-drop.", HOSTSET_DROP },
		{ "rpz-tcp-only.", HOSTSET_TCP_ONLY },
	};

	if (name_is_root(target)) /* mostly */
		return HOSTSET_NXDOMAIN;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct name name = name_of(words[i].text);

		if (name_equal(target, &name))
			return words[i].code;
	}
	/* as passthru was written at first */
	return name_equal(target, trigger) ? HOSTSET_PASSTHRU : HOSTSET_LOCAL;
}

/* What is to be done: a code, or a record in *ret_rr (HOSTSET_LOCAL). NULL or
 * what is wrong. */
static const char *
take_action(const struct rpz *rpz, const struct zone_record *record,
    const struct name *trigger, struct zone_rdata *data, struct list_entry *ret)
{
	const char *what = zone_rdata(data, &rpz->zone, record);
	struct name target;

	ret->code = HOSTSET_LOCAL;
	if (what != NULL)
		return what;
	if (record->type == ZONE_CNAME &&
	    name_from_wire(&target, data->bytes, data->len) == 0)
		ret->code = cname_code(&target, trigger);
	ret->rr = (struct list_rr){ record->type, record->ttl,
		(uint16_t)data->len, data->bytes };
	return NULL;
}

static const char *
put_name(struct rpz *rpz, struct list_entry *entry, struct name *trigger)
{
	unsigned int shift = HOSTSET_CODE_SHIFT;

	if (label_is(trigger->wire, "*")) {
		entry->below = true;
		shift = HOSTSET_CODE_BELOW_SHIFT;
		trigger->len = (uint8_t)(trigger->len - 2);
		memmove(trigger->wire, trigger->wire + 2, trigger->len);
	}
	for (const uint8_t *at = trigger->wire; *at != 0; at = name_step(at))
		if (label_is(at, "*"))
			return "a * that is not the first label";
	entry->name = trigger;
	entry->kind =
	    entry->code == HOSTSET_LOCAL ? LIST_ENTRY_RR : LIST_ENTRY_NAME;
	entry->flags = (unsigned int)entry->code << shift;
	(void)list_put(rpz->zone.reader, entry); /* the reader keeps the
						    error */
	return NULL;
}

static const char *
put_addr(struct rpz *rpz, struct list_entry *entry, const struct name *trigger)
{
	if (!take_range(trigger, &entry->range))
		return "no address in front of rpz-ip";
	if (entry->code == HOSTSET_TCP_ONLY)
		return "rpz-tcp-only can't apply to addresses";
	entry->rank = ADDRSET_CODED;
	entry->kind =
	    entry->code == HOSTSET_LOCAL ? LIST_ENTRY_ADDR_RR : LIST_ENTRY_ADDR;
	(void)list_put(rpz->zone.reader, entry); /* as above */
	return NULL;
}

/* What only a server that asks authorities itself, or one for others, could
 * heed. */
static const char *
cannot_apply(const uint8_t *label)
{
	if (label_is(label, "rpz-nsdname"))
		return "rpz-nsdname can't apply: name servers are not seen";
	if (label_is(label, "rpz-nsip"))
		return "rpz-nsip can't apply: name servers are not seen";
	if (label_is(label, "rpz-client-ip"))
		return "rpz-client-ip can't apply: rules choose the client";
	return NULL;
}

/* DNSSEC's records, which a signed zone has beside the others. */
static bool
is_signature(uint16_t type)
{
	return type == 43 || type == 46 || type == 47 || type == 48 ||
	       type == 50 || type == 51 || type == 63;
}

static const char *
take_record(
    struct rpz *rpz, const struct zone_record *record, struct zone_rdata *data)
{
	struct list_entry entry = { 0 };
	struct name trigger;
	const uint8_t *last;
	const char *what;

	if (!take_trigger(rpz, record, &trigger))
		return "outside of the zone";
	/* SOA, NS and whatever else the zone has for itself */
	if (name_is_root(&trigger) || is_signature(record->type))
		return NULL;
	if (record->type == 39)
		return "DNAME can't apply";
	last = last_label(&trigger);
	what = cannot_apply(last);
	if (what == NULL)
		what = take_action(rpz, record, &trigger, data, &entry);
	if (what != NULL)
		return what;
	return label_is(last, "rpz-ip") ? put_addr(rpz, &entry, &trigger)
					: put_name(rpz, &entry, &trigger);
}

/* The apex is the SOA's owner, which stands first; without one, the origin. */
static void
look_for_apex(struct rpz *rpz, const struct zone_record *record)
{
	if (rpz->has_apex)
		return;
	rpz->has_apex = true;
	rpz->apex = rpz->zone.origin;
	if (record->type != ZONE_SOA)
		return;
	rpz->apex = record->owner;
	/* the zone is one that the server's settings named */
	if (!rpz->zone.has_origin)
		rpz->zone.origin = record->owner;
}

void
list_rpz(struct list_reader *reader)
{
	struct zone_record record;
	struct zone_rdata data;
	struct rpz rpz = { 0 };
	const char *what;

	zone_init(&rpz.zone, reader);
	while (zone_next(&rpz.zone, &record)) {
		look_for_apex(&rpz, &record);
		what = take_record(&rpz, &record, &data);
		if (what != NULL)
			list_fault_line(reader, what);
	}
}
