#ifndef CORE_NAMES_H
#define CORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "src/base/addr.h"
#include "src/base/mono.h"
#include "src/base/name.h"
#include "src/core/process.h"
#include "src/core/stats.h"

/* What addresses are called: learnt from the answers that programs got, for
 * that program (its pid, start and executable) and for anybody. A name holds as
 * long as the answer, and at least for NAMES_FLOOR_S, since programs keep what
 * they were told; for the program that uses it, it holds on from each use.
 * Bounded: of the program that takes most what was not used longest makes room.
 */
struct names;
struct names_hold;

/* Browsers keep an answer for minutes, what pools connections for longer. */
#define NAMES_FLOOR_S 3600
#define NAMES_TTL_MAX_S 86400

/* Names of one address, and their octets; more of them, and of the domain that
 * has most the one that ends first goes. */
#define NAMES_PER_ADDR 64
#define NAMES_OCTETS ((size_t)4096)

/* Counts addresses, twice where a program was told: for it and for anybody. */
#define NAMES_MAX ((size_t)32768)

/* Octets of memory for each of them, on average: some may have many names, or
 * long ones. */
#define NAMES_BYTES ((size_t)1024)

/* The names of an address at one time, the one learnt last first. Immutable,
 * and counted by reference: a flow keeps those that it was judged by. */
struct host_names {
	unsigned int refs;
	uint32_t size;			/* octets of memory */
	uint8_t n;			/* never 0 */
	const struct names_hold *holds; /* of names.c's */
	const struct name *v[];
};

/* Instead of a user's number: who goes by the names was told them; and, nobody
 * knows who was. */
#define HOST_NAMES_OWN (UINT32_MAX - 1)
#define HOST_NAMES_NOBODY UINT32_MAX

/* Whether a proxy may be told name i in place of the address, and so look it up
 * for itself: where it was told to this program, to another one of its user, or
 * to a service of the system's, such as a cache. What another user's program
 * was told may lead anywhere. */
bool host_names_may_tell(
    const struct host_names *hosts, uint8_t i, const struct process *proc);

/* Whether who goes by the names was told name i itself. */
bool host_names_was_told(const struct host_names *hosts, uint8_t i);

const struct host_names *host_names_ref(const struct host_names *hosts);
void host_names_unref(const struct host_names *hosts); /* both accept NULL */
/* One name; NULL when there is no memory. */
const struct host_names *host_names_of(const struct name *name);

/* For so many addresses, of NAMES_BYTES each. stats is borrowed and outlives
 * it. NULL when there is no memory. */
struct names *names_new(size_t max, struct stats *stats);
void names_free(struct names *names); /* accepts NULL */

/* `proc` (NULL, unknown or the kernel: nobody in particular) was told that the
 * name has this address, for ttl_s seconds. Where there is no memory, that is
 * forgotten. */
void names_learn(struct names *names, const struct process *proc,
    const struct name *name, const struct addr *addr, uint32_t ttl_s,
    mono_t now);

/* What the program was told that the address is called; where it was told
 * nothing, what anybody was. NULL where nobody was told anything. Borrowed
 * until the next call for these names. */
const struct host_names *names_lookup(struct names *names,
    const struct process *proc, const struct addr *addr, mono_t now);

size_t names_count(struct names *names);

/* What does not end with this process -------------------------------------- */

/* Which boot of the machine it is, and the wall clock: pids mean nothing after
 * another boot, and time passes while no daemon runs. */
struct names_moment {
	const char *boot; /* a word; "" where it is not known */
	uint64_t wall_ms;
	mono_t now;
};

/* More names are not saved, so that writing them down does not hold up the
 * loop. */
#define NAMES_SAVED_MAX ((size_t)8192)

/* The names used last, one a line; names_read() takes them back, and returns
 * how many lines were no good. A text with another first line is none. */
void names_write(struct names *names, const struct names_moment *at, FILE *out);
size_t names_read(struct names *names, const char *text, size_t len,
    const struct names_moment *at);

#endif
