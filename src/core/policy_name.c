#include "src/core/compiler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/name.h"
#include "src/core/list_table.h"
#include "src/core/text.h"

static int
wire_cmp(const void *a, const void *b)
{
	return set_text_cmp(a, b);
}

/* The text was checked as it was read. */
static struct set_text
wire_of(struct compiler *c, const char *text)
{
	struct name name = name_of(text);
	char *wire = compiler_alloc(c, name.len, 1);

	if (wire != NULL)
		memcpy(wire, name.wire, name.len);
	return (struct set_text){ wire, wire != NULL ? name.len : 0 };
}

void
compiler_domains(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values)
{
	struct set_text *whole = compiler_alloc(c, values->n, sizeof(*whole));
	struct set_text *below = compiler_alloc(c, values->n, sizeof(*below));
	struct domain_set set = { whole, 0, below, 0 };

	if (whole == NULL || below == NULL)
		return;
	for (size_t i = 0; i < values->n && !c->nomem; i++) {
		struct set_text wire = wire_of(c, values->v[i].text);

		if (values->v[i].whole)
			whole[set.n_whole++] = wire;
		if (values->v[i].below)
			below[set.n_below++] = wire;
	}
	if (c->nomem)
		return;
	qsort(whole, set.n_whole, sizeof(*whole), wire_cmp);
	qsort(below, set.n_below, sizeof(*below), wire_cmp);
	ret->domains = set;
}

/* The number of the word, from 1; 0 with a fault where there is none. */
static uint32_t
word_find(struct compiler *c, const struct policy_words *words,
    const char *word, const struct rule_place *place, bool tunnel)
{
	char quoted[WORD_QUOTE_SIZE], what[WORD_QUOTE_SIZE + 32];
	size_t len = strlen(word);

	for (size_t i = 0; i < words->n; i++)
		if (strcmp(words->v[i], word) == 0)
			return (uint32_t)i + 1;
	if (c->world->any)
		return 0;
	(void)snprintf(what, sizeof(what), "no %s %s",
	    tunnel ? "tunnel" : "list",
	    word_quote(word, len, quoted)); /* fits */
	if (compiler_holds(c, what))
		return 0;
	faults_add(c->faults, &c->rules->files[place->file], place->off,
	    place->len,
	    &(struct fault_text){ what,
		tunnel ? "a section [tunnel \"NAME\"] of the settings"
		       : "a section [list \"NAME\"] of the settings",
		word_nearest(word, len, words->v, words->n) });
	return 0;
}

static int
number_cmp(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void
compiler_lists(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values)
{
	uint32_t *lists = compiler_alloc(c, values->n, sizeof(*lists));

	if (lists == NULL)
		return;
	for (size_t i = 0; i < values->n; i++) {
		lists[i] = word_find(c, &c->world->lists, values->v[i].text,
		    &values->v[i].place, false);
		if (c->lists_named != NULL && lists[i] <= c->world->lists.n)
			c->lists_named[lists[i]] = true;
	}
	qsort(lists, values->n, sizeof(*lists), number_cmp);
	ret->lists = (struct list_set){ lists, values->n, c->indexes };
}

uint32_t
compiler_tunnel(struct compiler *c, const struct rule *rule)
{
	if (rule->tunnel == NULL)
		return 0;
	return word_find(
	    c, &c->world->tunnels, rule->tunnel, &rule->tunnel_place, true);
}

void
compiler_indexes(struct compiler *c)
{
	const struct policy_words *lists = &c->world->lists;
	const struct list_table *table = c->world->table;

	/* numbered from 1 */
	c->indexes = compiler_alloc(c, lists->n + 1, sizeof(c->indexes[0]));
	c->lists_named = compiler_alloc(c, lists->n + 1, sizeof(bool));
	for (size_t i = 0; c->indexes != NULL && i < lists->n; i++) {
		int at = list_table_find(table, lists->v[i]);

		if (at >= 0)
			c->indexes[i + 1] = list_table_get(table, (size_t)at);
	}
}

struct policy_words
compiler_words(struct compiler *c, const struct policy_words *words)
{
	const char **v = compiler_alloc(c, words->n, sizeof(v[0]));

	for (size_t i = 0; v != NULL && i < words->n; i++) {
		v[i] = arena_strdup(c->arena, words->v[i]);
		if (v[i] == NULL)
			c->nomem = true;
	}
	return (struct policy_words){ v, words->n };
}
