#ifndef DNS_LEARN_H
#define DNS_LEARN_H

#include "dns/answer.h"
#include "dns/record.h"

struct names;
struct resolve;

/* What the addresses of an answer are called, for who asked: by the name that
 * was asked, last, since that is what a user knows, and by all that it is an
 * alias of, as far as those who answered are asked for these, too (NULL: for
 * all): the server of a forward has nothing to say of names elsewhere. Hints of
 * a service (HTTPS) are addresses of the host it is asked for, never of the
 * TargetName: whoever answers for the service can write any name there. Where a
 * list led on, it is by the name that it led to and those behind: the rule that
 * has the list would deny the addresses by the name that was asked. */
void learn_names(struct names *names, const struct resolve *resolve,
    const struct record *record, const struct answer *answer);

#endif
