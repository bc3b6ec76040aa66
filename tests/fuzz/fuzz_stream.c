#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "dns/stream.h"
#include "dns/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As in test_stream.c: 0.test to 7.test. */
static void
add(struct stream *s, unsigned int i)
{
	uint8_t msg[] = { 0xaa, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 4, 't',
		'e', 's', 't', 0, 0, 1, 0, 1 };

	msg[1] = (uint8_t)i;
	msg[13] = (uint8_t)('0' + i);
	assert(stream_add(s, msg, sizeof(msg), (mono_t){ MONO_S },
		   (void *)(uintptr_t)(i + 1)) == 0);
}

/* What a server sends: the stream in pieces of which the first bytes tell the
 * size, a 0 ends the connection. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frames[4096];
	struct stream_query *q;
	struct list failed;
	struct stream s;
	size_t len, n;
	unsigned int seen = 0;
	uint8_t *msg;

	stream_init(&s);
	list_init(&failed);
	for (unsigned int i = 0; i < 8; i++)
		add(&s, i);
	(void)stream_fill(&s, frames, sizeof(frames), (mono_t){ 1 });
	while (size > 0) {
		size_t piece = *data++, room = 0;

		size--;
		if (piece == 0) {
			stream_restart(&s, &failed);
			(void)stream_fill(
			    &s, frames, sizeof(frames), (mono_t){ 1 });
			continue;
		}
		piece = piece < size ? piece : size;
		for (size_t at = 0; at < piece; at += n) {
			uint8_t *to = stream_room(&s, &room);

			assert(to != NULL && room > 0);
			n = piece - at < room ? piece - at : room;
			memcpy(to, data + at, n);
			stream_got(&s, n);
			while (stream_next(&s, &msg, &len)) {
				unsigned int bit;

				q = stream_match(&s, msg, len);
				if (q == NULL)
					continue;
				/* its own id and question, and only once */
				bit = 1U << msg[1];
				assert(msg[0] == 0xaa && (seen & bit) == 0);
				assert(wire_u16(msg + 4) == 0 ||
				       msg[13] == '0' + msg[1]);
				seen |= bit;
				assert(stream_take(&s, q) ==
				       (void *)(uintptr_t)(msg[1] + 1));
			}
		}
		data += piece;
		size -= piece;
	}
	while (!list_empty(&failed))
		(void)stream_take(
		    &s, container_of(failed.next, struct stream_query, node));
	while ((q = stream_any(&s)) != NULL)
		(void)stream_take(&s, q);
	assert(s.n == 0);
	stream_done(&s);
	return 0;
}
