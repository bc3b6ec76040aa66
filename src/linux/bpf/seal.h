#ifndef LINUX_BPF_SEAL_PROGRAM_H
#define LINUX_BPF_SEAL_PROGRAM_H

#define HOOK_OUT 3
#define DEVICE_IS_LOOPBACK 8 /* IFF_LOOPBACK */
#define DST_PTR_MASK (~1UL)  /* SKB_DST_PTRMASK */

/* What is to be moved by NAT and was not is on its way to the far end itself.
 */
static __always_inline int
leaves(struct sk_buff *skb)
{
	struct dst_entry *dst =
	    (struct dst_entry *)(skb->_skb_refdst & DST_PTR_MASK);

	return (BPF_CORE_READ(dst, dev, flags) & DEVICE_IS_LOOPBACK) == 0;
}

/* At LOCAL_IN and LOCAL_OUT, behind all tables, of which it says the last word
 * once more (A8, A6): whoever empties all of them at once, or the whole of
 * nf_tables, takes this program out with none of it. For attr.bpf.c alone. */
SEC("?netfilter")
int
seal(struct bpf_nf_ctx *ctx)
{
	struct sk_buff *skb = ctx->skb;
	__u8 pf = ctx->state->pf;

	if ((pf == PF_IP4 && (shared.sealed & BPF_SEALED_IP4) == 0) ||
	    (pf == PF_IP6 && (shared.sealed & BPF_SEALED_IP6) == 0))
		return NF_ACCEPT;
	switch (skb->mark) {
	case MARK_NONE:
	case MARK_BLOCK:
	case MARK_DROP:
	case MARK_BLOCK_FLOW:
	case MARK_DROP_FLOW:
		return NF_DROP;
	case MARK_PORT17:
	case MARK_NAMESERVER:
		return ctx->state->hook == HOOK_OUT && leaves(skb) ? NF_DROP
								   : NF_ACCEPT;
	default:
		return NF_ACCEPT;
	}
}

#endif
