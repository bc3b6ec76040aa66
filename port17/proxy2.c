#include "port17/proxy2.h"

#include <errno.h>
#include <string.h>

#define TYPE_AUTHORITY 0x02
#define TYPE_UNIQUE_ID 0x05

static const uint8_t signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a,
	0x51, 0x55, 0x49, 0x54, 0x0a };

struct out {
	uint8_t *bytes;
	size_t len, max;
};

static void
put(struct out *out, const void *bytes, size_t len)
{
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

static void
put_number(struct out *out, uint64_t value, unsigned int bytes)
{
	while (bytes-- > 0)
		out->bytes[out->len++] = (uint8_t)(value >> (8 * bytes));
}

/* All of it, or nothing. */
static void
put_tlv(struct out *out, uint8_t type, const void *bytes, size_t len)
{
	if (len == 0 || len > UINT16_MAX || out->len + 3 + len > out->max)
		return;
	put_number(out, type, 1);
	put_number(out, len, 2);
	put(out, bytes, len);
}

static void
put_text(struct out *out, uint8_t type, const char *text)
{
	if (text != NULL)
		put_tlv(out, type, text, strlen(text));
}

static void
put_process(struct out *out, const struct proxy2_process *process)
{
	uint8_t bytes[1 + 4 + 4 + 8];
	struct out tlv = { bytes, 0, sizeof(bytes) };

	put_number(&tlv, 1, 1);
	put_number(&tlv, process->pid, 4);
	put_number(&tlv, process->uid, 4);
	put_number(&tlv, process->start, 8);
	put_tlv(out, PROXY2_TYPE_PROCESS, bytes, tlv.len);
}

int
proxy2_build(uint8_t buf[PROXY2_MAX], const struct proxy2_opts *opts)
{
	struct out out = { buf, 0, opts->max };
	const struct addr *dst = &opts->target->addr;
	char host[TARGET_HOST_SIZE];
	uint8_t id[16] = { 0 };
	struct out number = { id, 8, sizeof(id) };
	size_t addr = addr_len(&opts->src), end;

	if (addr == 0 || opts->src.family != dst->family)
		return -EAFNOSUPPORT;
	put(&out, signature, sizeof(signature));
	put_number(&out, 0x21, 1);		      /* version 2, PROXY */
	put_number(&out, addr == 4 ? 0x11 : 0x21, 1); /* over TCP */
	put_number(&out, 0, 2);
	put(&out, opts->src.bytes, addr);
	put(&out, dst->bytes, addr);
	put_number(&out, opts->sport, 2);
	put_number(&out, opts->target->port, 2);
	end = out.len;
	if (target_host(opts->target, host))
		put_text(&out, TYPE_AUTHORITY, host);
	if (opts->target->by_name && out.len == end)
		return -ENAMETOOLONG; /* the address alone is none */
	if (opts->process != NULL)
		put_process(&out, opts->process);
	put_number(&number, opts->flow, 8);
	put_tlv(&out, TYPE_UNIQUE_ID, id, sizeof(id));
	if (opts->process != NULL) {
		put_text(&out, PROXY2_TYPE_EXE, opts->process->exe);
		put_text(&out, PROXY2_TYPE_RULE, opts->process->rule);
		put_text(&out, PROXY2_TYPE_UNIT, opts->process->unit);
	}
	buf[14] = (uint8_t)((out.len - 16) >> 8);
	buf[15] = (uint8_t)(out.len - 16);
	return (int)out.len;
}
