#include "src/port17_own.h"

#include <errno.h>

#include "src/linux/icmp.h"

static void
udp_tell(struct port17_ev *p17, const struct flow_key *seen, int error)
{
	/* the error quotes the packet as it came to the endpoint: the kernel
	 * turns that back, too */
	struct flow_key quoted = *seen;

	quoted.local = seen->remote;
	quoted.lport = seen->rport;
	quoted.remote = seen->local;
	quoted.rport = seen->lport;
	p17->opts.stats->port17_refused++;
	if (p17->icmp != NULL)
		(void)icmp_tell(p17->icmp, &quoted, 0, error);
}

void
port17_told_unheard(void *arg, const struct flow_key *seen)
{
	udp_tell(arg, seen, ECONNREFUSED);
}

void
port17_told_too_large(void *arg, const struct flow_key *seen)
{
	udp_tell(arg, seen, EMSGSIZE);
}

int
port17_ev_tell(
    struct port17_ev *p17, const struct flow_key *key, uint32_t tcp_seq)
{
	if (p17->icmp == NULL)
		return -ENOTSUP;
	return icmp_tell(p17->icmp, key, tcp_seq, EACCES);
}

int
port17_ev_tell_caller(
    struct port17_ev *p17, const struct flow_key *key, uint32_t tcp_seq)
{
	int r = 0;

	if (p17->icmp_callers == NULL)
		r = icmp_open(&p17->icmp_callers, ICMP_CALLERS, p17->own);
	return r < 0 ? r : icmp_tell(p17->icmp_callers, key, tcp_seq, EACCES);
}
