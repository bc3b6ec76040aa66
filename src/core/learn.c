#include "src/core/learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/escape.h"
#include "src/core/learn_own.h"
#include "src/core/text.h"
#include "src/core/value.h"

struct learn *
learn_new(const char *before)
{
	struct learn *learn = calloc(1, sizeof(*learn));

	if (learn != NULL)
		learn->before = before;
	return learn;
}

void
learn_group_done(struct group *g)
{
	for (size_t i = 0; i < g->n_names; i++)
		free(g->names[i]);
	free(g->names);
	free(g->addrs);
	free(g->who);
	free(g->proto);
}

void
learn_free(struct learn *learn)
{
	if (learn == NULL)
		return;
	for (size_t i = 0; i < learn->n; i++)
		learn_group_done(&learn->groups[i]);
	free(learn->groups);
	free(learn);
}

/* Words ------------------------------------------------------------------- */

/* What a rule can't hold, or a terminal would obey, does not stand in a line;
 * nor does what stands for bytes that were no UTF-8. */
static bool
can_be_written(const char *s)
{
	size_t len = strlen(s);
	const char *what;

	return text_bad_byte(s, len, &what) == len && escape_is_plain(s) &&
	       strstr(s, "\xef\xbf\xbd") == NULL;
}

/* A name that a rule can have: anything may have been asked for. */
static bool
can_be_domain(const char *host)
{
	struct value_fault fault;
	struct rule_value value;

	return host[0] != '$' && strchr(host, '*') == NULL &&
	       can_be_written(host) &&
	       value_parse(&value, VALUE_DOMAIN, host, strlen(host), &fault) ==
		   0;
}

void
learn_put_value(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (strchr(" ,\"#\\*?", *s) != NULL)
			fputc('\\', out);
		fputc(*s, out);
	}
}

static void
put_match(FILE *out, const char *word, const char *value)
{
	fprintf(out, " %s ", word);
	learn_put_value(out, value);
}

/* " exe /usr/bin/python3 script /srv/x.py": whom the connection belongs to;
 * NULL when there is no memory, "" where nothing tells. */
static char *
who_of(const struct learn_fact *fact)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	if (fact->asks)
		; /* told by its address */
	else if (fact->process != NULL)
		put_match(out, "process", fact->process);
	else if (fact->exe_here && fact->exe[0] == '/')
		put_match(out, "exe", fact->exe);
	else if (fact->unit[0] != '\0' && fact->unit[0] != '$')
		put_match(out, "unit", fact->unit);
	if (!fact->asks && fact->process == NULL && fact->exe_here &&
	    fact->script[0] == '/')
		put_match(out, "script", fact->script);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Facts ------------------------------------------------------------------- */

static struct group *
group_find(
    const struct learn *learn, const struct learn_fact *fact, const char *who)
{
	for (size_t i = 0; i < learn->n; i++) {
		struct group *g = &learn->groups[i];

		if (g->in == fact->in && g->asks == fact->asks &&
		    g->has_port == fact->has_port &&
		    (!g->has_port || g->port == fact->port) &&
		    strcmp(g->proto, fact->proto) == 0 &&
		    strcmp(g->who, who) == 0)
			return g;
	}
	return NULL;
}

static struct group *
group_add(struct learn *learn, const struct learn_fact *fact, const char *who)
{
	struct group *groups =
	    reallocarray(learn->groups, learn->n + 1, sizeof(groups[0]));
	struct group g = { .in = fact->in,
		.asks = fact->asks,
		.has_port = fact->has_port,
		.port = fact->has_port ? fact->port : 0 };

	if (groups == NULL)
		return NULL;
	learn->groups = groups;
	g.who = strdup(who);
	g.proto = strdup(fact->proto);
	if (g.who == NULL || g.proto == NULL) {
		free(g.who);
		free(g.proto);
		return NULL;
	}
	groups[learn->n] = g;
	return &groups[learn->n++];
}

int
learn_add_name(struct learn *learn, struct group *g, const char *host)
{
	char **names;

	for (size_t i = 0; i < g->n_names; i++)
		if (strcmp(g->names[i], host) == 0)
			return 0;
	if (g->n_names == LEARN_ENDS_MAX) {
		learn->left_out++;
		return 0;
	}
	names = reallocarray(g->names, g->n_names + 1, sizeof(names[0]));
	if (names == NULL)
		return -ENOMEM;
	g->names = names;
	names[g->n_names] = strdup(host);
	if (names[g->n_names] == NULL)
		return -ENOMEM;
	g->n_names++;
	return 0;
}

int
learn_add_addr(struct learn *learn, struct group *g, const struct addr *addr)
{
	struct addr *addrs;

	for (size_t i = 0; i < g->n_addrs; i++)
		if (addr_equal(&g->addrs[i], addr))
			return 0;
	if (g->n_addrs == LEARN_ENDS_MAX) {
		learn->left_out++;
		return 0;
	}
	addrs = reallocarray(g->addrs, g->n_addrs + 1, sizeof(addrs[0]));
	if (addrs == NULL)
		return -ENOMEM;
	g->addrs = addrs;
	addrs[g->n_addrs++] = *addr;
	return 0;
}

int
learn_add(struct learn *learn, const struct learn_fact *fact)
{
	bool named = fact->host != NULL && can_be_domain(fact->host);
	char *who = who_of(fact);
	struct group *g;
	int r = -ENOMEM;

	if (who == NULL)
		return -ENOMEM;
	if ((who[0] == '\0' && !fact->asks) || !can_be_written(who) ||
	    (!named && fact->remote.family == ADDR_NONE)) {
		learn->unwritable++;
		free(who);
		return 0;
	}
	g = group_find(learn, fact, who);
	if (g == NULL && learn->n == LEARN_GROUPS_MAX) {
		learn->left_out++;
		free(who);
		return 0;
	}
	if (g == NULL)
		g = group_add(learn, fact, who);
	free(who);
	if (g == NULL)
		return -ENOMEM;
	g->seen++;
	if (named)
		r = learn_add_name(learn, g, fact->host);
	else
		r = learn_add_addr(learn, g, &fact->remote);
	return r;
}
