#include "tests/scenario/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/rules.h"
#include "tests/fake/world.h"
#include "tests/fake/zone.h"

void
stage_wrong(struct stage *s, const char *what, const char *more)
{
	fprintf(stderr, "%s:%u: %s%s%s\n", s->path, s->line, what,
	    more != NULL ? ": " : "", more != NULL ? more : "");
	s->bad = true;
}

static int
on_send(void *arg, struct attempt *attempt, uint8_t *msg, size_t len)
{
	struct stage *s = arg;
	char buf[ADDR_STRLEN];

	addr_format(&attempt->upstream->spec.addr, buf);
	if (strcmp(buf, s->dead) == 0)
		return -ECONNREFUSED;
	if (s->n_flying == SENT_MAX)
		abort();
	s->flying[s->n_flying].attempt = attempt;
	memcpy(s->flying[s->n_flying].msg, msg, len);
	s->flying[s->n_flying].len = len;
	s->flying[s->n_flying++].seen = false;
	return 0;
}

static void
on_reply(void *arg, const struct client *client, const uint8_t *msg, size_t len)
{
	struct stage *s = arg;

	(void)client;
	memcpy(s->answer, msg, len);
	s->answer_len = len;
	s->waits = false;
}

static void
on_dropped(void *arg, const struct client *client)
{
	struct stage *s = arg;

	(void)client;
	s->dropped = true;
	s->waits = false;
}

static void
on_done(void *arg, const struct client *client, const struct record *record,
    const struct answer *answer)
{
	struct stage *s = arg;

	(void)client;
	(void)answer;
	s->from = record->from;
}

static enum resolve_way
on_stand_in(void *arg, const struct resolve_stand_in *query, struct addr *ret)
{
	struct stage *s = arg;
	const char *tunnel =
	    policy_tunnel(query->policy, query->decision->tunnel);

	for (size_t i = 0; i < s->conf.n_tunnels; i++)
		if (strcmp(s->conf.tunnels[i].name, tunnel) == 0)
			return RESOLVE_WAY_TUNNEL;
	*ret = s->stand_in;
	return s->stand_in.family != ADDR_NONE ? RESOLVE_WAY_STAND_IN
					       : RESOLVE_WAY_NONE;
}

static bool
on_is_here(void *arg, const struct addr *addr)
{
	const struct stage *s = arg;

	return addr_equal(addr, &s->self);
}

static uint32_t
on_random(void *arg)
{
	struct stage *s = arg;

	s->random = s->random * 1664525 + 1013904223;
	return s->random;
}

static void
on_timer(void *arg, mono_t when)
{
	struct stage *s = arg;

	s->due = when;
}

static void
add_upstreams(struct stage *s, struct upstream_group *group, char *words)
{
	for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " ")) {
		struct upstream *u = &group->v[group->n];

		if (strcmp(w, "parallel") == 0)
			group->order = UPSTREAM_PARALLEL;
		else if (upstream_parse(&u->spec, w, strlen(w)) == 0)
			group->n++;
		else
			stage_wrong(s, "no upstream", w);
	}
}

void
stage_set_rules(struct stage *s, const char *text)
{
	const struct policy *policy = NULL;
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	struct policy_world world = fake_world;

	world.table = fake_zone_table(s->zone);
	if (rules_parse(rules, "t.rules", text, strlen(text), faults) < 0 ||
	    policy_compile(&policy, rules, &world, faults) < 0) {
		faults_print(faults, stderr);
		abort();
	}
	rules_free(rules);
	faults_free(faults);
	list_table_unref(world.table);
	resolve_set_policy(s->r, policy);
	policy_unref(policy);
}

static void *
copied(const void *v, size_t size)
{
	void *copy = malloc(size);

	memcpy(copy, v, size);
	return copy;
}

/* As a shell: unless the same are asked, all that is under way is given
 * back. */
void
stage_reconfigure(struct stage *s)
{
	struct resolve_conf conf = s->conf;

	conf.tunnels =
	    copied(s->conf.tunnels, ARRAY_MAX * sizeof(conf.tunnels[0]));
	conf.forwards =
	    copied(s->conf.forwards, ARRAY_MAX * sizeof(conf.forwards[0]));
	conf.allow_private = copied(
	    s->conf.allow_private, ARRAY_MAX * sizeof(conf.allow_private[0]));
	if (!resolve_asks_same(s->r, &conf)) {
		resolve_park(s->r);
		while (s->n_flying > 0)
			resolve_failed(s->r, s->flying[--s->n_flying].attempt,
			    -ECANCELED, s->now);
	}
	resolve_configure(s->r, &conf, s->now);
}

void
stage_configure(struct stage *s)
{
	if (s->configured)
		return;
	s->configured = true;
	stage_reconfigure(s);
	stage_set_rules(s, s->rules);
	resolve_set_hosts(s->r, hosts_read(s->hosts, strlen(s->hosts)));
}

struct name
stage_name(struct stage *s, const char *word)
{
	struct name name = { .len = 1, .wire = { 0 } };

	if (word == NULL || name_parse(&name, word, strlen(word)) < 0)
		stage_wrong(s, "no name", word);
	return name;
}

static void
append(char *to, const char *line)
{
	snprintf(to + strlen(to), TEXT - strlen(to), "%s\n", line);
}

static bool
set_up_limits(struct stage *s, const char *verb, char *rest)
{
	if (strcmp(verb, "stale") == 0) {
		s->conf.stale_max = (uint32_t)atoi(rest);
	} else if (strcmp(verb, "min-ttl") == 0) {
		s->conf.ttl_min = (uint32_t)atoi(rest);
	} else if (strcmp(verb, "max-ttl") == 0) {
		s->conf.ttl_max = (uint32_t)atoi(rest);
	} else if (strcmp(verb, "cache-size") == 0) {
		s->conf.cache_bytes = (size_t)atoi(rest);
	} else if (strcmp(verb, "capture") == 0) {
		s->conf.capture = true;
	} else if (strcmp(verb, "without") == 0) { /* in new settings */
		if (strcmp(rest, "upstream") == 0)
			s->conf.upstreams.n = 0;
		else if (strcmp(rest, "forward") == 0) {
			s->conf.n_forwards = 0;
			memset(s->conf.forwards, 0,
			    ARRAY_MAX * sizeof(s->conf.forwards[0]));
		} else
			stage_wrong(s, "without what", rest);
	} else {
		return false;
	}
	return true;
}

bool
stage_set_up(struct stage *s, const char *verb, char *rest)
{
	if (strcmp(verb, "upstream") == 0) {
		add_upstreams(s, &s->conf.upstreams, rest);
	} else if (strcmp(verb, "forward") == 0) {
		struct resolve_forward *f =
		    &s->conf.forwards[s->conf.n_forwards++];

		f->zone = stage_name(s, strtok(rest, " "));
		add_upstreams(s, &f->group, NULL);
	} else if (strcmp(verb, "tunnel") == 0) { /* resolves, at these */
		struct resolve_tunnel *t =
		    &s->conf.tunnels[s->conf.n_tunnels++];

		snprintf(t->name, sizeof(t->name), "%s", strtok(rest, " "));
		add_upstreams(s, &t->group, NULL);
		for (size_t i = 0; i < t->group.n; i++)
			t->group.v[i].spec.kind = UPSTREAM_TUNNEL;
	} else if (strcmp(verb, "stand-in") == 0) {
		if (addr_parse(&s->stand_in, rest, strlen(rest)) < 0)
			stage_wrong(s, "stand-in", rest);
	} else if (strcmp(verb, "self") == 0) { /* an address of this host */
		if (addr_parse(&s->self, rest, strlen(rest)) < 0)
			stage_wrong(s, "self", rest);
	} else if (strcmp(verb, "rules") == 0) {
		append(s->rules, rest);
	} else if (strcmp(verb, "hosts") == 0) {
		append(s->hosts, rest);
	} else if (strcmp(verb, "zone") == 0) { /* of the list ads */
		append(s->zone, rest);
	} else if (strcmp(verb, "allow-private") == 0) {
		s->conf.allow_private[s->conf.n_allow_private++] =
		    stage_name(s, rest);
	} else if (strcmp(verb, "block-answer") == 0) {
		s->conf.block.block =
		    strcmp(rest, "nxdomain") == 0  ? FILTER_NXDOMAIN
		    : strcmp(rest, "refused") == 0 ? FILTER_REFUSED
		    : strcmp(rest, "nodata") == 0  ? FILTER_NODATA
						   : FILTER_ADDRESSES;
		if (s->conf.block.block == FILTER_ADDRESSES &&
		    addr_parse(&s->conf.block.addrs[s->conf.block.n_addrs++],
			rest, strlen(rest)) < 0)
			stage_wrong(s, "block-answer", rest);
	} else {
		return set_up_limits(s, verb, rest);
	}
	return true;
}

struct stage *
stage_new(const char *path)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct resolve_ops ops = { .send = on_send,
		.reply = on_reply,
		.dropped = on_dropped,
		.done = on_done,
		.stand_in = on_stand_in,
		.is_here = on_is_here,
		.random = on_random,
		.timer = on_timer,
		.arg = s };

	s->path = path;
	s->now.ns = 1000 * MONO_S;
	s->due.ns = UINT64_MAX;
	s->process = process_new(PROCESS_PROGRAM);
	s->stand_in.family = s->self.family = ADDR_NONE;
	s->conf.cache_bytes = 1 << 20;
	s->conf.ttl_max = 86400;
	s->conf.forwards = calloc(ARRAY_MAX, sizeof(s->conf.forwards[0]));
	s->conf.tunnels = calloc(ARRAY_MAX, sizeof(s->conf.tunnels[0]));
	s->conf.allow_private =
	    calloc(ARRAY_MAX, sizeof(s->conf.allow_private[0]));
	s->r = resolve_new(&ops);
	return s;
}

void
stage_free(struct stage *s)
{
	while (s->n_flying > 0)
		resolve_failed(
		    s->r, s->flying[--s->n_flying].attempt, -ECANCELED, s->now);
	resolve_free(s->r);
	free(s->conf.forwards);
	free(s->conf.tunnels);
	free(s->conf.allow_private);
	process_unref(s->process);
	free(s);
}
