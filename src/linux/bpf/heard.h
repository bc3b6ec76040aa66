#ifndef LINUX_BPF_HEARD_SET_H
#define LINUX_BPF_HEARD_SET_H

#include <linux/types.h>

/* Who was meant by a datagram that was let in: he may answer it. Sets of two,
 * the younger one first; one that has made room is not known of.
 *
 * The daemon writes, and programs on any processor read at any time, with
 * neither lock nor fence: on machines whose memory is weakly ordered the words
 * come in any order. So one of them is made of all others, and what was not
 * written together is not known of either. */
#define BPF_HEARD_BITS 11
#define BPF_HEARD_WAYS 2
#define BPF_HEARD_MAX (BPF_HEARD_WAYS << BPF_HEARD_BITS)
enum bpf_heard_word {
	BPF_HEARD_SOCKET,  /* its inode */
	BPF_HEARD_EXE_INO, /* of the program that has it; 0: not known */
	BPF_HEARD_EXE,	   /* device of that, and the user */
	BPF_HEARD_WORDS,
};
struct bpf_heard {
	__u64 sum; /* of the tag and the words; all 0: none */
	__u64 words[BPF_HEARD_WORDS];
};

static inline __attribute__((always_inline)) __u64
bpf_heard_exe(__u32 dev, __u32 uid)
{
	return (__u64)dev << 32 | uid;
}

/* The ends of an answer as conntrack has them (struct nf_conntrack_tuple), as
 * numbers. */
#define BPF_TUPLE_WORDS 5

static inline __attribute__((always_inline)) __u64
bpf_mix(__u64 tag, __u64 word)
{
	tag = (tag ^ word) * 0x9e3779b97f4a7c15UL;
	return tag ^ tag >> 32;
}

static inline __attribute__((always_inline)) __u64
bpf_tag(const __u64 tuple[BPF_TUPLE_WORDS], __u64 seed)
{
	__u64 tag = seed;

	for (int i = 0; i < BPF_TUPLE_WORDS; i++)
		tag = bpf_mix(tag, tuple[i]);
	return tag;
}

static inline __attribute__((always_inline)) __u64
bpf_heard_sum(const __u64 words[BPF_HEARD_WORDS])
{
	__u64 sum = 0;

	for (int i = 0; i < BPF_HEARD_WORDS; i++)
		sum = bpf_mix(sum, words[i]);
	return sum;
}

/* The place of a tag in the table. */
static inline __attribute__((always_inline)) __u64
bpf_heard_at(__u64 tag)
{
	return (tag >> (64 - BPF_HEARD_BITS)) * BPF_HEARD_WAYS;
}

/* The program, of that user; by the very socket as whichever user it is by now
 * (seteuid(2)). Another one that has the socket, too, or that the process has
 * become meanwhile, was not meant. Where nobody knew whose it was the socket
 * has to do. */
static inline __attribute__((always_inline)) int
bpf_heard_is_meant(
    const __u64 words[BPF_HEARD_WORDS], const __u64 who[BPF_HEARD_WORDS])
{
	int same_socket = words[BPF_HEARD_SOCKET] == who[BPF_HEARD_SOCKET];
	__u64 other = words[BPF_HEARD_EXE] ^ who[BPF_HEARD_EXE];

	if (words[BPF_HEARD_EXE_INO] == 0)
		return same_socket;
	return words[BPF_HEARD_EXE_INO] == who[BPF_HEARD_EXE_INO] &&
	       (same_socket ? other >> 32 : other) == 0;
}

/* What is said of the tag there: 1 that another one was meant than `who`, 0
 * that he was, or nothing. */
static inline __attribute__((always_inline)) int
bpf_heard_another(const volatile struct bpf_heard *set, __u64 tag,
    const __u64 who[BPF_HEARD_WORDS])
{
	__u64 words[BPF_HEARD_WORDS], sum;

	for (int i = 0; i < BPF_HEARD_WAYS; i++) {
		sum = set[i].sum;
		for (int w = 0; w < BPF_HEARD_WORDS; w++)
			words[w] = set[i].words[w];
		if (sum != (tag ^ bpf_heard_sum(words)))
			continue;
		return !bpf_heard_is_meant(words, who);
	}
	return 0;
}

#endif
