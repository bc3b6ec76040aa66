#include "src/core/learn.h"

#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "src/base/num.h"
#include "src/ctl/command.h"
#include "src/ctl/filter.h"
#include "src/ctl/show.h"

#define FOR_MAX_MS (UINT64_C(31) * 86400 * 1000)

/* In front of each rule for what was denied: pasted, it opens nothing. */
#define DENIED "# "
#define DENIED_RULE DENIED "accept "

/* What a name that is denied was answered with, and to whom. */
struct sink {
	struct addr addr;
	double pid, start, time;
};

/* So long a program may keep such an answer. */
#define SINK_S 60
/* A refusal, and no more: a TCP header on IPv6. */
#define REFUSAL_BYTES 60

struct learning {
	const struct context *context;
	json_t *args; /* filters */
	uint64_t for_ms;
	struct learn *learn, *closed; /* what a default accepts, and denies */
	bool resolver;		      /* the daemon's is at work */
	uint64_t seen, by_rule, denied, unanswered;
	struct sink *sinks;
	size_t n_sinks;
	void *asked; /* of tsearch(3): which program asked for which name */
};

static volatile sig_atomic_t stopped;

static void
stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* Options ------------------------------------------------------------------ */

static enum status
take(void *arg, const struct command_option *option, const char *value)
{
	struct learning *l = arg;
	bool taken;
	enum status status =
	    filter_take(l->context, option, value, l->args, &taken);

	if (taken || status != STATUS_DONE)
		return status;
	if (num_parse_duration(&l->for_ms, value, strlen(value), FOR_MAX_MS) <
		0 ||
	    l->for_ms == 0)
		return command_usage("learn",
		    "--for %s: expected a time such as 90s, 10m or 8h, at most "
		    "31d",
		    value);
	return STATUS_DONE;
}

static enum status
read_options(struct learning *l)
{
	int argc = l->context->argc;
	enum status status =
	    command_take_options(l->context, &argc, l->context->argv, take, l);

	if (status == STATUS_DONE && argc > 0)
		return command_unexpected(
		    l->context->command, l->context->argv[0]);
	return status;
}

/* Facts -------------------------------------------------------------------- */

static enum status
no_memory(void)
{
	fputs("reroutectl: out of memory\n", stderr);
	return STATUS_FAILED;
}

static struct learn_fact
fact_of(const json_t *flow)
{
	const json_t *process = json_object_get(flow, "process");
	const json_t *port = json_object_get(flow, "dport");
	const char *kind = command_text(process, "kind", "unknown");
	bool in = strcmp(command_text(flow, "direction", ""), "in") == 0;
	const char *remote = command_text(flow, in ? "src" : "dst", "");
	struct learn_fact fact = {
		.in = in,
		.proto = command_text(flow, "proto", "?"),
		.has_port = json_is_integer(port),
		.port = (uint16_t)json_integer_value(port),
		.host = command_text(flow, "host", NULL),
		.process = strcmp(kind, "program") == 0 ? NULL : kind,
		.exe = command_text(process, "exe", ""),
		.script = command_text(process, "script", ""),
		.unit = command_text(process, "unit", ""),
		.exe_here = json_is_true(json_object_get(process, "exe_here")),
	};

	if (addr_parse(&fact.remote, remote, strlen(remote)) < 0)
		fact.remote = (struct addr){ 0 };
	return fact;
}

/* To ask the daemon's resolver takes no rule; one would let all names pass. */
static bool
is_question(const struct learning *l, const struct learn_fact *fact)
{
	return l->resolver && fact->has_port && fact->port == 53 && !fact->in &&
	       addr_is_loopback(&fact->remote);
}

static bool
is_denied(const json_t *object)
{
	const char *verdict = command_text(object, "verdict", "");

	return strcmp(verdict, "block") == 0 || strcmp(verdict, "drop") == 0;
}

static bool
by_default(const json_t *object)
{
	return strncmp(command_text(object, "reason", ""), "default-", 8) == 0;
}

static enum status
add_sink(struct learning *l, const json_t *query, const struct addr *addr)
{
	const json_t *process = json_object_get(query, "process");
	struct sink *sinks =
	    reallocarray(l->sinks, l->n_sinks + 1, sizeof(sinks[0]));

	if (sinks == NULL)
		return no_memory();
	l->sinks = sinks;
	sinks[l->n_sinks++] =
	    (struct sink){ *addr, command_number(process, "pid"),
		    command_number(process, "start"),
		    command_number(query, "time") };
	return STATUS_DONE;
}

/* "EXE SCRIPT NAME", to be freed; NULL when there is no memory. */
static char *
asked_key(const json_t *process, const char *name)
{
	const char *exe = command_text(process, "exe", "");
	char *key;

	return asprintf(&key, "%s %s %s", exe,
		   command_text(process, "script", ""), name) < 0
		   ? NULL
		   : key;
}

static int
asked_cmp(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum status
add_asked(struct learning *l, const json_t *query)
{
	char *key = asked_key(json_object_get(query, "process"),
	    command_text(query, "qname", ""));
	char **node = NULL;

	if (key != NULL)
		node = tsearch(key, &l->asked, asked_cmp);
	if (node == NULL || *node != key)
		free(key);
	return node != NULL ? STATUS_DONE : no_memory();
}

/* Whether its program asked for the name, this process of it or another: one
 * that went there by the address alone does not mean the name. */
static bool
has_asked(const struct learning *l, const json_t *flow, const char *name)
{
	char *key;
	bool has;

	if (json_is_true(json_object_get(flow, "host_told")))
		return true;
	key = asked_key(json_object_get(flow, "process"), name);
	has = key != NULL && tfind(key, &l->asked, asked_cmp) != NULL;
	free(key);
	return has;
}

/* What is known of names, whatever comes of them. */
static enum status
take_name(void *arg, const json_t *query)
{
	const json_t *addresses = json_object_get(query, "addresses"), *one;
	enum status status = STATUS_DONE;
	struct learning *l = arg;
	struct addr addr;
	size_t i;

	if (!is_denied(query))
		return add_asked(l, query);
	json_array_foreach((json_t *)addresses, i, one)
	{
		const char *text = json_string_value(one);

		if (status == STATUS_DONE && text != NULL &&
		    addr_parse(&addr, text, strlen(text)) == 0)
			status = add_sink(l, query, &addr);
	}
	return status;
}

/* The kernel takes 0.0.0.0 and :: for this host. */
static bool
is_refused_here(
    const struct sink *sink, const struct learn_fact *fact, const json_t *flow)
{
	const json_t *process = json_object_get(flow, "process");
	double after = command_number(flow, "time") - sink->time;

	return addr_is_any(&sink->addr) && addr_is_loopback(&fact->remote) &&
	       command_number(flow, "bytes_in") <= REFUSAL_BYTES &&
	       command_number(process, "pid") == sink->pid &&
	       command_number(process, "start") == sink->start && after >= 0 &&
	       after <= SINK_S;
}

/* Whether it goes to where a name is answered to be that nobody is to reach:
 * the null address, or what the settings have in its place. */
static bool
is_sunk(
    const struct learning *l, const struct learn_fact *fact, const json_t *flow)
{
	if (fact->in || fact->host != NULL)
		return false;
	if (addr_is_any(&fact->remote))
		return true;
	for (size_t i = 0; i < l->n_sinks; i++)
		if (addr_equal(&l->sinks[i].addr, &fact->remote) ||
		    is_refused_here(&l->sinks[i], fact, flow))
			return true;
	return false;
}

/* Only what a default decided lacks a rule. A knock on a port that nobody has,
 * or what is nobody's, is not to be let in or out by one. */
static enum status
take_flow(void *arg, const json_t *flow)
{
	struct learning *l = arg;
	struct learn_fact fact = fact_of(flow);
	bool denied = is_denied(flow);

	l->seen++;
	l->denied += denied;
	if (!denied && strcmp(command_text(flow, "reason", ""), "rule") == 0)
		l->by_rule++;
	if (!by_default(flow) || fact.remote.family == ADDR_NONE ||
	    is_question(l, &fact) || is_sunk(l, &fact, flow) ||
	    (denied && fact.process != NULL))
		return STATUS_DONE;
	if (fact.host != NULL && !has_asked(l, flow, fact.host))
		fact.host = NULL;
	return learn_add(denied ? l->closed : l->learn, &fact) == 0
		   ? STATUS_DONE
		   : no_memory();
}

/* Who gets no answer makes no connection, and some only want the answer: often
 * the name is all there is. */
static enum status
take_query(void *arg, const json_t *query)
{
	struct learning *l = arg;
	struct learn_fact fact = fact_of(query);
	bool denied = is_denied(query);
	char client[ADDR_STRLEN];

	fact.asks = json_is_null(json_object_get(query, "process"));
	if (!by_default(query) || (fact.process != NULL && !fact.asks))
		return STATUS_DONE;
	l->unanswered += denied;
	fact.in = fact.has_port = false;
	fact.proto = "";
	fact.host = command_text(query, "qname", NULL);
	if (fact.asks) { /* whatever it asks for */
		fact.host = NULL;
		show_client(client, sizeof(client), query);
		(void)addr_parse(&fact.remote, client, strlen(client));
	}
	return (fact.host == NULL && !fact.asks) ||
		       learn_add(denied ? l->closed : l->learn, &fact) == 0
		   ? STATUS_DONE
		   : no_memory();
}

static enum status
take_event(struct learning *l, const json_t *event)
{
	const char *kind = command_text(event, "event", "");

	if (strcmp(kind, "flow") == 0)
		return take_flow(l, event);
	if (strcmp(kind, "query") != 0)
		return STATUS_DONE;
	return take_name(l, event) == STATUS_DONE ? take_query(l, event)
						  : STATUS_FAILED;
}

static enum status
ask_resolver(struct learning *l)
{
	json_t *result = NULL;
	enum status status = command_call(l->context, "status", NULL, &result);

	l->resolver = json_is_true(
	    json_object_get(json_object_get(result, "resolver"), "listening"));
	json_decref(result);
	return status;
}

/* Until the time is over, or somebody interrupts. */
static void
start_clock(uint64_t for_ms)
{
	struct sigaction act = { .sa_handler = stop }; /* no SA_RESTART */
	/* again and again: the first one may come just before a wait */
	struct itimerval timer = {
		.it_value = { (time_t)(for_ms / 1000),
		    (suseconds_t)(for_ms % 1000 * 1000) },
		.it_interval = { 0, 100000 },
	};

	(void)sigaction(SIGALRM, &act, NULL); /* can't fail: valid numbers */
	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
	(void)setitimer(ITIMER_REAL, &timer, NULL); /* in range */
}

static enum status
watch(struct learning *l)
{
	struct client *client = NULL;
	json_t *event = NULL;
	enum status status = client_open(&client, l->context->control);

	if (status == STATUS_DONE)
		status = client_send(client, "watch", json_deep_copy(l->args));
	if (status == STATUS_DONE)
		client_until(client, &stopped);
	start_clock(l->for_ms);
	while (status == STATUS_DONE) {
		status = client_receive(client, &event);
		if (status != STATUS_DONE || event == NULL)
			break;
		status = take_event(l, event);
		json_decref(event);
	}
	client_close(client);
	return status;
}

/* Those that are there: some began long ago. */
static enum status
look(struct learning *l, const char *call, client_row_fn *take_one)
{
	return command_rows(
	    l->context, call, json_deep_copy(l->args), take_one, l);
}

/* Names that were asked for before, whatever verdict is asked for. */
static enum status
look_for_names(struct learning *l)
{
	json_t *args = json_deep_copy(l->args);

	(void)json_object_del(args, "verdict"); /* or there is none */
	return command_rows(l->context, "queries.list", args, take_name, l);
}

/* What comes of it --------------------------------------------------------- */

static void
print_json(char *text, bool denied)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);

	for (; line != NULL; line = strtok_r(NULL, "\n", &save)) {
		json_t *object;

		if (denied && strstr(line, DENIED_RULE) == line)
			line += strlen(DENIED);
		if (line[0] == '#')
			continue;
		object =
		    json_pack("{s:s, s:b}", "rule", line, "denied", denied);
		command_json(object);
		json_decref(object);
	}
}

static enum status
print(const struct learning *l, struct learn *learn)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return no_memory();
	learn_print(learn, out);
	if (fclose(out) != 0)
		return no_memory();
	if (l->context->json)
		print_json(text, learn == l->closed);
	else
		printf("%s", len > 0 ? text : "# nothing\n");
	free(text);
	return STATUS_DONE;
}

static enum status
print_both(const struct learning *l)
{
	enum status status;

	learn_leave_twice(l->learn, l->closed);
	if (!l->context->json)
		printf("# %llu %s seen, %llu by rules that are there, "
		       "%llu denied. What a default let through:\n",
		    (unsigned long long)l->seen,
		    show_word((double)l->seen, "decision", "decisions"),
		    (unsigned long long)l->by_rule,
		    (unsigned long long)l->denied);
	status = print(l, l->learn);
	if (l->denied + l->unanswered == 0 || status != STATUS_DONE)
		return status;
	if (!l->context->json)
		puts("# What a default denied to programs; "
		     "without its # a rule opens it:");
	return print(l, l->closed);
}

enum status
command_learn(const struct context *context)
{
	struct learning l = {
		.context = context,
		.args = json_object(),
		.learn = learn_new(""),
		.closed = learn_new(DENIED),
	};
	enum status status;

	if (l.args == NULL || l.learn == NULL || l.closed == NULL)
		status = no_memory();
	else
		status = read_options(&l);
	if (status == STATUS_DONE)
		status = ask_resolver(&l);
	if (status == STATUS_DONE && l.resolver)
		status = look_for_names(&l);
	if (status == STATUS_DONE && l.for_ms > 0)
		status = watch(&l);
	if (status == STATUS_DONE)
		status = look(&l, "flows.list", take_flow);
	if (status == STATUS_DONE && l.resolver)
		status = look(&l, "queries.list", take_query);
	if (status == STATUS_DONE)
		status = print_both(&l);
	else if (status == STATUS_NO_DAEMON && l.seen > 0)
		(void)print_both(&l); /* what was seen until it went */
	json_decref(l.args);
	learn_free(l.learn);
	learn_free(l.closed);
	free(l.sinks);
	tdestroy(l.asked, free);
	return status;
}
