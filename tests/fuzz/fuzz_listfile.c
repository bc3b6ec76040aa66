#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/qtype.h"
#include "src/core/list_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A compiled list as bytes: as they are, and with a head that looks right, so
 * that what lies behind the sum is reached. */

static void
release(void *bytes, size_t size)
{
	(void)size;
	free(bytes);
}

static void
walk(struct list_answer *answer, const struct name *name)
{
	struct name target;
	struct list_rr rr;

	while (list_answer_next(answer, &rr))
		(void)list_rr_target(&target, &rr, name);
}

static void
ask(const struct list_index *l, const uint8_t *data, size_t size)
{
	static const char *const names[] = { ".", "test", "a.test", "b.a.test",
		"www.example.com" };
	struct list_answer answer;
	struct name name = name_of(".");
	struct addr addr;
	size_t len;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		name = name_of(names[i]);
		list_answer(&answer, l, &name, QTYPE_A);
		walk(&answer, &name);
	}
	for (size_t at = 0; at + 16 <= size && at < 4096; at += 4) {
		addr = addr_ip4(data + at);
		list_answer_addr(&answer, l, &addr);
		walk(&answer, &name);
		addr = addr_ip6(data + at);
		list_answer_addr(&answer, l, &addr);
		walk(&answer, &name);
		if (name_from_wire(&name, data + at, size - at) == 0)
			(void)list_has_name(l, &name, QTYPE_A);
	}
	(void)list_index_meta(l, &len);
}

static void
try(const uint8_t *data, size_t size, bool mend)
{
	const struct list_index *l = NULL;
	struct list_header header;
	uint8_t *copy = aligned_alloc(8, (size + 8) & ~(size_t)7);

	assert(copy != NULL);
	memcpy(copy, data, size);
	if (mend && size >= sizeof(header)) {
		memcpy(&header, copy, sizeof(header));
		memcpy(header.magic, LIST_IMAGE_MAGIC, sizeof(header.magic));
		header.version = LIST_IMAGE_VERSION;
		header.order = LIST_IMAGE_ORDER;
		header.size = size;
		memcpy(copy, &header, sizeof(header));
		header.sum = list_image_sum(copy, size);
		memcpy(copy, &header, sizeof(header));
	}
	if (list_index_new(&l, copy, size, release, NULL) == 0)
		ask(l, data, size);
	list_index_unref(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try(data, size, false);
	try(data, size, true);
	return 0;
}
