#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/linux/ct_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken for an answer has both ends of one family; what is not leaves
 * no half an entry that says otherwise. An entry that was read can be asked
 * for again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(8) uint8_t out[CT_UPDATE_SIZE];
	/* as large as the datagram, and aligned as the kernel's are */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	struct ct_entry entry;
	int r;

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	memset(&entry, 0, sizeof(entry));
	r = ct_msg_answer(&entry, copy, size, 7);
	assert(r <= 1);
	if (r == 0) {
		assert(entry.orig.local.family != ADDR_NONE);
		assert(entry.tuple != NULL);
		assert(ct_msg_clear_flow(out, &entry.orig, 1) == 0);
		(void)ct_msg_get_reply(out, &entry.reply, 2);
	}
	free(copy);
	return 0;
}
