#include "port17/trust.h"

#include <stdlib.h>

#include "port17/tls.h"

struct trusts *
trusts_new(const struct tunnel_set *set)
{
	struct trusts *trusts =
	    calloc(1, sizeof(*trusts) + set->n * sizeof(trusts->v[0]));

	if (trusts == NULL)
		return NULL;
	trusts->refs = 1;
	trusts->set = set;
	trusts->n = set->n;
	for (size_t i = 0; i < set->n; i++)
		trusts->v[i].known = set->v[i].has_pin;
	return trusts;
}

struct trusts *
trusts_ref(struct trusts *trusts)
{
	if (trusts != NULL)
		trusts->refs++;
	return trusts;
}

void
trusts_unref(struct trusts *trusts)
{
	if (trusts == NULL || --trusts->refs > 0)
		return;
	for (size_t i = 0; i < trusts->n; i++)
		tls_context_free(trusts->v[i].tls); /* flows have references */
	free(trusts);
}

struct trust *
trusts_of(struct trusts *trusts, const struct tunnel *tunnel)
{
	for (size_t i = 0; i < trusts->n; i++)
		if (&trusts->set->v[i] == tunnel)
			return &trusts->v[i];
	return NULL;
}
