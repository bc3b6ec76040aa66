#include "src/core/owners.h"

#include <stddef.h>

static void
forget(struct owner *owner)
{
	process_unref(owner->of);
	owner->of = NULL;
}

/* Numbers of sockets are given out one after the other. */
static size_t
place_of(uint64_t socket)
{
	return socket % OWNERS_MAX;
}

void
owners_done(struct owners *owners)
{
	for (size_t i = 0; i < OWNERS_MAX; i++)
		forget(&owners->all[i]);
}

void
owners_put(struct owners *owners, uint64_t socket, uint32_t uid,
    const struct process *of, mono_t now)
{
	struct owner *owner = &owners->all[place_of(socket)];

	forget(owner);
	*owner = (struct owner){
		.socket = socket, .uid = uid, .read = now, .of = process_ref(of)
	};
}

const struct process *
owners_find(const struct owners *owners, uint64_t socket, uint32_t uid,
    mono_t now, uint64_t age)
{
	const struct owner *owner = &owners->all[place_of(socket)];

	if (owner->of == NULL || owner->socket != socket || owner->uid != uid ||
	    mono_since(now, owner->read) > age)
		return NULL;
	return owner->of;
}

void
owners_changed(struct owners *owners, pid_t pid)
{
	for (size_t i = 0; i < OWNERS_MAX; i++)
		if (owners->all[i].of != NULL && owners->all[i].of->pid == pid)
			forget(&owners->all[i]);
}

void
owners_closed(struct owners *owners, uint64_t socket)
{
	struct owner *owner = &owners->all[place_of(socket)];

	if (owner->socket == socket)
		forget(owner);
}
