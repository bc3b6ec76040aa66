#ifndef CORE_TALLY_H
#define CORE_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/list.h"
#include "src/base/map.h"
#include "src/base/mono.h"
#include "src/core/flow.h"
#include "src/core/stats.h"

/* What was decided and moved, summed up by process and by host: flows are
 * forgotten, these sums stay. */

/* Of enum action: in its order. */
#define TALLY_VERDICTS 4
extern const char *const tally_verdicts[TALLY_VERDICTS];

struct tally_row {
	struct map_node node;
	struct list lru;
	unsigned int refs;
	const struct process *process; /* as seen last; NULL in hosts */
	uint64_t flows;		       /* decisions about flows */
	uint64_t verdicts[TALLY_VERDICTS];
	uint64_t bytes_in, bytes_out;
	mono_t first, last;
	size_t key_len;
	char key[]; /* see tally_host() */
};

/* The name of a row of hosts, or its address in buf where it has none. */
const char *tally_host(const struct tally_row *row, char buf[ADDR_STRLEN]);

/* Both kinds; each bounded, and the row that was quiet longest makes room. */
struct tally;

/* max is that of each; stats is borrowed: rows that make room are counted. NULL
 * when there is no memory. */
struct tally *tally_new(size_t max, struct stats *stats);
void tally_free(struct tally *tally); /* accepts NULL */

/* A flow was judged. host is its name, NULL for none. */
void tally_judged(
    struct tally *tally, const struct flow *flow, const char *host, mono_t now);

/* It moved so many bytes more. */
void tally_bytes(struct tally *tally, const struct flow *flow, const char *host,
    uint64_t in, uint64_t out);

/* From the row seen last to the one that was quiet longest: first NULL, then
 * what came before. NULL at the end. */
const struct tally_row *tally_process_older(
    const struct tally *tally, const struct tally_row *after);
const struct tally_row *tally_host_older(
    const struct tally *tally, const struct tally_row *after);
/* NULL: it has none (any more). */
const struct tally_row *tally_process(
    const struct tally *tally, const struct process *proc);
size_t tally_n_processes(const struct tally *tally);
size_t tally_n_hosts(const struct tally *tally);

/* A row that is being shown stays, even if it makes room. */
const struct tally_row *tally_row_ref(const struct tally_row *row);
void tally_row_unref(const struct tally_row *row);

#endif
