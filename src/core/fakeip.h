#ifndef CORE_FAKEIP_H
#define CORE_FAKEIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "src/base/addr.h"
#include "src/base/mono.h"
#include "src/base/name.h"

/* Addresses that stand for names: 198.18.0.0/15 (RFC 2544, never routed) and
 * fd17:1117::/64 (a prefix of our own). A program that resolves a name which
 * only the far side of a tunnel knows gets one, connects to it, and Port17
 * tells the proxy the name: no query leaves this machine. Both families of a
 * name have one number. Bounded: the one that was used longest ago makes
 * room, once it is FAKEIP_KEPT old. */
struct fakeip;

#define FAKEIP_MAX ((size_t)65536)

/* Of the answers: a program that keeps one longer than the table does would
 * reach another name. */
#define FAKEIP_TTL 60

/* A number is nobody else's for so long after its name was asked for or
 * connected to: as long as the answer, and as long again for those that were on
 * their way, or kept it. */
#define FAKEIP_KEPT (2 * FAKEIP_TTL * MONO_S)

struct fakeip *fakeip_new(void);	 /* NULL when there is no memory */
void fakeip_free(struct fakeip *fakeip); /* accepts NULL */

/* The address of a name, which is used now; false where it has none yet. */
bool fakeip_find(struct fakeip *fakeip, const struct name *name,
    enum addr_family family, mono_t now, struct addr *ret);

/* Gives a number to a name that has none. 0, -ENOSPC (all are in use, or were
 * until just now) or -ENOMEM. */
int fakeip_add(struct fakeip *fakeip, const struct name *name, mono_t now,
    uint32_t *ret_number);

/* Whether a new name takes the number of another. */
bool fakeip_is_full(const struct fakeip *fakeip);

/* Whether an address is one of these, of a name or of none. */
bool fakeip_is(const struct addr *addr);

/* The name that it stands for, which is used now; NULL where it stands for none
 * (any more). Borrowed until the next fakeip_add(). */
const struct name *fakeip_name(
    struct fakeip *fakeip, const struct addr *addr, mono_t now);

size_t fakeip_count(const struct fakeip *fakeip);

/* As text, "NUMBER NAME" a line, so that a mapping survives a restart. Written:
 * all, in the order of use; or the line of one number, 0 bytes where it has no
 * name. Read: a later line wins, and all are as if they were used now; returns
 * how many lines were no good. */
#define FAKEIP_LINE_SIZE (NAME_TEXT_SIZE + 16)
void fakeip_write(const struct fakeip *fakeip, FILE *out);
size_t fakeip_line(
    const struct fakeip *fakeip, uint32_t number, char buf[FAKEIP_LINE_SIZE]);
size_t fakeip_read(
    struct fakeip *fakeip, const char *text, size_t len, mono_t now);

#endif
