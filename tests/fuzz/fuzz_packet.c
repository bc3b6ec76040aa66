#include <assert.h>
#include <errno.h>
#include <string.h>

#include "src/core/flow.h"
#include "src/core/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: how much longer the packet is than its copy. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet pkt, untouched;
	struct flow_key out, in;
	int r;

	if (size == 0)
		return 0;
	memset(&pkt, 0xa5, sizeof(pkt));
	untouched = pkt;
	r = packet_parse(
	    &pkt, data + 1, size - 1, size - 1 + (size_t)data[0] * 300);
	if (r != 0) {
		assert(r == -EBADMSG || r == -ENOMSG);
		assert(memcmp(&pkt, &untouched, sizeof(pkt)) == 0);
		return 0;
	}
	assert(pkt.tuple.src.family == pkt.tuple.dst.family);
	assert(pkt.tuple.has_ports || pkt.tuple.sport == 0 ||
	       pkt.tuple.dport == 0);
	/* an answer belongs to the same flow */
	out = flow_key_of(&pkt.tuple, false);
	in = flow_key_of(&pkt.tuple, true);
	assert(addr_equal(&out.local, &in.remote));
	assert(out.lport == in.rport);
	return 0;
}
