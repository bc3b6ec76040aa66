#include "src/ctl/filter.h"

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/base/num.h"
#include "src/core/text.h"

#define SINCE_MAX_MS (UINT64_C(3660) * 86400 * 1000)

const struct command_option filter_options[] = {
	{ "exe", "GLOB", "the program; without a '/', the end of its path",
	    "FILE" },
	{ "user", "NAME", "the user that it runs as, or his number", NULL },
	{ "unit", "GLOB", "its systemd unit or container", NULL },
	{ "domain", "NAME",
	    "the host: a.org, *.a.org (below it), .a.org (both)", NULL },
	{ "verdict", "WORD[,WORD...]", "accept, block, drop or reroute",
	    "accept block drop reroute" },
	{ "since", "T",
	    "judged (processes: seen) in that time: 90s, 8h, 7d; or 08:15",
	    NULL },
	{ 0 },
};

const struct command_option flow_options[] = {
	{ "address", "ADDRESS",
	    "of either end; or a prefix: 192.0.2.0/24, or a range: LO-HI",
	    NULL },
	{ "port", "PORT", "of either end; or a range: 6881-6889", NULL },
	{ 0 },
};

const struct command_option query_options[] = {
	{ "address", "ADDRESS",
	    "of who asks, or answered; or a prefix: 192.0.2.0/24, or a range: "
	    "LO-HI",
	    NULL },
	{ 0 },
};

static bool
is_one_of(
    const struct command_option *table, const struct command_option *option)
{
	for (const struct command_option *o = table; o->name != NULL; o++)
		if (o == option)
			return true;
	return false;
}

static bool
is_filter(const struct command_option *option)
{
	return is_one_of(filter_options, option) ||
	       is_one_of(flow_options, option) ||
	       is_one_of(query_options, option);
}

/* One that is gone may have flows yet. */
static void
warn_user(const char *name)
{
	uint64_t uid;

	if (num_parse(&uid, name, strlen(name), UINT32_MAX) < 0 &&
	    getpwnam(name) == NULL)
		fprintf(
		    stderr, "reroutectl: there is no user '%s' here\n", name);
}

/* The file of that name that a shell would run; NULL, or to be freed. */
static char *
find_in_path(const char *name)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path != NULL ? path : "/usr/bin:/usr/sbin");
	char *rest = NULL, *found = NULL;

	for (char *dir = copy != NULL ? strtok_r(copy, ":", &rest) : NULL;
	     dir != NULL && found == NULL; dir = strtok_r(NULL, ":", &rest)) {
		if (asprintf(&found, "%s/%s", dir, name) < 0) {
			found = NULL;
			break;
		}
		if (access(found, X_OK) < 0) {
			free(found);
			found = NULL;
		}
	}
	free(copy);
	return found;
}

char *
filter_program(const char *name)
{
	char *found = find_in_path(name);
	char *real = found != NULL ? realpath(found, NULL) : NULL;

	free(found);
	return real;
}

/* Of a script, what it starts is called as the link is, as a rule. */
static bool
is_program(const char *path)
{
	char begin[2] = "";
	struct stat st;
	bool script;
	FILE *file;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	file = fopen(path, "re");
	if (file == NULL)
		return true; /* not for us to read */
	script = fread(begin, 1, sizeof(begin), file) == sizeof(begin) &&
		 begin[0] == '#' && begin[1] == '!';
	(void)fclose(file); /* it was only read */
	return !script;
}

/* Behind links, as rules find it; NULL where that is no other name or no
 * program, or to be freed. */
static char *
linked_program(const char *name)
{
	bool whole = strchr(name, '/') != NULL;
	char *found = whole ? strdup(name) : find_in_path(name);
	char *real = found != NULL && strpbrk(name, "*?\\") == NULL
			 ? realpath(found, NULL)
			 : NULL;
	const char *slash = real != NULL ? strrchr(real, '/') : NULL;

	free(found);
	if (slash != NULL && strcmp(whole ? real : slash + 1, name) != 0 &&
	    is_program(real))
		return real;
	free(real);
	return NULL;
}

/* With a '/' it is for the whole path, and `*` stops there. */
static void
say_no_path(const char *glob)
{
	if (glob[0] != '/' && strncmp(glob, "**", 2) != 0 &&
	    strchr(glob, '/') != NULL)
		fprintf(stderr,
		    "reroutectl: no path is like '%s': '**/%s' is it in any "
		    "folder\n",
		    glob, glob + (strncmp(glob, "*/", 2) == 0 ? 2 : 0));
}

/* Of a link, what it leads to is what runs. */
static enum status
take_exe(const struct context *context, const char *value, json_t *args)
{
	char *real = linked_program(value);
	int r;

	if (real != NULL)
		fprintf(stderr, "reroutectl: %s is %s here\n", value, real);
	else
		say_no_path(value);
	r = json_object_set_new(
	    args, "exe", json_string(real != NULL ? real : value));
	free(real);
	return r == 0 ? STATUS_DONE
		      : command_usage(context->command->name,
			    "--exe: the value is no valid UTF-8");
}

/* Says what a word was meant to be, and lets it pass where it is one. */
static enum status
check_verdict(const char *command, const char *value)
{
	static const char *const words[] = { "accept", "block", "drop",
		"reroute" };
	static const size_t n = sizeof(words) / sizeof(words[0]);

	for (;; value++) {
		size_t len = strcspn(value, ","), i = 0;
		const char *near = word_nearest(value, len, words, n);

		while (i < n && (strlen(words[i]) != len ||
				    memcmp(words[i], value, len) != 0))
			i++;
		if (i == n)
			return command_usage(command,
			    "--verdict %.*s: expected accept, block, drop or "
			    "reroute%s%s%s",
			    (int)len, value,
			    near != NULL ? "; did you mean '" : "",
			    near != NULL ? near : "", near != NULL ? "'?" : "");
		value += len;
		if (*value == '\0')
			return STATUS_DONE;
	}
}

/* A time of day, as tables have it: how long ago it was last. */
static bool
parse_clock(uint64_t *ret_ms, const char *s)
{
	time_t now = time(NULL), at;
	const char *end;
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL)
		return false;
	tm.tm_sec = 0;
	end = strptime(s, "%H:%M", &tm);
	if (end != NULL && *end == ':')
		end = strptime(end, ":%S", &tm);
	if (end == NULL || *end != '\0')
		return false;
	tm.tm_isdst = -1;
	at = mktime(&tm);
	if (at > now) {
		tm.tm_mday--;
		at = mktime(&tm);
	}
	*ret_ms = at <= now ? (uint64_t)(now - at) * 1000 : 0;
	return true;
}

enum status
filter_take(const struct context *context, const struct command_option *option,
    const char *value, json_t *args, bool *ret_taken)
{
	uint64_t ms;

	*ret_taken = is_filter(option);
	if (!*ret_taken)
		return STATUS_DONE;
	if (strcmp(option->name, "since") == 0) {
		if (num_parse_duration(
			&ms, value, strlen(value), SINCE_MAX_MS) < 0 &&
		    !parse_clock(&ms, value))
			return command_usage(context->command->name,
			    "--since %s: expected a time such as 90s, 10m, 8h "
			    "or 7d, or one of day, 08:15",
			    value);
		json_object_set_new(
		    args, "since_ms", json_integer((json_int_t)ms));
		return STATUS_DONE;
	}
	if (strcmp(option->name, "exe") == 0)
		return take_exe(context, value, args);
	if (strcmp(option->name, "user") == 0)
		warn_user(value);
	if (json_object_set_new(args, option->name, json_string(value)) < 0)
		return command_usage(context->command->name,
		    "--%s: the value is no valid UTF-8", option->name);
	return strcmp(option->name, "verdict") == 0
		   ? check_verdict(context->command->name, value)
		   : STATUS_DONE;
}

struct taking {
	const struct context *context;
	json_t *args;
};

static enum status
take(void *arg, const struct command_option *option, const char *value)
{
	struct taking *taking = arg;
	const char *command = taking->context->command->name;
	bool taken;
	enum status status =
	    filter_take(taking->context, option, value, taking->args, &taken);

	if (status == STATUS_DONE && !taken)
		return command_usage(command,
		    "--%s is for words of '%s', which come first", option->name,
		    command);
	return status;
}

enum status
filter_args(const struct context *context, json_t **ret)
{
	struct taking taking = { context, json_object() };
	int argc = context->argc;
	enum status status =
	    command_take_options(context, &argc, context->argv, take, &taking);

	if (status == STATUS_DONE && argc > 0)
		status = command_unexpected(context->command, context->argv[0]);
	if (status == STATUS_DONE)
		*ret = taking.args;
	else
		json_decref(taking.args);
	return status;
}
