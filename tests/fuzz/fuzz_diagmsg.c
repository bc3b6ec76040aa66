#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "src/linux/diagmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sets nothing unless it says so, and has an answer for everything. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t mark = UINT64_MAX; /* an inode has 32 bits here */
	struct diagmsg msg = { .inode = mark };
	int r = diagmsg_parse(&msg, data, size, 7);

	assert(r <= 1);
	assert((r == 0) == (msg.inode != mark));
	return 0;
}
