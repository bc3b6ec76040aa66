#include "src/waiting.h"

#include <string.h>

static void
put_at(struct waiting *waiting, size_t i, const struct waiting_packet *packet)
{
	struct waiting_packet *to = &waiting->v[i];

	to->pkt = packet->pkt;
	to->sock = packet->sock;
	to->raw = packet->raw;
	to->since = packet->since;
	to->behind = packet->behind;
	memcpy(to->bytes, packet->raw.payload, packet->raw.len);
	to->raw.payload = to->bytes;
}

bool
waiting_put(struct waiting *waiting, const struct waiting_packet *packet)
{
	size_t his = 0, sockets = 0;

	for (size_t i = 0; i < waiting->n; i++) {
		bool is_his = waiting->v[i].sock.uid == packet->sock.uid;

		his += is_his;
		sockets += is_his && !waiting->v[i].behind;
	}
	if (waiting->n == WAITING_MAX || his == WAITING_OF_ONE ||
	    (sockets == WAITING_SOCKETS && !packet->behind) ||
	    packet->raw.len > NFQ_COPY_RANGE)
		return false;
	put_at(waiting, waiting->n++, packet);
	return true;
}

static bool
is_among(const struct waiting *waiting, size_t n, uint64_t inode)
{
	for (size_t i = 0; i < n; i++)
		if (waiting->v[i].sock.inode == inode)
			return true;
	return false;
}

bool
waiting_has(const struct waiting *waiting, uint64_t inode)
{
	return is_among(waiting, waiting->n, inode);
}

void
waiting_each(struct waiting *waiting, waiting_fn *fn, void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < waiting->n; i++) {
		struct waiting_packet *packet = &waiting->v[i];

		if (!is_among(waiting, kept, packet->sock.inode) &&
		    fn(arg, packet))
			continue;
		if (kept != i)
			put_at(waiting, kept, packet);
		kept++;
	}
	waiting->n = kept;
}
