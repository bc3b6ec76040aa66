#ifndef CORE_USES_H
#define CORE_USES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/map.h"
#include "src/base/mono.h"
#include "src/core/actor.h"
#include "src/core/flow.h"
#include "src/core/process.h"

/* Who sent what, lately: the packet that comes to be judged finds its sender
 * by its ends. Bounded; what was sent longest ago makes room, and sooner where
 * it waits for no verdict. */
struct uses;

/* One process as the kernel saw it, shared by all that it sent. */
struct who {
	struct map_node node;
	unsigned int refs;
	uint64_t id; /* never 0, and never given twice */
	struct actor actor;
	/* what is known of it besides, for the caller to keep here: a
	 * reference, or NULL */
	const struct process *process;
	mono_t read, looked;
};

struct used {
	struct who *who; /* borrowed until the next uses_put() */
	uint64_t socket;
	/* that it is bound to; 0: none, 255: that one or one behind it. All
	 * that is asked is whether it is one, and other than lo */
	uint32_t device;
	bool connected, answers; /* as of struct use */
	bool begins;		 /* the same; once */
};

enum uses_found {
	USES_NONE,
	USES_ONE,
	USES_MIXED, /* several sent between these ends, and which can't be
		       told */
};

/* max: of all; judged: to be kept where none of them waits. NULL when there is
 * no memory. */
struct uses *uses_new(size_t max, size_t judged);
void uses_free(struct uses *uses); /* accepts NULL */

/* One is put soon: what that takes is fetched from memory meanwhile. */
void uses_expect(const struct uses *uses);

/* 0 with the flow's key in *ret_key (or NULL), -ENOMEM, or what packet_parse()
 * says of a packet that is none. */
int uses_put(struct uses *uses, const struct use *use, mono_t now,
    struct flow_key *ret_key);

/* head: the first bytes of the packet in question, as many as are at hand. They
 * tell which one it is where several processes share a socket, and it counts as
 * asked about then. NULL: none in particular. */
enum uses_found uses_find(struct uses *uses, const struct flow_key *key,
    const void *head, size_t len, struct used *ret);

size_t uses_count(const struct uses *uses);

#endif
