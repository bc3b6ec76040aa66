#include "dns/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/core/endpoint.h"

/* Waits, in us: nobody has measured yet; the least, for a scheduler that is
 * busy, and as much more each round, so that what may be sent for a question
 * lasts while a server near by starts anew; the most. That of the first round
 * is as long as a link by satellite takes, however much the times differ: where
 * both of two servers lose what they are sent first, there is an answer in less
 * than 2 s all the same. */
#define PATIENCE_FIRST_US 400000
#define PATIENCE_MIN_US 150000
#define PATIENCE_ROUND_US 800000
#define PATIENCE_MAX_US 1500000

/* A server that is down is tried again after 1 s, 2 s ... 32 s. */
#define DOWN_SHIFT_MAX 5

#define ODD_MAX 2
#define VAIN_MAX 2

#define PORT_PLAIN 53
#define PORT_TLS 853

int
upstream_parse(struct upstream_spec *ret, const char *s, size_t len)
{
	struct upstream_spec spec = { .port = PORT_PLAIN };
	struct endpoint e;

	if (endpoint_parse(&e, s, len) < 0 || e.addr.family == ADDR_NONE ||
	    e.name.len >= sizeof(spec.name) || e.zone.len >= sizeof(spec.zone))
		return -EINVAL;
	if (endpoint_is(&e, "tls"))
		spec.kind = UPSTREAM_TLS;
	else if (endpoint_is(&e, "tls-opportunistic"))
		spec.kind = UPSTREAM_TLS_OPPORTUNISTIC;
	else if (endpoint_is(&e, "tcp"))
		spec.kind = UPSTREAM_TCP;
	else if (endpoint_is(&e, NULL))
		spec.kind = UPSTREAM_PLAIN;
	else
		return -EINVAL;
	if (upstream_is_tls(&spec))
		spec.port = PORT_TLS;
	if (e.port != 0)
		spec.port = e.port;
	spec.addr = e.addr;
	if (e.zone.len > 0)
		memcpy(spec.zone, e.zone.s, e.zone.len);
	if (e.name.len > 0)
		memcpy(spec.name, e.name.s, e.name.len);
	*ret = spec;
	return 0;
}

bool
upstream_is_tls(const struct upstream_spec *spec)
{
	return spec->kind == UPSTREAM_TLS ||
	       spec->kind == UPSTREAM_TLS_OPPORTUNISTIC;
}

bool
upstream_spec_equal(
    const struct upstream_spec *a, const struct upstream_spec *b)
{
	return a->kind == b->kind && addr_equal(&a->addr, &b->addr) &&
	       strcmp(a->zone, b->zone) == 0 && a->port == b->port &&
	       strcmp(a->name, b->name) == 0;
}

const char *
upstream_format(const struct upstream_spec *spec, char buf[UPSTREAM_TEXT_SIZE])
{
	static const char *const schemes[] = { "", "tcp://", "tls://",
		"tls-opportunistic://", "" };
	const char *before_name = spec->kind == UPSTREAM_TUNNEL ? " via " : "#";
	bool six = spec->addr.family == ADDR_IP6;
	uint16_t usual = upstream_is_tls(spec) ? PORT_TLS : PORT_PLAIN;
	char addr[ADDR_STRLEN], port[8] = "";

	addr_format(&spec->addr, addr);
	if (spec->port != usual)
		(void)snprintf(
		    port, sizeof(port), ":%u", spec->port); /* fits */
	(void)snprintf(buf, UPSTREAM_TEXT_SIZE, "%s%s%s%s%s%s%s%s%s",
	    schemes[spec->kind], six ? "[" : "", addr,
	    spec->zone[0] != '\0' ? "%" : "", spec->zone, six ? "]" : "", port,
	    spec->name[0] != '\0' ? before_name : "", spec->name); /* fits */
	return buf;
}

/* All are down: the one that answered last, since where this machine or the
 * path is slow the living are late, too; else who may be back soonest. */
static bool
is_likelier(const struct upstream *u, const struct upstream *than)
{
	if (u->last_answer.ns != than->last_answer.ns)
		return mono_before(than->last_answer, u->last_answer);
	return mono_before(u->down_until, than->down_until);
}

int
upstream_next(const struct upstream_group *group, unsigned int tried)
{
	int best = -1;

	for (size_t i = 0; i < group->n; i++) {
		if ((tried & 1U << i) != 0)
			continue;
		if (!group->v[i].down)
			return (int)i;
		if (best < 0 || is_likelier(&group->v[i], &group->v[best]))
			best = (int)i;
	}
	return best;
}

int
upstream_probe(
    const struct upstream_group *group, unsigned int tried, mono_t now)
{
	for (size_t i = 0; i < group->n; i++) {
		const struct upstream *u = &group->v[i];

		if ((tried & 1U << i) == 0 && u->down && !u->probing &&
		    !mono_before(now, u->down_until))
			return (int)i;
	}
	return -1;
}

bool
upstream_all_down(const struct upstream_group *group)
{
	for (size_t i = 0; i < group->n; i++)
		if (!group->v[i].down)
			return false;
	return true;
}

static bool
has_answered_since(const struct upstream_group *group, mono_t t)
{
	for (size_t i = 0; i < group->n; i++)
		if (!mono_before(group->v[i].last_answer, t))
			return true;
	return false;
}

void
upstream_in_vain(struct upstream_group *group, uint64_t name_hash, mono_t began)
{
	if (has_answered_since(group, began))
		return;
	if (group->n_vain == 0 ||
	    has_answered_since(group, group->vain_since)) {
		group->n_vain = 0;
		group->vain_since = began;
	} else if (group->vain_name == name_hash)
		return;
	group->vain_name = name_hash;
	if (group->n_vain < VAIN_MAX)
		group->n_vain++;
}

bool
upstream_is_silent(const struct upstream_group *group)
{
	return group->n_vain >= VAIN_MAX && upstream_all_down(group) &&
	       !has_answered_since(group, group->vain_since);
}

bool
upstream_group_equal(
    const struct upstream_group *a, const struct upstream_group *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!upstream_spec_equal(&a->v[i].spec, &b->v[i].spec))
			return false;
	return true;
}

void
upstream_group_remember(
    struct upstream_group *group, const struct upstream_group *before)
{
	if (upstream_group_equal(group, before)) {
		group->n_vain = before->n_vain;
		group->vain_name = before->vain_name;
		group->vain_since = before->vain_since;
	}
	for (size_t i = 0; i < group->n * before->n; i++) {
		struct upstream *u = &group->v[i / before->n];
		const struct upstream *was = &before->v[i % before->n];

		if (!upstream_spec_equal(&u->spec, &was->spec))
			continue;
		*u = *was;
		u->probing = false; /* who tried it was called back */
	}
}

uint64_t
upstream_patience(const struct upstream *u, unsigned int round)
{
	uint64_t us = PATIENCE_FIRST_US;
	uint64_t least = PATIENCE_MIN_US * ((uint64_t)round + 1);
	uint64_t max = round == 0 ? PATIENCE_ROUND_US : PATIENCE_MAX_US;

	if (u->measured) /* RFC 6298, with room for a slow look-up */
		us = 2 * (uint64_t)u->srtt_us + 4 * (uint64_t)u->rttvar_us;
	us <<= round < 4 ? round : 4;
	if (us < least)
		us = least;
	if (us > max)
		us = max;
	return us * 1000;
}

void
upstream_answered(struct upstream *u, mono_t sent, mono_t now)
{
	uint64_t us = mono_since(now, sent) / 1000;
	uint32_t rtt = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
	uint32_t off;

	u->answers++;
	u->last_answer = now;
	u->failures = 0;
	u->odd = 0;
	u->down = false;
	u->probing = false;
	if (!u->measured) {
		u->measured = true;
		u->srtt_us = rtt;
		u->rttvar_us = rtt / 2;
		return;
	}
	off = rtt > u->srtt_us ? rtt - u->srtt_us : u->srtt_us - rtt;
	u->rttvar_us = u->rttvar_us - u->rttvar_us / 4 + off / 4;
	u->srtt_us = u->srtt_us - u->srtt_us / 8 + rtt / 8;
}

static void
take_down(struct upstream *u, mono_t now)
{
	unsigned int shift =
	    u->failures < DOWN_SHIFT_MAX ? u->failures : DOWN_SHIFT_MAX;

	/* of many that fail together only the first counts: a server that is
	 * back after a second must not be left alone for half a minute */
	if (u->down && mono_before(now, u->down_until))
		return;
	u->failures++;
	if (!u->down)
		u->down_since = now;
	u->down = true;
	u->probing = false;
	u->down_until = mono_add(now, MONO_S << shift);
}

void
upstream_late(struct upstream *u, mono_t sent, mono_t now)
{
	u->timeouts++;
	if (!mono_before(sent, u->last_answer))
		take_down(u, now);
}

void
upstream_odd(struct upstream *u, bool doubted, mono_t sent, mono_t now)
{
	u->errors++;
	if (doubted && mono_before(u->last_answer, sent) && ++u->odd >= ODD_MAX)
		take_down(u, now);
}

void
upstream_failed(struct upstream *u, mono_t now)
{
	u->errors++;
	take_down(u, now);
}

bool
upstream_tells(struct upstream *u)
{
	if (u->told ? u->down : !u->down || u->failures < 2)
		return false;
	u->told = !u->told;
	return true;
}

bool
upstream_is_off(const struct upstream_habit *habit, mono_t now)
{
	return mono_before(now, habit->off_until);
}

bool
upstream_doubt(struct upstream_habit *habit, mono_t now)
{
	if (++habit->doubts < UPSTREAM_DOUBTS)
		return false;
	habit->doubts = 0; /* afterwards it has to be shown anew */
	habit->off_until = mono_add(now, UPSTREAM_HABIT_NS);
	return true;
}

void
upstream_trust(struct upstream_habit *habit)
{
	habit->doubts = 0;
	habit->off_until = (mono_t){ 0 };
}

void
upstream_forgive(struct upstream *u)
{
	u->failures = 0;
	u->odd = 0;
	u->down = false;
	u->probing = false;
	u->measured = false;
	u->speaks_edns = false;
	upstream_trust(&u->edns);
	upstream_trust(&u->cased);
}
