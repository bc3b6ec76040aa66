#ifndef DNS_LEARN_H
#define DNS_LEARN_H

#include "dns/answer.h"
#include "dns/record.h"

struct names;

/* What the addresses of an answer are called, for who asked: by the name that
 * was asked, last, since that is what a user knows, and by all that it is an
 * alias of. Hints of a service (HTTPS) are addresses of its host. */
void learn_names(struct names *names, const struct record *record,
    const struct answer *answer);

#endif
