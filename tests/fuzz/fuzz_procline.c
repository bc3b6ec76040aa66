#include <assert.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/netline.h"
#include "src/core/procline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
within(struct procline_str s, const char *text, size_t len)
{
	assert(s.p >= text && s.p <= text + len);
	assert(s.len <= (size_t)(text + len - s.p));
}

static void
try_proc(const char *text, size_t len)
{
	struct procline_stat st;
	struct procline_cgroup group;
	uint64_t inode;
	pid_t pid;

	if (procline_stat(&st, text, len) == 0) {
		within(st.comm, text, len);
		assert(st.pid >= 0 && st.ppid >= 0);
	}
	if (procline_cgroup(&group, text, len) == 0) {
		within(group.path, text, len);
		within(group.unit, group.path.p, group.path.len);
		assert(*group.path.p == '/');
	}
	if (procline_socket(&inode, text, len) == 0)
		assert(text[0] == 's');
	if (procline_last_pid(&pid, text, len) == 0)
		assert(pid >= 0);
	if (procline_tgid(&pid, text, len) == 0)
		assert(pid >= 0);
}

static void
try_net(const char *text, size_t len)
{
	static const enum netline_table tables[] = { NETLINE_TCP, NETLINE_UDP,
		NETLINE_ICMP, NETLINE_RAW, NETLINE_SCTP_ASSOCS,
		NETLINE_SCTP_EPS };
	struct flow_key key = { .local.family = ADDR_IP4,
		.remote.family = ADDR_IP4,
		.proto = IPPROTO_UDP };
	struct netline line;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (netline_parse(&line, tables[i], text, len) != 0)
			continue;
		(void)netline_score(&line, tables[i], &key, true);
		if (line.locals != NULL)
			continue;
		/* a socket fits the flow that has its very addresses */
		key.local = line.local;
		key.remote = line.remote;
		key.lport = line.lport;
		key.rport = line.rport;
		key.proto = (uint8_t)line.lport;
		if (tables[i] != NETLINE_RAW || line.lport < 256)
			assert(
			    netline_score(&line, tables[i], &key, false) > 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (copy == NULL)
		return 0;
	try_proc((const char *)data, size);
	try_net((const char *)data, size);
	memcpy(copy, data, size);
	assert(procline_join(copy, size) <= size);
	free(copy);
	return 0;
}
