#ifndef PORT17_DGRAM_KEPT_H
#define PORT17_DGRAM_KEPT_H

#include "port17/dgram.h"
#include "port17/share.h"
#include "src/base/list.h"

/* Datagrams that wait until there is a way for them: a few, since what comes
 * after those is as lost as on a full link. */
#define DGRAM_KEPT_MAX 65536 /* bytes */
/* The same for all that wait; one process may have an eighth. */
#define DGRAM_KEPT_ALL_MAX ((size_t)32 << 20)

struct dgram_kept {
	struct list list;
	size_t bytes; /* with what it takes to keep them */
	struct shares *shares;
	struct share_key whose;
};

struct process;

/* shares: of DGRAM_KEPT_ALL_MAX, borrowed; nothing of the process is. */
void dgram_kept_init(struct dgram_kept *kept, struct shares *shares,
    const struct process *process);
/* How many were there: nobody gets them. */
unsigned int dgram_kept_done(struct dgram_kept *kept);

/* Copies it: how many were lost. */
unsigned int dgram_kept_add(struct dgram_kept *kept, const struct dgram_in *in);

/* All of them go that way, with that head in front, and are gone: how many were
 * lost. */
unsigned int dgram_kept_send(struct dgram_kept *kept,
    const struct dgram_in *head, struct dgram_out *out,
    const struct dgram_to *to);

#endif
