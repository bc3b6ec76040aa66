#include <assert.h>
#include <string.h>

#include "dns/answer.h"
#include "dns/local.h"

/* A query's bytes: what is answered fits, and is a message that can be read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct writer_space space;
static uint8_t out[WIRE_MESSAGE_MAX];

static void
check_message(const struct query *q, size_t len, size_t limit)
{
	size_t off = WIRE_HEADER;
	struct wire_rr rr;
	struct name name;
	unsigned int n;

	assert(len >= WIRE_HEADER && len <= limit);
	assert(wire_u16(out) == q->id && (wire_u16(out + 2) & WIRE_QR) != 0);
	if (wire_u16(out + 4) == 1) {
		assert(wire_name_read(&name, out, len, &off, true) == 0);
		assert(name_equal(&name, &q->qname));
		off += 4;
	}
	n = (unsigned int)wire_u16(out + 6) + wire_u16(out + 8) +
	    wire_u16(out + 10);
	while (n-- > 0)
		assert(wire_rr_read(&rr, out, len, &off) == 0);
	assert(off == len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr addrs[40];
	struct query q;
	struct key key;
	struct answer answer;
	struct reply_opts opts = { .ede = EDE_BLOCKED, .ede_text = "a rule" };
	enum query_kind kind = query_parse(&q, data, size);

	if (kind == QUERY_IGNORED)
		return 0;
	opts.limit = q.size < QUERY_UDP_MAX ? q.size : QUERY_UDP_MAX;
	opts.tcp = q.keepalive;
	check_message(
	    &q, reply_error(out, &q, RCODE_REFUSED, &opts), opts.limit);
	if (kind != QUERY_GOOD)
		return 0;
	memset(addrs, 0, sizeof(addrs));
	for (size_t i = 0; i < 40; i++)
		addrs[i].family = i % 2 == 0 ? ADDR_IP4 : ADDR_IP6;
	key_of_query(&key, &q, 0);
	local_addresses(&answer, &space, &key, addrs, 40, 60);
	check_message(&q, reply_build(out, &answer, &q, &opts), opts.limit);
	return 0;
}
