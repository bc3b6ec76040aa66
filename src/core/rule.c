#include "src/core/rule.h"

#include <errno.h>
#include <string.h>

#include "src/base/addr.h"
#include "src/base/name.h"
#include "src/core/parser.h"
#include "src/core/rule_word.h"
#include "src/core/rules.h"
#include "src/core/text.h"

/* A rule under way: the struct, and what it has room for. */
struct build {
	struct rule rule;
	struct rule_match matches[RULE_N_FIELDS]; /* each at most once */
	struct token negation;	       /* a `not` that waits; else TOKEN_END */
	const struct rule_match *last; /* whose values just ended, or NULL */
};

/* Goes to the next word that a rule can go on with, so that one slip gives
 * one fault. */
static void
recover(struct parser *p)
{
	struct token t = lex_peek(&p->lex);
	size_t i;

	while (t.kind != TOKEN_END && !rule_word_is(p, &t, RULE_N_WORDS, &i)) {
		(void)lex_next(&p->lex);
		t = lex_peek(&p->lex);
	}
}

static const struct rule_match *
match_of(const struct build *b, enum rule_field field)
{
	for (size_t i = 0; i < b->rule.n_matches; i++)
		if (b->matches[i].field == field)
			return &b->matches[i];
	return NULL;
}

/* The match that was left out before a value; not where it is there already,
 * and a comma is what is missing. */
static const char *
field_of(const struct build *b, const char *s, size_t len)
{
	const char *equals = memchr(s, '=', len);
	struct prefix prefix;
	struct name name;
	enum rule_field field;
	size_t i;

	/* exe=PATH, as others have it */
	for (i = 0; equals != NULL && i < RULE_N_FIELDS; i++)
		if (strlen(rule_words[i]) == (size_t)(equals - s) &&
		    memcmp(rule_words[i], s, (size_t)(equals - s)) == 0)
			return rule_words[i];
	if (rule_word_is_port(s, len))
		return "to any port";
	if (s[0] == '/')
		field = FIELD_EXE;
	else if (value_is_word(VALUE_PROTO, s, len))
		field = FIELD_PROTO;
	else if (value_is_word(VALUE_ADDR, s, len) ||
		 prefix_parse(&prefix, s, len) == 0)
		field = FIELD_TO;
	else if (memchr(s, '.', len) != NULL && name_parse(&name, s, len) == 0)
		field = FIELD_DOMAIN;
	else
		return NULL;
	return match_of(b, field) == NULL ? rule_words[field] : NULL;
}

static void
unknown_word(struct parser *p, struct build *b, const struct token *t,
    const struct rule_match *last)
{
	const char *s = p->src->text + t->off;
	const char *nearest = rule_word_theirs(p, t);
	const char *instead = rule_word_lacking(p, t);

	if (instead != NULL) {
		parser_fault_word(p, t, "unknown word", instead, NULL);
		return;
	}
	if (token_is(p->src, t, "for")) {
		parser_fault_word(p, t, "unknown word",
		    "the end of the line; a time is an option of reroutectl",
		    "--for");
		return;
	}
	if (nearest == NULL)
		nearest = field_of(b, s, t->len);
	if (last != NULL)
		instead = rule_word_joins(p, t, last, nearest != NULL);
	if (instead != NULL) {
		parser_fault_word(p, t, "unknown word", instead, NULL);
		return;
	}
	if (nearest == NULL && b->rule.action == ACTION_REROUTE &&
	    b->rule.tunnel == NULL &&
	    memmem(s, p->lex.end - t->off, "via", 3) == NULL) {
		parser_fault_word(
		    p, t, "no 'via' before", "reroute via TUNNEL", NULL);
		b->rule.tunnel = ""; /* that is fault enough */
		return;
	}
	if (nearest == NULL)
		nearest = rule_word_near(p, t);
	parser_fault_word(p, t, "unknown word", RULE_EXPECTED, nearest);
}

/* In a rule that is held addresses, or ports, with a fault are all of them. */
static struct rule_values
values_left(struct parser *p, enum value_kind kind)
{
	size_t before = faults_count(p->faults);
	struct rule_values values = parser_values(p, kind);

	return p->held && faults_count(p->faults) > before
		   ? (struct rule_values){ NULL, 0 }
		   : values;
}

/* from|to [ADDR…] [port P…] */
static void
parse_ends(struct parser *p, struct rule_match *match)
{
	struct token t = lex_peek(&p->lex);

	if (!token_is(p->src, &t, "port")) {
		match->values = values_left(p, VALUE_ADDR);
		t = lex_peek(&p->lex);
	}
	if (token_is(p->src, &t, "port")) {
		(void)lex_next(&p->lex);
		match->ports = values_left(p, VALUE_PORT);
	}
}

static void
parse_match(struct parser *p, struct build *b, const struct token *word,
    enum rule_field field)
{
	struct rule_match *match = &b->matches[b->rule.n_matches];
	bool ends = field == FIELD_FROM || field == FIELD_TO;
	size_t before = faults_count(p->faults);

	for (size_t i = 0; i < b->rule.n_matches; i++)
		if (b->matches[i].field == field) {
			parser_fault_word(p, word, "a second",
			    "each match once; several values with ','", NULL);
			recover(p);
			return;
		}
	*match = (struct rule_match){ .field = field,
		.negated = b->negation.kind == TOKEN_WORD,
		.place = parser_place(p, word) };
	b->negation.kind = TOKEN_END;
	if (ends)
		parse_ends(p, match);
	else
		match->values = parser_values(p, value_kind_of(field));
	if (p->held && faults_count(p->faults) > before &&
	    (!ends || match->negated))
		return; /* see struct rule */
	b->rule.n_matches++;
	b->last = match;
}

static void
parse_label(struct parser *p, struct build *b, const struct token *word)
{
	struct token t = lex_next(&p->lex), next;
	size_t len = 0, i;
	char *s;

	if (b->rule.label != NULL)
		parser_fault_word(p, word, "a second", "one label", NULL);
	if (t.kind == TOKEN_BAD)
		return;
	if (t.kind != TOKEN_WORD && t.kind != TOKEN_QUOTED) {
		parser_fault(
		    p, &t, "a label's text is missing", "label \"TEXT\"", NULL);
		return;
	}
	s = parser_text(p, &t, ESCAPES_NONE, &len);
	if (s != NULL && len == 0)
		parser_fault(
		    p, &t, "a label that is empty", "label \"TEXT\"", NULL);
	b->rule.label = s;
	next = lex_peek(&p->lex);
	if (t.kind != TOKEN_WORD || next.kind != TOKEN_WORD ||
	    rule_word_is(p, &next, RULE_N_WORDS, &i))
		return;
	if (s != NULL && rule_word_is_quoted(s))
		parser_fault(p, &t, "quotes that are none here",
		    "straight ones: label \"TEXT\"", NULL);
	else
		parser_fault_word(p, &next, "a label of several words:",
		    "quotes around them: label \"TEXT\"", NULL);
	recover(p);
}

static void
parse_via(struct parser *p, struct build *b, const struct token *word)
{
	struct token t = lex_peek(&p->lex);
	size_t len = 0, i;
	const char *s;

	if (b->rule.action != ACTION_REROUTE) {
		parser_fault_word(
		    p, word, "no reroute, but", "reroute via TUNNEL", NULL);
		recover(p);
		return;
	}
	if (b->rule.tunnel != NULL)
		parser_fault_word(p, word, "a second", "one tunnel", NULL);
	if ((t.kind != TOKEN_WORD && t.kind != TOKEN_QUOTED) ||
	    rule_word_is(p, &t, RULE_N_WORDS, &i)) {
		parser_fault(p, &t, "a tunnel's name is missing",
		    "reroute via TUNNEL", NULL);
		b->rule.tunnel = ""; /* that is fault enough */
		return;
	}
	t = lex_next(&p->lex);
	s = parser_text(p, &t, ESCAPES_NONE, &len);
	b->rule.tunnel = s;
	b->rule.tunnel_place = parser_place(p, &t);
	if (s != NULL && strcmp(s, "reject") == 0)
		parser_fault(p, &t, "'reject' is for failover lists only",
		    "a tunnel of the settings; to refuse is block", NULL);
}

static void
parse_direction(struct parser *p, struct build *b, const struct token *word,
    enum rule_direction direction)
{
	if (b->rule.direction != RULE_BOTH)
		parser_fault_word(p, word,
		    "a second direction:", "in or out once; neither for both",
		    NULL);
	b->rule.direction = direction;
}

static void
parse_once(struct parser *p, struct build *b, const struct token *word)
{
	if (b->rule.once)
		parser_fault_word(p, word, "a second", "it once only", NULL);
	b->rule.once = true;
}

/* The word after `not` has to be a match. */
static void
parse_not(struct parser *p, struct build *b, const struct token *word)
{
	struct token t = lex_peek(&p->lex);
	size_t i;

	if (rule_word_is(p, &t, RULE_N_FIELDS, &i)) {
		b->negation = *word;
		return;
	}
	parser_fault(p, &t, "no match after 'not'", MATCH_EXPECTED,
	    t.kind == TOKEN_WORD ? word_nearest(p->src->text + t.off, t.len,
				       rule_words, RULE_N_FIELDS)
				 : NULL);
	recover(p);
}

static void
parse_word(struct parser *p, struct build *b, const struct token *t)
{
	const struct rule_match *last = b->last;
	size_t i = 0;

	b->last = NULL;
	if (t->kind == TOKEN_STOP) {
		parser_fault(p, t, "a ',' without values", RULE_EXPECTED, NULL);
		recover(p);
	} else if (t->kind == TOKEN_QUOTED) {
		parser_fault(p, t, "quoted text without a match or label",
		    RULE_EXPECTED, NULL);
		recover(p);
	} else if (!rule_word_is(p, t, RULE_N_WORDS, &i)) {
		unknown_word(p, b, t, last);
		recover(p);
	} else if (i < RULE_N_FIELDS) {
		parse_match(p, b, t, (enum rule_field)i);
	} else if (token_is(p->src, t, "not")) {
		parse_not(p, b, t);
	} else if (token_is(p->src, t, "via")) {
		parse_via(p, b, t);
	} else if (token_is(p->src, t, "label")) {
		parse_label(p, b, t);
	} else if (token_is(p->src, t, "once")) {
		parse_once(p, b, t);
	} else {
		parse_direction(
		    p, b, t, token_is(p->src, t, "in") ? RULE_IN : RULE_OUT);
	}
}

/* Contradictions ----------------------------------------------------------- */

static void
fault_place(struct parser *p, const struct rule_place *place, const char *what,
    const char *expected)
{
	struct token t = { TOKEN_WORD, place->off, place->len };

	parser_fault_word(p, &t, what, expected, NULL);
}

/* Ports with a protocol that has none never match. */
static void
check_ports(struct parser *p, const struct build *b)
{
	const struct rule_match *proto = match_of(b, FIELD_PROTO);
	const struct rule_match *from = match_of(b, FIELD_FROM);
	const struct rule_match *to = match_of(b, FIELD_TO);

	if (proto == NULL || proto->negated ||
	    ((from == NULL || from->ports.n == 0) &&
		(to == NULL || to->ports.n == 0)))
		return;
	for (size_t i = 0; i < proto->values.n; i++)
		if (!rule_proto_has_ports(proto->values.v[i].proto))
			fault_place(p, &proto->values.v[i].place,
			    "ports in a rule for a protocol without ports:",
			    "tcp, udp, udplite or sctp where there is a port");
}

/* Where a flow goes to is decided as it begins, by who begins it. */
static void
check_reroute(struct parser *p, struct build *b, const struct token *first)
{
	if (b->rule.action != ACTION_REROUTE)
		return;
	if (b->rule.tunnel == NULL)
		parser_fault(p, first, "no tunnel", "reroute via TUNNEL", NULL);
	if (b->rule.direction == RULE_IN)
		parser_fault(p, first, "a reroute of what comes in",
		    "reroute is for out", NULL);
	if (b->rule.once)
		parser_fault(p, first, "a reroute once",
		    "no once: a flow is rerouted as a whole", NULL);
	b->rule.direction = RULE_OUT;
}

/* Queries go out. */
static void
check_qtype(struct parser *p, struct build *b)
{
	const struct rule_match *qtype = match_of(b, FIELD_QTYPE);

	if (qtype == NULL)
		return;
	if (b->rule.direction == RULE_IN)
		fault_place(p, &qtype->place,
		    "a rule that can't match: in, and",
		    "out: queries come from programs here");
	b->rule.direction = RULE_OUT;
}

/* Who it is says nothing of a process that is unknown or the kernel's; but the
 * user of an unknown one may be known. */
static void
check_process(struct parser *p, const struct build *b)
{
	const struct rule_match *process = match_of(b, FIELD_PROCESS);
	unsigned int bits = 0;

	if (process == NULL || process->negated || process->values.n == 0)
		return;
	for (size_t i = 0; i < process->values.n; i++)
		bits |= process->values.v[i].bits;
	if ((bits & RULE_PROCESS_SELF) != 0)
		return;
	for (size_t i = 0; i < b->rule.n_matches; i++) {
		enum rule_field field = b->matches[i].field;
		bool user = field == FIELD_USER || field == FIELD_GROUP;

		if (field < FIELD_EXE || field >= FIELD_PROCESS ||
		    (user && (bits & RULE_PROCESS_UNKNOWN) != 0))
			continue;
		fault_place(p, &b->matches[i].place, "a rule that can't match:",
		    "no match on a program beside process unknown or kernel, "
		    "but user and group beside unknown");
	}
}

/* Assembly ----------------------------------------------------------------- */

/* The source from off to end with blanks folded. */
static const char *
fold(struct parser *p, size_t off, size_t end)
{
	char *text = arena_alloc(p->rules->arena, end - off + 1, 1);
	const char *s = p->src->text;
	bool quoted = false;
	size_t n = 0;

	if (text == NULL) {
		p->error = -ENOMEM;
		return NULL;
	}
	for (size_t i = off; i < end; i++) {
		bool joint = s[i] == '\\' && i + 1 < end && s[i + 1] == '\n';

		if (joint || (!quoted && (s[i] == ' ' || s[i] == '\t'))) {
			i += joint;
			if (n > 0 && text[n - 1] != ' ')
				text[n++] = ' ';
			continue;
		}
		quoted ^= s[i] == '"';
		text[n++] = s[i];
		if (s[i] == '\\' && i + 1 < end)
			text[n++] = s[++i];
	}
	return text;
}

static void
rule_add(struct parser *p, const struct build *b, size_t end)
{
	struct rules *rules = p->rules;
	size_t size = b->rule.n_matches * sizeof(struct rule_match);
	struct rule rule = b->rule;

	rule.text = fold(p, rule.place.off, end);
	rule.matches = arena_alloc(rules->arena, 1, size);
	if (rule.text == NULL || rule.matches == NULL) {
		p->error = -ENOMEM;
		return;
	}
	memcpy(rule.matches, b->matches, size);
	if (parser_room(p, (void **)&rules->rules, rules->n_rules,
		&rules->rules_room, sizeof(rule)))
		rules->rules[rules->n_rules++] = rule;
}

void
parser_rule(struct parser *p, const struct token *first, enum action action)
{
	size_t before = faults_count(p->faults), end = first->off + first->len;
	struct build b = {
		.rule = { .action = action,
		    .direction = RULE_BOTH,
		    .place = parser_place(p, first),
		    .line = p->line,
		    .runtime = p->runtime,
		    .held = p->held },
	};
	struct token t = lex_next(&p->lex);

	for (; t.kind != TOKEN_END && p->error == 0; t = lex_next(&p->lex)) {
		if (t.kind != TOKEN_BAD)
			parse_word(p, &b, &t);
		end = p->lex.pos;
	}
	check_ports(p, &b);
	check_process(p, &b);
	check_qtype(p, &b);
	check_reroute(p, &b, first);
	if (p->error != 0 || (faults_count(p->faults) > before && !p->held))
		return;
	if (p->rules->n_rules == RULES_MAX) {
		if (!p->rules->full)
			parser_fault(
			    p, first, "too many rules", "at most 200000", NULL);
		p->rules->full = true;
		return;
	}
	rule_add(p, &b, end);
}
