#ifndef DNS_LISTED_H
#define DNS_LISTED_H

#include "dns/key.h"
#include "dns/writer.h"
#include "src/core/lists.h"

/* What a list that blocks has to say of its own: a response policy zone may
 * name the error, or the records, or another name to be looked up instead. */

/* Whether *ret is to be answered in place of what the settings say (ede is
 * EDE_FORGED where the list has records for the name, of whichever type);
 * *ret_silent: there is to be no answer. found: what the answer was to be,
 * where the query is denied for an alias or an address in it; NULL. */
bool listed_answer(struct answer *ret, struct writer_space *space,
    const struct list_index *l, const struct key *key,
    const struct answer *found, bool *ret_silent);

/* Whether the name is to be looked up under another one. */
bool listed_target(struct name *ret, const struct list_index *l,
    const struct name *name, uint16_t qtype);

/* What was found for the target, as the answer to key: behind the alias. */
void listed_alias(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct name *target,
    const struct answer *found);

/* Of the alias; programs are to learn soon that the list says so no more. */
#define LISTED_TTL 10

#endif
