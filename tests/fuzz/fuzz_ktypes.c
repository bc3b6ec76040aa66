#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/linux/ktypes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two bytes are the length of the kernel's types, the programs' are
 * behind them. What was picked is types again, and picked again it is as long:
 * nothing that is wanted got lost. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ktypes *types = NULL, *again = NULL;
	size_t kernel, len = 0, len_again = 0;
	void *few = NULL, *fewer = NULL;

	if (size < 2)
		return 0;
	kernel = (size_t)data[0] << 8 | data[1];
	data += 2;
	size -= 2;
	if (kernel > size)
		kernel = size;
	if (ktypes_new(&types, data, kernel) < 0)
		return 0;
	(void)ktypes_function(types, "bpf_iter_task");
	if (ktypes_pick(types, data + kernel, size - kernel, &few, &len) == 0) {
		assert(ktypes_new(&again, few, len) == 0);
		assert(ktypes_pick(again, data + kernel, size - kernel, &fewer,
			   &len_again) == 0);
		assert(len_again == len);
	}
	ktypes_free(again);
	ktypes_free(types);
	free(few);
	free(fewer);
	return 0;
}
