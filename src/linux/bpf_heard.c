#include "src/linux/bpf_heard.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "src/core/flow.h"
#include "src/linux/bpf.h"
#include "src/linux/bpf/record.h"

/* As the kernel has the ends of an answer: struct nf_conntrack_tuple. */
struct tuple {
	uint8_t src[16];
	uint16_t sport, l3num;
	uint8_t dst[16];
	uint16_t dport;
	uint8_t proto, dir;
};
_Static_assert(sizeof(struct tuple) == BPF_TUPLE_WORDS * sizeof(__u64), "");

static uint64_t
tag_of(uint64_t seed, const struct flow_key *key)
{
	struct tuple tuple = {
		.sport = htons(key->lport),
		.l3num = key->local.family == ADDR_IP4 ? AF_INET : AF_INET6,
		.dport = htons(key->rport),
		.proto = key->proto,
		.dir = 1, /* IP_CT_DIR_REPLY */
	};
	__u64 words[BPF_TUPLE_WORDS];

	memcpy(tuple.src, key->local.bytes, sizeof(tuple.src));
	memcpy(tuple.dst, key->remote.bytes, sizeof(tuple.dst));
	memcpy(words, &tuple, sizeof(words));
	return bpf_tag(words, seed);
}

/* Each word by itself, in any order: see heard.h. */
static void
put_heard(volatile struct bpf_heard *at, uint64_t tag,
    const __u64 words[BPF_HEARD_WORDS])
{
	for (int i = 0; i < BPF_HEARD_WORDS; i++)
		__atomic_store_n(&at->words[i], words[i], __ATOMIC_RELAXED);
	__atomic_store_n(
	    &at->sum, tag ^ bpf_heard_sum(words), __ATOMIC_RELAXED);
}

void
bpf_heard_put(volatile struct bpf_shared *shared, const struct flow_key *key,
    const struct bpf_hearer *hearer)
{
	const __u64 words[BPF_HEARD_WORDS] = {
		[BPF_HEARD_SOCKET] = hearer->socket,
		[BPF_HEARD_EXE_INO] = hearer->exe_ino,
		[BPF_HEARD_EXE] = bpf_heard_exe(
		    major(hearer->exe_dev) << 20 | minor(hearer->exe_dev),
		    hearer->uid),
	};
	uint64_t tag = tag_of(shared->seed, key), first;
	volatile struct bpf_heard *set = shared->heard + bpf_heard_at(tag);
	__u64 moved[BPF_HEARD_WORDS];

	for (int i = 0; i < BPF_HEARD_WORDS; i++)
		moved[i] = set[0].words[i];
	first = set[0].sum ^ bpf_heard_sum(moved);
	if (first != tag)
		put_heard(&set[1], first, moved);
	put_heard(&set[0], tag, words);
}
