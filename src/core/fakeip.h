#ifndef CORE_FAKEIP_H
#define CORE_FAKEIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "src/base/addr.h"
#include "src/base/name.h"

/* Addresses that stand for names: 198.18.0.0/15 (RFC 2544, never routed) and
 * fd17:1117::/64 (a prefix of our own). A program that resolves a name which
 * only the far side of a tunnel knows gets one, connects to it, and Port17
 * tells the proxy the name: no query leaves this machine. Both families of a
 * name have one number. Bounded: the one that was used longest ago makes
 * room. */
struct fakeip;

#define FAKEIP_MAX ((size_t)65536)

/* Of the answers: a program that keeps one longer than the table does would
 * reach another name, which takes as many names as the table holds. */
#define FAKEIP_TTL 60

struct fakeip *fakeip_new(void);	 /* NULL when there is no memory */
void fakeip_free(struct fakeip *fakeip); /* accepts NULL */

/* The address for a name; made where it has none yet (*ret_new; NULL: not
 * wanted). 0, or -ENOMEM. */
int fakeip_get(struct fakeip *fakeip, const struct name *name,
    enum addr_family family, struct addr *ret, bool *ret_new);

/* Whether an address is one of these, of a name or of none. */
bool fakeip_is(const struct addr *addr);

/* The name that it stands for; NULL where it stands for none (any more). */
const struct name *fakeip_name(struct fakeip *fakeip, const struct addr *addr);

size_t fakeip_count(const struct fakeip *fakeip);

/* As text, "NUMBER NAME" a line, so that a mapping survives a restart. Written:
 * all, in the order of use; or the one of a name. Read: a later line wins;
 * returns how many lines were no good. */
void fakeip_write(const struct fakeip *fakeip, FILE *out);
void fakeip_write_one(
    const struct fakeip *fakeip, const struct name *name, FILE *out);
size_t fakeip_read(struct fakeip *fakeip, const char *text, size_t len);

#endif
