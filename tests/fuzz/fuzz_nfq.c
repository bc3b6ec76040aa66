/* Netlink messages of the queues: whatever the bytes, the parser ends, each
 * step takes something, and a payload lies within what it was given. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/rd.h"
#include "src/linux/nfq_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_packet(const struct nfq_packet *p, const uint8_t *bytes, size_t size)
{
	unsigned int sum = 0;

	assert(p->payload >= bytes && p->payload <= bytes + size);
	assert(p->len <= (size_t)(bytes + size - p->payload));
	assert(p->total >= p->len);
	for (size_t i = 0; i < p->len; i++)
		sum += p->payload[i]; /* all of it may be read */
	(void)sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* exactly as long as the input, so that a read past it is seen, and
	 * aligned as a receive buffer is */
	uint8_t *bytes = malloc(size > 0 ? size : 1);
	struct rd rd;

	assert(bytes != NULL);
	memcpy(bytes, data, size);
	rd_init(&rd, bytes, size);
	while (!rd.bad && rd.len > 0) {
		struct nfq_packet packet = { 0 };
		size_t before = rd.len;
		uint32_t seq = 0;
		int error = 0;

		switch (nfq_msg_take(&rd, &packet, &error, &seq)) {
		case NFQ_MSG_PACKET:
			check_packet(&packet, bytes, size);
			break;
		case NFQ_MSG_UNREADABLE:
			assert(packet.payload == NULL && packet.len == 0);
			break;
		case NFQ_MSG_ERROR:
			assert(error <= 0);
			break;
		case NFQ_MSG_OTHER:
		case NFQ_MSG_BAD:
			break;
		}
		assert(rd.bad || rd.len < before);
	}
	free(bytes);
	return 0;
}
