#ifndef CORE_FILTER_H
#define CORE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mono.h"
#include "src/core/flow.h"
#include "src/core/process.h"
#include "src/core/rule.h"

#define FILTER_TEXT 256

/* Which rows of a table somebody wants to see; all empty for all of them. */
struct filter {
	char exe[FILTER_TEXT];	/* a glob; without '/' of the last part */
	char user[FILTER_TEXT]; /* a name or a number */
	char unit[FILTER_TEXT]; /* a glob; ".service" may be left out */
	char domain[FILTER_TEXT];
	char verdict[FILTER_TEXT]; /* words with commas between */
	bool has_since, has_address, has_ports;
	mono_t since;
	/* either end of a flow, or who asks and is answered what */
	struct addr_range address;
	struct rule_ports ports; /* the same */
};

/* What a row has of it; NULL where it has none, which matches no filter of
 * that kind. */
struct filter_row {
	const struct process *process;
	const char *host;
	const char *verdict;
	mono_t when;
	const struct flow_key *key;
	const struct addr *client; /* of a query */
	const struct addr *answers;
	size_t n_answers;
};

#define FILTER_WHAT 128

/* Sets exe, user, unit, domain, verdict, address or port. 0, -ENOENT (there is
 * no such key), or -EINVAL with what is wrong in what[]. */
int filter_set(struct filter *filter, const char *key, const char *value,
    char what[FILTER_WHAT]);

bool filter_match(const struct filter *filter, const struct filter_row *row);

/* Whether all but the verdict match: for rows that stand for many decisions.
 */
bool filter_match_who(
    const struct filter *filter, const struct filter_row *row);

/* Whether word is one of the verdicts asked for; true where all are. */
bool filter_has_verdict(const struct filter *filter, const char *word);

#endif
