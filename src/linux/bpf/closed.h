#ifndef LINUX_BPF_CLOSED_PROGRAMS_H
#define LINUX_BPF_CLOSED_PROGRAMS_H

#define IPPROTO_UDP 17
/* Between two of those for which the daemon is woken up; a round of its own is
 * as long (closing_ev.c). */
#define CLOSES_PAUSE_NS 50000000UL

static __always_inline __u64
wakeup_for_close(void)
{
	__u64 now = bpf_ktime_get_ns();

	if (now - shared.closes_told < CLOSES_PAUSE_NS)
		return BPF_RB_NO_WAKEUP;
	shared.closes_told = now;
	return BPF_RB_FORCE_WAKEUP;
}

/* The last who had a socket has closed it: its port is free in a moment, and
 * what conntrack keeps of it is nobody's. For attr.bpf.c alone. It hangs at the
 * root of the control groups and sees the sockets of all network namespaces;
 * what it is given is the kernel's own socket, of which the verifier shows less
 * than is needed. */
SEC("?cgroup/sock_release")
int
attr_closed(struct bpf_sock *ctx)
{
	struct sock *sk = (struct sock *)ctx;
	struct bpf_closed closed = { .type = BPF_RECORD_CLOSE };

	if (ctx->type != SOCK_DGRAM || ctx->protocol != IPPROTO_UDP ||
	    BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != shared.netns)
		return 1;
	closed.inode = socket_of(file_of(sk));
	/* One that is lost does no harm, while what is born must not be lost:
	 * whoever makes and closes sockets without end gets a quarter of the
	 * ring, and wakes up nobody for most of them. */
	if ((__s64)(shared.closes - shared.closes_taken) <
		(__s64)shared.closes_many &&
	    bpf_ringbuf_output(
		&events, &closed, sizeof(closed), wakeup_for_close()) == 0)
		__sync_fetch_and_add(&shared.closes, 1);
	return 1;
}

#endif
