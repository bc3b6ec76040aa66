#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/core/flow.h"
#include "src/linux/bpf.h"
#include "src/linux/bpf/record.h"
#include "src/linux/bpf_heard.h"

#define SEED 0x1234567
#define SDA1 0x801 /* makedev(8, 1) */

static struct flow_key
key_of(uint16_t rport)
{
	return (struct flow_key){ .proto = 17,
		.local = { ADDR_IP4, { 10, 9, 0, 1 } },
		.remote = { ADDR_IP4, { 10, 9, 0, 2 } },
		.lport = 53,
		.rport = rport };
}

/* As the kernel makes it of the same ends: struct nf_conntrack_tuple, in the
 * byte order of the wire. */
static __u64
tag_of(uint16_t rport)
{
	const uint8_t tuple[40] = { 10, 9, 0, 1, [17] = 53, [18] = 2, [20] = 10,
		9, 0, 2, [36] = (uint8_t)(rport >> 8), [37] = (uint8_t)rport,
		[38] = 17, [39] = 1 };
	__u64 words[BPF_TUPLE_WORDS];

	memcpy(words, tuple, sizeof(words));
	return bpf_tag(words, SEED);
}

/* Who asks: 1 if the table says that another one was meant. */
static int
another(const struct bpf_heard *set, uint16_t rport, const struct bpf_hearer *h)
{
	const __u64 who[BPF_HEARD_WORDS] = { h->socket, h->exe_ino,
		bpf_heard_exe(
		    major(h->exe_dev) << 20 | minor(h->exe_dev), h->uid) };

	return bpf_heard_another(set, tag_of(rport), who);
}

static const struct bpf_hearer alice = { 11, SDA1, 111, 1000 };
static const struct bpf_hearer bob = { 22, SDA1, 222, 1001 };
/* another socket of a program that has one already */
static const struct bpf_hearer twin = { 33, SDA1, 111, 1000 };
static const struct bpf_hearer nameless = { 44, 0, 0, 0 };
/* by alice's socket: she as another user, a program that she has become or that
 * has it, too, and a file of her number on another device */
static const struct bpf_hearer effective = { 11, SDA1, 111, 0 };
static const struct bpf_hearer become = { 11, SDA1, 222, 1000 };
static const struct bpf_hearer elsewhere = { 11, SDA1 + 1, 111, 1000 };
/* by whichever socket */
static const struct bpf_hearer anywhere = { 0, SDA1, 111, 1000 };

static void
who_was_meant_may_answer(void **state)
{
	struct bpf_shared *shared = calloc(1, sizeof(*shared));
	struct flow_key key = key_of(7000);
	const struct bpf_heard *set;

	(void)state;
	shared->seed = SEED;
	set = shared->heard + bpf_heard_at(tag_of(7000));
	assert_int_equal(another(set, 7000, &bob), 0); /* nothing is known */
	bpf_heard_put(shared, &key, &alice);
	assert_int_equal(another(set, 7000, &alice), 0);
	assert_int_equal(another(set, 7000, &twin), 0);
	assert_int_equal(another(set, 7000, &bob), 1);
	assert_int_equal(another(set, 7000, &effective), 0);
	assert_int_equal(another(set, 7000, &become), 1);
	assert_int_equal(another(set, 7000, &elsewhere), 1);
	assert_int_equal(another(set, 7001, &bob), 0);
	bpf_heard_put(shared, &key, &anywhere);
	assert_int_equal(another(set, 7000, &alice), 0);
	assert_int_equal(another(set, 7000, &twin), 0);
	assert_int_equal(another(set, 7000, &effective), 1);
	assert_int_equal(another(set, 7000, &become), 1);
	bpf_heard_put(shared, &key, &nameless);
	assert_int_equal(another(set, 7000, &nameless), 0);
	assert_int_equal(another(set, 7000, &alice), 1);
	free(shared);
}

/* All that one processor may see while another one writes: each word as it was,
 * or as it will be. Nobody is taken for somebody else by it. */
static void
what_is_torn_says_nothing(void **state)
{
	struct bpf_shared *was = calloc(1, sizeof(*was));
	struct bpf_shared *is = calloc(1, sizeof(*is));
	struct flow_key key = key_of(7000);
	size_t at = bpf_heard_at(tag_of(7000));
	unsigned int n = BPF_HEARD_WAYS * (1 + BPF_HEARD_WORDS);

	(void)state;
	was->seed = is->seed = SEED;
	bpf_heard_put(was, &key, &alice);
	bpf_heard_put(is, &key, &alice);
	bpf_heard_put(is, &key, &bob);
	assert_int_equal(another(was->heard + at, 7000, &bob), 1);
	assert_int_equal(another(is->heard + at, 7000, &alice), 1);
	for (unsigned int mask = 1; mask < (1u << n) - 1; mask++) {
		struct bpf_heard set[BPF_HEARD_WAYS] = { was->heard[at],
			was->heard[at + 1] };
		__u64 *words = (__u64 *)set; /* nothing else is in there */
		const __u64 *new = (const __u64 *)&is->heard[at];

		for (unsigned int i = 0; i < n; i++)
			if ((mask & 1u << i) != 0)
				words[i] = new[i];
		/* whole, as far as it differs: said above */
		if (memcmp(set, was->heard + at, sizeof(set)) == 0 ||
		    memcmp(set, is->heard + at, sizeof(set)) == 0)
			continue;
		if (another(set, 7000, &alice) != 0 ||
		    another(set, 7000, &bob) != 0)
			fail_msg("words %#x", mask);
	}
	free(was);
	free(is);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_meant_may_answer),
		cmocka_unit_test(what_is_torn_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
