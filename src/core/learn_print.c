#include "src/core/learn_own.h"

#include <stdlib.h>
#include <string.h>

/* Order ------------------------------------------------------------------- */

static int
group_cmp(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int c = (int)x->in - (int)y->in;

	if (c == 0)
		c = strcmp(x->who, y->who);
	if (c == 0)
		c = strcmp(x->proto, y->proto);
	return c != 0 ? c : (int)x->port - (int)y->port;
}

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
address_cmp(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/* Names ------------------------------------------------------------------- */

/* The name that it stands below, as "example.com" for "www.example.com"; NULL
 * where all below it would be too much: "com", "co.uk". */
static const char *
parent_of(const char *name)
{
	const char *dot = strchr(name, '.');
	const char *first = dot != NULL ? dot + 1 : "";
	const char *second = strchr(first, '.');

	if (second == NULL)
		return NULL;
	/* a country's "co", "com", "ac", "gov" are as wide as the country */
	if (strchr(second + 1, '.') == NULL && strlen(second + 1) == 2 &&
	    second - first <= 3)
		return NULL;
	return first;
}

static bool
is_below(const char *name, const char *parent)
{
	size_t n = strlen(name), m = strlen(parent);

	return (n == m || (n > m && name[n - m - 1] == '.')) &&
	       strcmp(name + n - m, parent) == 0;
}

/* How many of the names are the parent or below it. */
static size_t
n_below(const struct group *g, const char *parent)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_names; i++)
		n += is_below(g->names[i], parent);
	return n;
}

/* What stands for a name: its parent, where that has more of them. */
struct label {
	const char *text;
	bool parent;
};

static struct label
label_of(const struct group *g, size_t i)
{
	const char *parent = parent_of(g->names[i]);

	if (parent != NULL && n_below(g, parent) > LEARN_NAMES)
		return (struct label){ parent, true };
	return (struct label){ g->names[i], false };
}

/* False where what stands for another one stands for it as well: of those that
 * do, the widest, and then the first. */
static bool
is_printed(const struct group *g, const struct label *labels, size_t i)
{
	size_t len = strlen(labels[i].text);

	for (size_t j = 0; j < g->n_names; j++) {
		size_t n = strlen(labels[j].text);

		if (j != i && labels[j].parent &&
		    is_below(g->names[i], labels[j].text) &&
		    (n < len || !labels[i].parent || (n == len && j < i)))
			return false;
	}
	return true;
}

static void
print_names(const struct group *g, FILE *out)
{
	struct label labels[LEARN_ENDS_MAX];
	const char *comma = "";

	for (size_t i = 0; i < g->n_names; i++)
		labels[i] = label_of(g, i);
	fputs(" domain ", out);
	for (size_t i = 0; i < g->n_names; i++) {
		if (!is_printed(g, labels, i))
			continue;
		fprintf(out, "%s%s", comma, labels[i].parent ? "." : "");
		learn_put_value(out, labels[i].text);
		comma = ", ";
	}
}

/* Addresses --------------------------------------------------------------- */

static const char *
scope_of(const struct addr *addr)
{
	return addr_is_loopback(addr)	 ? "loopback"
	       : addr_is_multicast(addr) ? "multicast"
	       : addr_is_broadcast(addr) ? "broadcast"
	       : addr_is_lan(addr)	 ? "lan"
	       : addr_is_internet(addr)	 ? "internet"
					 : NULL;
}

/* The word for its kind, where there are many of them or a kind is enough:
 * of this host, and of those who come from elsewhere. */
static const char *
kind_of(const struct group *g, size_t i)
{
	const char *scope = scope_of(&g->addrs[i]), *other;
	size_t n = 0;

	/* this host is one of its LAN, too */
	if (scope == NULL || g->asks)
		return NULL;
	for (size_t j = 0; j < g->n_addrs; j++) {
		other = scope_of(&g->addrs[j]);
		n += other != NULL && strcmp(other, scope) == 0;
	}
	return g->in || n > LEARN_ADDRS || strcmp(scope, "loopback") == 0
		   ? scope
		   : NULL;
}

static void
print_addrs(const struct group *g, FILE *out)
{
	const char *comma = "";
	char buf[ADDR_STRLEN];

	for (size_t i = 0; i < g->n_addrs; i++) {
		const char *kind = kind_of(g, i);
		bool printed = false;

		for (size_t j = 0; kind != NULL && j < i; j++) {
			const char *other = kind_of(g, j);

			printed |= other != NULL && strcmp(other, kind) == 0;
		}
		if (printed)
			continue;
		fprintf(out, "%s%s", comma,
		    kind != NULL ? kind : addr_format(&g->addrs[i], buf));
		comma = ", ";
	}
}

/* Rules ------------------------------------------------------------------- */

static void
print_head(const struct group *g, const char *before, FILE *out)
{
	fprintf(out, "%saccept %s%s%s%s", before, g->in ? "in" : "out", g->who,
	    g->proto[0] != '\0' ? " proto " : "", g->proto);
}

static void
print_group(struct group *g, const char *before, FILE *out)
{
	if (g->n_names > 0)
		qsort(g->names, g->n_names, sizeof(g->names[0]), name_cmp);
	if (g->n_addrs > 0)
		qsort(g->addrs, g->n_addrs, sizeof(g->addrs[0]), address_cmp);
	if (g->n_names > 0) {
		print_head(g, before, out);
		print_names(g, out);
		if (g->has_port)
			fprintf(out, " to any port %u", g->port);
		fputc('\n', out);
	}
	if (g->n_addrs == 0)
		return;
	print_head(g, before, out);
	if (g->in) {
		if (g->has_port)
			fprintf(out, " to any port %u", g->port);
		fputs(" from ", out);
		print_addrs(g, out);
	} else {
		fputs(g->asks ? " from " : " to ", out);
		print_addrs(g, out);
		if (g->has_port)
			fprintf(out, " port %u", g->port);
	}
	fputc('\n', out);
}

static bool
same_but_port(const struct group *a, const struct group *b)
{
	return a->in == b->in && strcmp(a->who, b->who) == 0 &&
	       strcmp(a->proto, b->proto) == 0;
}

/* Moves what the other has seen to the group. */
static int
take_over(struct learn *learn, struct group *g, struct group *other)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < other->n_names; i++)
		r = learn_add_name(learn, g, other->names[i]);
	for (size_t i = 0; r == 0 && i < other->n_addrs; i++)
		r = learn_add_addr(learn, g, &other->addrs[i]);
	g->seen += other->seen;
	return r;
}

/* The groups from i on that differ by their ports alone; where there are many,
 * the first one becomes that of all ports. How many there are. */
static size_t
join_ports(struct learn *learn, size_t i)
{
	struct group *g = &learn->groups[i];
	size_t n = 1;

	while (i + n < learn->n && same_but_port(g, &learn->groups[i + n]))
		n++;
	if (n <= LEARN_PORTS)
		return 1;
	for (size_t j = 1; j < n; j++)
		if (take_over(learn, g, &learn->groups[i + j]) < 0)
			return 1; /* no memory: each for itself */
	g->has_port = false;
	return n;
}

void
learn_print(struct learn *learn, FILE *out)
{
	size_t n;

	if (learn->n > 0)
		qsort(learn->groups, learn->n, sizeof(learn->groups[0]),
		    group_cmp);
	for (size_t i = 0; i < learn->n; i += n) {
		n = join_ports(learn, i);
		print_group(&learn->groups[i], learn->before, out);
	}
	if (learn->left_out > 0)
		fprintf(out, "# too many to be told: %llu left out\n",
		    (unsigned long long)learn->left_out);
	if (learn->unwritable > 0)
		fprintf(out,
		    "# %llu %s of what a rule can't name (a program that is "
		    "deleted or in a container without a unit, an odd name)\n",
		    (unsigned long long)learn->unwritable,
		    learn->unwritable == 1 ? "connection or query"
					   : "connections or queries");
}
