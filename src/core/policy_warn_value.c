#include "src/core/policy_warn_own.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/core/glob.h"
#include "src/core/policy_own.h"
#include "src/core/procline.h"
#include "src/core/text.h"

/* Paths -------------------------------------------------------------------- */

/* Why no path that was meant is like that; NULL where one may be. What comes
 * before its first / is nothing, as is what comes behind its last one. */
static const char *
never_a_path(const char *glob)
{
	if (glob[0] == '*' && glob[1] != '*' && glob[1] != '/')
		return "warning: this can never match: * stops at /, and a "
		       "path begins with one: **/NAME is NAME anywhere";
	if (glob[0] == '*' && glob[1] == '/')
		return "warning: * in front of the first / is nothing: "
		       "**/NAME is NAME in any folder";
	if (strpbrk(glob, "*?") != NULL && glob[strlen(glob) - 1] == '/')
		return "warning: this can never match: no path ends with a /: "
		       "/** is all that is below";
	return NULL;
}

/* Why nothing that runs has that executable, or script; NULL where something
 * may. */
static const char *
never_runs(enum policy_file file, enum rule_field field)
{
	switch (file) {
	case POLICY_FILE_FOLDER:
		return "is a folder: /** behind it is all that is in it";
	case POLICY_FILE_SCRIPT:
		return field == FIELD_SCRIPT ? NULL
		       : field == FIELD_PARENT
			   ? "is a script, whose executable is its "
			     "interpreter: what it starts has its unit, or its "
			     "user"
			   : "is a script, whose executable is its "
			     "interpreter: script PATH";
	case POLICY_FILE_OTHER:
		return field == FIELD_SCRIPT ? NULL
					     : "is no file that can be run";
	case POLICY_FILE_UNKNOWN:
	case POLICY_FILE_PROGRAM:
		return NULL;
	}
	__builtin_trap();
}

static void
warn_path(const struct rules *rules, const struct rule_value *v,
    enum rule_field field, const struct policy_world *world,
    struct faults *warnings)
{
	char path[PATH_MAX], real[PATH_MAX], word[WORD_QUOTE_SIZE];
	char what[WORD_QUOTE_SIZE + 128];
	const char *why;
	int r;

	if (strlen(v->text) >= sizeof(path) || !glob_literal(v->text, path))
		return;
	word_quote(path, strlen(path), word);
	r = world->path(world->arg, path, real, sizeof(real));
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP) {
		(void)snprintf(what, sizeof(what),
		    "warning: there is no file %s", word); /* fits */
		policy_warn_at(warnings, rules, &v->place, what);
	}
	why = r == 0 ? never_runs(world->file(world->arg, real), field) : NULL;
	if (why == NULL)
		return;
	(void)snprintf(what, sizeof(what),
	    "warning: this can never match: %s %s", word, why); /* fits */
	policy_warn_at(warnings, rules, &v->place, what);
}

static void
warn_paths(const struct rules *rules, const struct rule *rule,
    const struct policy_world *world, struct faults *warnings)
{
	for (size_t m = 0; m < rule->n_matches; m++) {
		const struct rule_match *match = &rule->matches[m];

		if (match->field != FIELD_EXE && match->field != FIELD_SCRIPT &&
		    match->field != FIELD_PARENT)
			continue;
		for (size_t i = 0; i < match->values.n; i++) {
			const struct rule_value *v = &match->values.v[i];
			const char *why = never_a_path(v->text);

			if (why != NULL)
				policy_warn_at(warnings, rules, &v->place, why);
			warn_path(rules, v, match->field, world, warnings);
		}
	}
}

/* "[cw]*" or "{curl,wget}", as shells have them, without `\\`; the comma may
 * have ended the value. */
static bool
has_shell_set(const char *glob)
{
	char close = '\0';

	for (const char *s = glob; *s != '\0'; s++)
		if (*s == '\\' && s[1] != '\0')
			s++;
		else if (*s == close)
			return true;
		else if (*s == '[' || *s == '{')
			close = *s == '[' ? ']' : '}';
	return close == '}';
}

/* One that is there is meant, whatever its name. */
static bool
is_there(const struct policy_world *world, const char *glob)
{
	char path[PATH_MAX], real[PATH_MAX];

	return glob[0] == '/' && strlen(glob) < sizeof(path) &&
	       glob_literal(glob, path) &&
	       world->path(world->arg, path, real, sizeof(real)) == 0;
}

/* A lone `*` at an end of the pattern or beside a blank, where anything is
 * meant: most command lines have a '/' there. */
static bool
has_short_star(const char *glob)
{
	for (const char *s = glob; *s != '\0'; s++)
		if (*s == '\\' && s[1] != '\0')
			s++;
		else if (*s == '*' && s[1] == '*')
			s++;
		else if (*s == '*' && (s == glob || s[-1] == ' ' ||
					  s[1] == '\0' || s[1] == ' '))
			return true;
	return false;
}

static void
warn_cmd(const struct rules *rules, const struct rule_match *match,
    struct faults *warnings)
{
	for (size_t i = 0; i < match->values.n; i++)
		if (has_short_star(match->values.v[i].text))
			policy_warn_at(warnings, rules,
			    &match->values.v[i].place,
			    "warning: * ends at the next / of the command "
			    "line; ** is any text");
}

static void
warn_sets(const struct rules *rules, const struct rule *rule,
    const struct policy_world *world, struct faults *warnings)
{
	for (size_t m = 0; m < rule->n_matches; m++) {
		const struct rule_match *match = &rule->matches[m];

		if (match->field != FIELD_EXE && match->field != FIELD_SCRIPT &&
		    match->field != FIELD_PARENT && match->field != FIELD_CMD &&
		    match->field != FIELD_UNIT)
			continue;
		if (match->field == FIELD_CMD)
			warn_cmd(rules, match, warnings);
		for (size_t i = 0; i < match->values.n; i++) {
			const struct rule_value *v = &match->values.v[i];

			if (has_shell_set(v->text) && !is_there(world, v->text))
				policy_warn_at(warnings, rules, &v->place,
				    "warning: [ ] and { } are no wildcards: "
				    "they stand for themselves, and \\[ says "
				    "that this is meant");
		}
	}
}

static void
warn_account(const struct rules *rules, const struct rule *rule,
    const struct rule_match *match, const struct rule_value *v,
    struct faults *warnings)
{
	char word[WORD_QUOTE_SIZE], what[WORD_QUOTE_SIZE + 128];

	(void)snprintf(what, sizeof(what), "warning: no %s %s%s%s",
	    match->field == FIELD_GROUP ? "group" : "user",
	    word_quote(v->text, strlen(v->text), word),
	    !match->negated		    ? ": this can never match"
	    : rule->action == ACTION_ACCEPT ? ": until there is one, this rule "
					      "accepts nobody"
					    : "",
	    v->text[0] == '!' ? "; 'not' before the match is its opposite"
			      : ""); /* fits */
	policy_warn_at(warnings, rules, &v->place, what);
}

/* A program has one group, its user's own. */
static void
warn_besides(const struct rules *rules, const struct rule_value *v,
    const struct policy_world *world, struct faults *warnings)
{
	char word[WORD_QUOTE_SIZE], members[128];
	char what[WORD_QUOTE_SIZE + sizeof(members) + 160];

	if (world->besides == NULL ||
	    !world->besides(world->arg, v->text, members, sizeof(members)))
		return;
	word_quote(v->text, strlen(v->text), word);
	(void)snprintf(what, sizeof(what),
	    "warning: %s is nobody's own group, and others of a user don't "
	    "count: it matches what is started with it (sg, Group=) alone, "
	    "and all of its members is 'user %s'",
	    word, members); /* fits */
	policy_warn_at(warnings, rules, &v->place, what);
}

/* Who may appear later, at the next reload. */
static void
warn_accounts(const struct policy *policy, const struct rules *rules,
    const struct rule *rule, const struct policy_world *world,
    struct faults *warnings)
{
	for (size_t m = 0; m < rule->n_matches; m++) {
		const struct rule_match *match = &rule->matches[m];

		if (match->field != FIELD_USER && match->field != FIELD_GROUP)
			continue;
		for (size_t i = 0; i < match->values.n; i++) {
			const struct rule_value *v = &match->values.v[i];
			const struct policy_account *account =
			    policy_account_find(
				policy, v->text, match->field == FIELD_GROUP);

			if (account == NULL)
				continue;
			if (account->state == POLICY_ACCOUNT_MISSING)
				warn_account(rules, rule, match, v, warnings);
			else if (match->field == FIELD_GROUP)
				warn_besides(rules, v, world, warnings);
		}
	}
}

/* Units -------------------------------------------------------------------- */

/* A number in a pattern, as systemd has it in names: \x2d. */
static bool
has_hex_escape(const char *glob)
{
	for (const char *s = glob; *s != '\0'; s++)
		if (*s == '\\' && *++s == 'x' && isxdigit((uint8_t)s[1]) &&
		    isxdigit((uint8_t)s[2]))
			return true;
	return false;
}

/* `ssh`, where `ssh.service` is meant: the control groups of systemd's units
 * have a dot in their names; others, such as a container's number, long or
 * short, may not. */
static bool
has_no_suffix(const char *glob)
{
	return strpbrk(glob, "./*?\\") == NULL &&
	       (strlen(glob) < PROCLINE_CONTAINER_SHORT ||
		   strspn(glob, "0123456789abcdef") < strlen(glob));
}

/* A path of groups, where only what stands below a service is named by one. */
static bool
is_path_of_groups(const char *glob)
{
	const char *slash = strchr(glob, '/');

	return slash != NULL && strpbrk(glob, "*?\\") == NULL &&
	       !procline_owns(
		   (struct procline_str){ glob, (size_t)(slash - glob) });
}

static bool
is_among(const char *kind, const char *const *kinds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

/* What is behind the last dot: a kind of unit that no program is in, or a word
 * that is nearly a kind. Other groups may have any dots in their names. */
static const char *
kind_never(const char *glob)
{
	static const char *const kinds[] = { "service", "scope", "slice",
		"socket", "mount", "swap" };
	static const char *const idle[] = { "timer", "path", "target", "device",
		"automount" };
	const char *kind = strrchr(glob, '.');

	if (kind == NULL || strpbrk(++kind, "/*?\\") != NULL ||
	    is_among(kind, kinds, sizeof(kinds) / sizeof(kinds[0])))
		return NULL;
	if (is_among(kind, idle, sizeof(idle) / sizeof(idle[0])))
		return "can never match: no program is in such a unit; what it "
		       "starts is in a .service";
	if (word_nearest(kind, strlen(kind), kinds,
		sizeof(kinds) / sizeof(kinds[0])) != NULL)
		return "ends nearly as units of systemd do: .service, .scope, "
		       ".slice, .socket, .mount or .swap";
	return NULL;
}

/* As desktops call what they start: a unit of the user's own manager. */
static bool
is_app(const char *glob)
{
	const char *end = strrchr(glob, '.');

	return strncmp(glob, "app-", 4) == 0 && strchr(glob, '/') == NULL &&
	       end != NULL && strcmp(end, ".scope") == 0;
}

static const char *
unit_never(const char *glob)
{
	if (is_app(glob))
		return "has a user's own manager before it: '**/' in front "
		       "takes that";
	if (has_hex_escape(glob))
		return "has \\x, which is x: in a pattern \\\\ is a "
		       "backslash";
	if (has_no_suffix(glob))
		return "is a control group of that very name: a unit of "
		       "systemd has its suffix, such as .service";
	if (is_path_of_groups(glob))
		return "can never match: it is compared with each part of the "
		       "path of the control group, and a part has no '/'";
	return kind_never(glob);
}

static void
warn_units(
    const struct rules *rules, const struct rule *rule, struct faults *warnings)
{
	char word[WORD_QUOTE_SIZE], what[WORD_QUOTE_SIZE + 128];

	for (size_t m = 0; m < rule->n_matches; m++) {
		const struct rule_match *match = &rule->matches[m];

		for (size_t i = 0; i < match->values.n; i++) {
			const struct rule_value *v = &match->values.v[i];
			const char *why = match->field == FIELD_UNIT
					      ? unit_never(v->text)
					      : NULL;

			if (why == NULL)
				continue;
			word_quote(v->text, strlen(v->text), word);
			(void)snprintf(what, sizeof(what), "warning: %s %s",
			    word, why); /* fits */
			policy_warn_at(warnings, rules, &v->place, what);
		}
	}
}

void
policy_warn_at(struct faults *warnings, const struct rules *rules,
    const struct rule_place *place, const char *what)
{
	faults_add(warnings, &rules->files[place->file], place->off, place->len,
	    &(struct fault_text){ what, NULL, NULL });
}

void
policy_warn_values(const struct policy *policy, const struct rules *rules,
    const struct rule *rule, const struct policy_world *world,
    struct faults *warnings)
{
	warn_paths(rules, rule, world, warnings);
	warn_sets(rules, rule, world, warnings);
	warn_accounts(policy, rules, rule, world, warnings);
	warn_units(rules, rule, warnings);
}
