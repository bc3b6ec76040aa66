#include "src/core/names_own.h"

#include <stdlib.h>
#include <string.h>

const struct host_names *
host_names_ref(const struct host_names *hosts)
{
	/* the count is the one thing of them that changes */
	if (hosts != NULL)
		((struct host_names *)hosts)->refs++;
	return hosts;
}

void
host_names_unref(const struct host_names *hosts)
{
	struct host_names *h = (struct host_names *)hosts; /* as above */

	if (h != NULL && --h->refs == 0)
		free(h);
}

struct host_names *
host_names_new(const struct name *const *v, const struct names_hold *holds,
    size_t n, struct names_hold **ret_holds)
{
	size_t at = sizeof(struct host_names) + n * sizeof(v[0]);
	size_t head = at + n * sizeof(holds[0]);
	size_t size = head;
	struct host_names *hosts;
	uint8_t *to;

	for (size_t i = 0; i < n; i++)
		size += offsetof(struct name, wire) + v[i]->len;
	hosts = malloc(size);
	if (hosts == NULL)
		return NULL;
	hosts->refs = 1;
	hosts->size = (uint32_t)size;
	hosts->n = (uint8_t)n;
	*ret_holds = (struct names_hold *)(void *)((uint8_t *)hosts + at);
	hosts->holds = *ret_holds;
	memcpy(*ret_holds, holds, n * sizeof(holds[0]));
	to = (uint8_t *)hosts + head;
	for (size_t i = 0; i < n; i++) {
		size_t len = offsetof(struct name, wire) + v[i]->len;

		memcpy(to, v[i], len);
		hosts->v[i] = (const struct name *)to;
		to += len;
	}
	return hosts;
}

const struct host_names *
host_names_of(const struct name *name)
{
	const struct names_hold hold = { .uid = HOST_NAMES_OWN };
	struct names_hold *holds;

	return host_names_new(&name, &hold, 1, &holds);
}

bool
host_names_may_tell(
    const struct host_names *hosts, uint8_t i, const struct process *proc)
{
	uint32_t uid = hosts->holds[i].uid;

	if (uid == HOST_NAMES_OWN || uid <= SYSTEM_UID_MAX)
		return true;
	return uid != HOST_NAMES_NOBODY && proc->kind == PROCESS_PROGRAM &&
	       proc->uid == uid;
}
