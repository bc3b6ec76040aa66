#include "port17/claim.h"

#include <stddef.h>

void
claim_done(struct claim *claim)
{
	process_unref(claim->process);
	tunnel_set_unref(claim->set);
	claim->process = NULL;
	claim->set = NULL;
}

struct dial_identity
claim_identity(
    const struct claim *claim, const struct flow_key *key, uint64_t flow)
{
	const struct process *process = claim->process;

	return (struct dial_identity){
		.words = { process->exe, process->user, process->unit },
		.src = key->local,
		.sport = key->lport,
		.pid = (uint32_t)process->pid,
		.uid = process->uid,
		.start = process->start,
		.flow = flow,
		.rule = claim->rule,
		.process = process,
	};
}
