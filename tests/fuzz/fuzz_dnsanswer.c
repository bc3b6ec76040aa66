#include <assert.h>
#include <string.h>

#include "dns/addresses.h"
#include "dns/scrub.h"
#include "src/core/policy.h"

/* What an upstream says, to a question that the input begins with: type, DO,
 * then the message. What is kept of it can be read, scrubs to the same again,
 * and has no private address where none may be. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct writer_space first, second;
static uint8_t copy[WIRE_MESSAGE_MAX];

/* None of private space, nor where a record is malformed. */
static void
check_addresses(const struct answer *a, unsigned int i)
{
	const uint8_t *ttl = a->wire + a->ttls[i];
	struct addresses addresses;
	struct addr addr;

	if (wire_u16(ttl - 2) != CLASS_IN)
		return;
	assert(addresses_read(
	    &addresses, wire_u16(ttl - 4), ttl + 6, wire_u16(ttl + 4)));
	while (addresses_next(&addresses, &addr))
		assert(!scrub_is_private(&addr));
}

static void
check_records(const struct answer *a)
{
	size_t off = WIRE_HEADER;
	struct wire_rr rr;
	struct name name;

	assert(wire_name_read(&name, a->wire, a->len, &off, true) == 0);
	off += 4;
	for (unsigned int i = 0; i < a->n_rrs; i++) {
		size_t at;

		assert(wire_rr_read(&rr, a->wire, a->len, &off) == 0);
		at = a->ttls[i];
		assert(wire_u32(a->wire + at) == rr.ttl);
		assert(rr.ttl <= 86400 && at + 6 == rr.rdata);
		if (i < a->n_answer)
			check_addresses(a, i);
	}
	assert(off == a->len);
	assert((unsigned int)a->n_answer + a->n_authority == a->n_rrs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scrub_opts opts = {
		.ttl_max = 86400, .negative_max = 3600, .no_private = true
	};
	struct key key = { .class = CLASS_IN };
	struct answer a, b;
	size_t off = WIRE_HEADER;

	if (size < 3 + WIRE_HEADER || size > WIRE_MESSAGE_MAX)
		return 0;
	key.type = wire_u16(data);
	key.flags = data[2] & KEY_DO;
	data += 3;
	size -= 3;
	if (wire_name_read(&key.name, data, size, &off, true) < 0 ||
	    !scrub_is_answer(data, size, &key, NULL))
		return 0;
	if (scrub(&a, &first, data, size, &key, &opts) != SCRUB_GOOD)
		return 0;
	check_records(&a);
	/* as a message of its own */
	memcpy(copy, a.wire, a.len);
	wire_put16(copy + 2, WIRE_QR | a.rcode);
	wire_put16(copy + 4, 1);
	wire_put16(copy + 6, a.n_answer);
	wire_put16(copy + 8, a.n_authority);
	wire_put16(copy + 10, 0);
	if (a.n_answer == 0)
		return 0;
	assert(scrub(&b, &second, copy, a.len, &key, &opts) == SCRUB_GOOD);
	assert(b.n_answer == a.n_answer && b.len == a.len);
	return 0;
}
