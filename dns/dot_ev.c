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
	struct tls_ev **v; /* by upstream's number; NULL: not asked yet */
	size_t n;
	struct tls_ev **kept; /* of numbers before; NULL: none */
	size_t n_kept;
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

/* What is open to the same server from before; NULL. */
static struct tls_ev *
take_kept(struct dot_ev *de, const struct upstream_spec *spec)
{
	for (size_t i = 0; i < de->n_kept; i++) {
		struct tls_ev *t = de->kept[i];

		if (!upstream_spec_equal(tls_ev_spec(t), spec))
			continue;
		de->kept[i] = de->kept[--de->n_kept];
		return t;
	}
	return NULL;
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
	if (de->v[place] == NULL)
		de->v[place] = take_kept(de, opts.spec);
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

static void
drop_kept(struct dot_ev *de)
{
	while (de->n_kept > 0)
		tls_ev_free(de->kept[--de->n_kept]);
	free(de->kept);
	de->kept = NULL;
}

void
dot_ev_reset(struct dot_ev *de)
{
	struct tls_ev **v;

	de->closing = true;
	for (size_t i = 0; i < de->n; i++)
		if (de->v[i] != NULL)
			tls_ev_cancel(de->v[i]);
	v = calloc(de->n + de->n_kept + 1, sizeof(v[0]));
	if (v == NULL) { /* they are opened anew */
		drop_kept(de);
		for (size_t i = 0; i < de->n; i++)
			tls_ev_free(de->v[i]);
	} else {
		size_t n = de->n_kept;

		if (n > 0)
			memcpy(v, de->kept, n * sizeof(v[0]));
		for (size_t i = 0; i < de->n; i++)
			if (de->v[i] != NULL)
				v[n++] = de->v[i];
		free(de->kept);
		de->kept = v;
		de->n_kept = n;
	}
	if (de->n > 0)
		memset(de->v, 0, de->n * sizeof(de->v[0]));
	de->closing = false;
}

static bool
is_asked(const struct dot_ev *de, const struct upstream_spec *spec)
{
	const struct name *zone;
	struct upstream_group *group;

	for (size_t g = 0;
	     (group = resolve_group(de->resolve, g, &zone)) != NULL; g++)
		for (size_t i = 0; i < group->n; i++)
			if (upstream_spec_equal(&group->v[i].spec, spec))
				return true;
	return false;
}

void
dot_ev_follow(struct dot_ev *de)
{
	size_t n = 0;

	for (size_t i = 0; i < de->n_kept; i++) {
		if (is_asked(de, tls_ev_spec(de->kept[i])))
			de->kept[n++] = de->kept[i];
		else
			tls_ev_free(de->kept[i]);
	}
	de->n_kept = n;
}

void
dot_ev_trust(struct dot_ev *de, struct trust *trust_take)
{
	trust_unref(de->trust);
	de->trust = trust_take;
	for (size_t i = 0; i < de->n; i++)
		if (de->v[i] != NULL)
			tls_ev_trust(de->v[i], trust_take);
	for (size_t i = 0; i < de->n_kept; i++)
		tls_ev_trust(de->kept[i], trust_take);
}

void
dot_ev_forgive(struct dot_ev *de)
{
	for (size_t i = 0; i < de->n; i++)
		if (de->v[i] != NULL)
			tls_ev_forgive(de->v[i]);
	for (size_t i = 0; i < de->n_kept; i++)
		tls_ev_forgive(de->kept[i]);
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
	drop_kept(de);
	trust_unref(de->trust);
	free(de->v);
	free(de);
}
