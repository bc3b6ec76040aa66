#include "port17/dgram_kept.h"

#include <stdlib.h>
#include <string.h>

/* What malloc() adds, more or less: an empty one is not for nothing. */
#define MALLOC_HEAD ((size_t)16)

struct datagram {
	struct list node;
	size_t len;
	uint8_t bytes[];
};

void
dgram_kept_init(struct dgram_kept *kept, struct shares *shares,
    const struct process *process)
{
	list_init(&kept->list);
	kept->bytes = 0;
	kept->shares = shares;
	kept->whose = share_key_of(process);
}

unsigned int
dgram_kept_done(struct dgram_kept *kept)
{
	unsigned int n = 0;

	while (!list_empty(&kept->list)) {
		struct list *first = kept->list.next;

		list_remove(first);
		free(container_of(first, struct datagram, node));
		n++;
	}
	if (kept->bytes > 0)
		shares_give(kept->shares, &kept->whose, kept->bytes);
	kept->bytes = 0;
	return n;
}

/* The part that begins there. */
static bool
keep(struct dgram_kept *kept, const struct dgram_in *in, size_t at, size_t part)
{
	size_t size = sizeof(struct datagram) + part;
	struct datagram *datagram;

	if (kept->bytes + size + MALLOC_HEAD > DGRAM_KEPT_MAX ||
	    !shares_take(kept->shares, &kept->whose, size + MALLOC_HEAD))
		return false;
	datagram = malloc(size);
	if (datagram == NULL) {
		shares_give(kept->shares, &kept->whose, size + MALLOC_HEAD);
		return false;
	}
	datagram->len = part;
	memcpy(datagram->bytes, (const uint8_t *)in->bytes + at, part);
	list_append(&kept->list, &datagram->node);
	kept->bytes += size + MALLOC_HEAD;
	return true;
}

unsigned int
dgram_kept_add(struct dgram_kept *kept, const struct dgram_in *in)
{
	size_t step = in->segment > 0 ? in->segment : in->len, at = 0;
	unsigned int lost = 0;

	do {
		size_t left = in->len - at;

		lost += !keep(kept, in, at, left < step ? left : step);
		at += step;
	} while (at < in->len);
	return lost;
}

unsigned int
dgram_kept_send(struct dgram_kept *kept, const struct dgram_in *head,
    struct dgram_out *out, const struct dgram_to *to)
{
	struct list *node;
	unsigned int lost;

	list_for_each (node, &kept->list) {
		struct datagram *datagram =
		    container_of(node, struct datagram, node);
		struct dgram_in in = { .head = head->head,
			.head_len = head->head_len,
			.bytes = datagram->bytes,
			.len = datagram->len };

		dgram_out_add(out, to, &in);
	}
	lost = dgram_out_flush(out);
	(void)dgram_kept_done(kept); /* those were sent */
	return lost;
}
