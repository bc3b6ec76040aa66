#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "port17/connect.h"
#include "port17/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
	enum shake_step step;
	size_t used;
	struct shake_error error;
};

/* The whole conversation, in pieces of that size: what came of it. */
static struct end
talk(const uint8_t *data, size_t size, size_t piece, uint8_t kind)
{
	static const struct target to = { .port = 443 };
	struct shake_opts opts = { .target = &to,
		.udp = kind == 2,
		.user = kind == 1 ? "user" : NULL,
		.password = "secret" };
	struct end end = { .step = SHAKE_MORE };
	struct target named = to;
	struct connect c;
	struct socks socks;
	struct shake_out out;

	named.name = name_of("www.example.com");
	opts.target = &named;
	if (kind == 3)
		assert(connect_begin(&c, &opts, &out) == 0);
	else
		assert(socks_begin(&socks, &opts, &out) == 0);
	while (end.step == SHAKE_MORE && end.used < size) {
		size_t n = size - end.used < piece ? size - end.used : piece;
		size_t used = 0;

		if (kind == 3)
			end.step = connect_take(
			    &c, data + end.used, n, &used, &end.error);
		else
			end.step = socks_take(&socks, data + end.used, n, &used,
			    &out, &end.error);
		assert(used <= n && (used == n || end.step != SHAKE_MORE));
		assert(out.len <= sizeof(out.bytes));
		end.used += used;
	}
	return end;
}

/* However the bytes are cut, the end is the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct target from;
	struct end whole, bytes;
	int at;

	if (size == 0)
		return 0;
	whole = talk(data + 1, size - 1, size, data[0] & 3);
	bytes = talk(data + 1, size - 1, 1, data[0] & 3);
	assert(whole.step == bytes.step && whole.used == bytes.used);
	if (whole.step == SHAKE_FAILED) {
		assert(whole.error.outcome == bytes.error.outcome);
		assert(strcmp(whole.error.why, bytes.error.why) == 0);
		assert(strstr(whole.error.why, "secret") == NULL ||
		       memmem(data, size, "secret", 6) != NULL);
	}
	at = socks_udp_parse(data, size, &from);
	assert(at < 0 || (size_t)at <= size);
	return 0;
}
