#include "src/linux/chains_content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
chains_content_init(struct chains_content *c, enum chains_family family,
    enum chains_table table)
{
	*c = (struct chains_content){ .family = family, .table = table };
}

void
chains_content_done(struct chains_content *c)
{
	for (size_t i = 0; i < c->n; i++) {
		for (size_t j = 0; j < c->chains[i].n; j++)
			free(c->chains[i].lines[j].text);
		free(c->chains[i].lines);
	}
	free(c->chains);
}

/* An array with room for one more; -ENOMEM leaves it as it is. */
static int
grow(void **v, size_t n, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 16 : *room * 2;
	void *grown;

	if (n < *room)
		return 0;
	grown = reallocarray(*v, more, size);
	if (grown == NULL)
		return -ENOMEM;
	*v = grown;
	*room = more;
	return 0;
}

static void
copy_name(char *to, const char *from, size_t len)
{
	if (len >= CHAINS_NAME_SIZE)
		len = CHAINS_NAME_SIZE - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

int
chains_content_add_chain(struct chains_content *c, const char *name,
    size_t name_len, const char *policy, size_t policy_len)
{
	void *v = c->chains;
	int r = grow(&v, c->n, &c->room, sizeof(c->chains[0]));

	if (r < 0)
		return r;
	c->chains = v;
	c->chains[c->n] = (struct chains_chain){ .n = 0 };
	copy_name(c->chains[c->n].name, name, name_len);
	copy_name(c->chains[c->n].policy, policy, policy_len);
	c->n++;
	return 0;
}

/* Rules come chain by chain: the last one that was asked for is tried first
 * by looking from the end. */
static struct chains_chain *
find(const struct chains_content *c, const char *name, size_t len)
{
	for (size_t i = c->n; i-- > 0;)
		if (strncmp(c->chains[i].name, name, len) == 0 &&
		    c->chains[i].name[len] == '\0')
			return &c->chains[i];
	return NULL;
}

const struct chains_chain *
chains_content_find(const struct chains_content *c, const char *name)
{
	size_t len = strlen(name);

	return len < CHAINS_NAME_SIZE ? find(c, name, len) : NULL;
}

/* Words in quotes (comments) may hold anything. */
static const char *
find_target(const char *text)
{
	bool quoted = false;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\\' && quoted && p[1] != '\0')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (strncmp(p, " -j ", 4) == 0 ||
					strncmp(p, " -g ", 4) == 0))
			return p + 4;
	}
	return "";
}

int
chains_content_add_line(struct chains_content *c, const char *chain,
    size_t chain_len, const char *text, size_t len)
{
	struct chains_chain *to =
	    chain_len < CHAINS_NAME_SIZE ? find(c, chain, chain_len) : NULL;
	struct chains_line line = { .text = NULL };
	void *v;
	int r;

	if (to == NULL)
		return -EINVAL;
	v = to->lines;
	r = grow(&v, to->n, &to->room, sizeof(to->lines[0]));
	if (r < 0)
		return r;
	to->lines = v;
	line.text = strndup(text, len);
	if (line.text == NULL)
		return -ENOMEM;
	line.target = find_target(line.text);
	to->lines[to->n++] = line;
	return 0;
}

struct chains_line *
chains_content_last(
    struct chains_content *c, const char *chain, size_t chain_len)
{
	struct chains_chain *of =
	    chain_len < CHAINS_NAME_SIZE ? find(c, chain, chain_len) : NULL;

	return of != NULL && of->n > 0 ? &of->lines[of->n - 1] : NULL;
}

bool
chains_line_goes_to(const struct chains_line *line, const char *target)
{
	size_t len = strlen(target);

	return strncmp(line->target, target, len) == 0 &&
	       (line->target[len] == '\0' || line->target[len] == ' ');
}

bool
chains_line_is_row(const struct chains_line *line, const struct chains_row *row)
{
	return strcmp(line->text, row->text) == 0;
}

bool
chains_line_is_ours(const struct chains_content *c,
    const struct chains_chain *chain, const struct chains_line *line,
    const struct chains_plan *plan)
{
	const char *own;

	for (size_t n = 0; (own = chains_own(c->table, n)) != NULL; n++)
		if (chains_line_goes_to(line, own))
			return true;
	for (size_t row = chains_plan_next(plan, 0, c->table, chain->name);
	     row < plan->n;
	     row = chains_plan_next(plan, row + 1, c->table, chain->name))
		if (chains_line_is_row(line, &plan->rows[row]))
			return true;
	return false;
}
