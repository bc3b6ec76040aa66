#include "port17/claim.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int
claim_set_name(struct claim *claim, const struct name *name)
{
	size_t size = offsetof(struct name, wire) + name->len;

	free(claim->name);
	claim->name = malloc(size);
	if (claim->name == NULL)
		return -ENOMEM;
	memcpy(claim->name, name, size);
	return 0;
}

struct name
claim_name(const struct claim *claim)
{
	struct name name = { .len = 0 };

	if (claim->name != NULL)
		memcpy(&name, claim->name,
		    offsetof(struct name, wire) + claim->name->len);
	return name;
}

struct claim
claim_of_same(const struct claim *claim)
{
	struct claim same = *claim;

	same.set = tunnel_set_ref(claim->set);
	same.process = process_ref(claim->process);
	same.name = NULL;
	same.rule = NULL;
	return same;
}

void
claim_done(struct claim *claim)
{
	process_unref(claim->process);
	tunnel_set_unref(claim->set);
	free(claim->name);
	free(claim->rule);
	claim->name = NULL;
	claim->rule = NULL;
	claim->process = NULL;
	claim->set = NULL;
}

struct dial_identity
claim_identity(
    const struct claim *claim, const struct flow_key *key, uint64_t flow)
{
	const struct process *process = claim->process;
	bool elsewhere = process->kind == PROCESS_PROGRAM && !process->exe_here;

	return (struct dial_identity){
		.words = { process->exe, process->user, process->unit,
		    elsewhere ? process->exe_dev : 0,
		    elsewhere ? process->exe_ino : 0 },
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
