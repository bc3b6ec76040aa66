#include "dns/dot_ev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/tls_ev.h"

/* resolve has had its say long before: after it, nobody waits. */
#define TIMEOUT_NS (5 * MONO_S)

struct dot_ev {
	struct event_base *base;
	struct resolve *resolve;
	struct trust *trust;
	struct tls_ev **v; /* by upstream's number; NULL: never asked */
	size_t n;
	bool closing;
};

static void
done(void *arg, void *asker, int error, const uint8_t *msg, size_t len)
{
	struct dot_ev *de = arg;
	struct attempt *attempt = asker;
	mono_t now = mono_now();

	if (error == 0 && !resolve_fits(de->resolve, attempt, msg, len))
		error = -EBADMSG;
	if (error == 0)
		resolve_answer(de->resolve, attempt, msg, len, now);
	else
		resolve_failed(de->resolve, attempt, error, now);
}

/* NULL when there is no memory. */
static struct tls_ev *
connection_of(struct dot_ev *de, const struct upstream *upstream)
{
	size_t place = upstream->number;
	struct tls_ev_opts opts = {
		.base = de->base,
		.trust = de->trust,
		.spec = &upstream->spec,
		.done = done,
		.arg = de,
	};

	if (place >= de->n) {
		size_t n = place + 8;
		void *v = reallocarray(de->v, n, sizeof(de->v[0]));

		if (v == NULL)
			return NULL;
		de->v = v;
		memset(de->v + de->n, 0, (n - de->n) * sizeof(de->v[0]));
		de->n = n;
	}
	if (de->v[place] == NULL && tls_ev_new(&de->v[place], &opts) < 0)
		return NULL;
	return de->v[place];
}

int
dot_ev_send(
    struct dot_ev *de, struct attempt *attempt, const uint8_t *msg, size_t len)
{
	struct tls_ev *t;

	if (de->closing || de->trust == NULL)
		return -ECANCELED;
	t = connection_of(de, attempt->upstream);
	if (t == NULL)
		return -ENOMEM;
	return tls_ev_query(
	    t, msg, len, mono_add(mono_now(), TIMEOUT_NS), attempt);
}

void
dot_ev_reset(struct dot_ev *de)
{
	de->closing = true;
	for (size_t i = 0; i < de->n; i++) {
		tls_ev_free(de->v[i]);
		de->v[i] = NULL;
	}
	de->closing = false;
}

void
dot_ev_trust(struct dot_ev *de, struct trust *trust_take)
{
	dot_ev_reset(de);
	trust_unref(de->trust);
	de->trust = trust_take;
}

void
dot_ev_forgive(struct dot_ev *de)
{
	for (size_t i = 0; i < de->n; i++)
		if (de->v[i] != NULL)
			tls_ev_forgive(de->v[i]);
}

const char *
dot_ev_why(const struct dot_ev *de, unsigned int number)
{
	return number < de->n && de->v[number] != NULL
		   ? tls_ev_why(de->v[number])
		   : "";
}

int
dot_ev_new(
    struct dot_ev **ret, struct event_base *base, struct resolve *resolve)
{
	struct dot_ev *de = calloc(1, sizeof(*de));

	if (de == NULL)
		return -ENOMEM;
	de->base = base;
	de->resolve = resolve;
	*ret = de;
	return 0;
}

void
dot_ev_free(struct dot_ev *de)
{
	if (de == NULL)
		return;
	dot_ev_reset(de);
	trust_unref(de->trust);
	free(de->v);
	free(de);
}
