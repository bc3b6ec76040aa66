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

/* The tag is set last, and is none meanwhile: it may be read at any time. */
static void
put_heard(volatile struct bpf_heard *at, const struct bpf_heard *heard)
{
	__atomic_store_n(&at->tag, 0, __ATOMIC_SEQ_CST);
	at->socket = heard->socket;
	at->exe_ino = heard->exe_ino;
	at->exe_dev = heard->exe_dev;
	at->uid = heard->uid;
	__atomic_store_n(&at->tag, heard->tag, __ATOMIC_SEQ_CST);
}

void
bpf_heard_put(volatile struct bpf_shared *shared, const struct flow_key *key,
    const struct bpf_hearer *hearer)
{
	struct bpf_heard heard = {
		.tag = tag_of(shared->seed, key),
		.socket = hearer->socket,
		.exe_ino = hearer->exe_ino,
		.exe_dev = major(hearer->exe_dev) << 20 |
			   minor(hearer->exe_dev),
		.uid = hearer->uid,
	}, first;
	volatile struct bpf_heard *set =
	    shared->heard +
	    (heard.tag >> (64 - BPF_HEARD_BITS)) * BPF_HEARD_WAYS;

	if (set[0].tag != heard.tag) {
		first = set[0];
		put_heard(&set[1], &first);
	}
	put_heard(&set[0], &heard);
}
