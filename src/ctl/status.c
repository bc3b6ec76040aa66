#include "src/ctl/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/base/escape.h"
#include "src/base/folder.h"
#include "src/ctl/show.h"

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *
yes_no(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key)) ? "yes" : "no";
}

static void
print_counters(const json_t *counters)
{
	const char *name;
	json_t *value;

	puts("counters");
	json_object_foreach((json_t *)counters, name,
	    value) if (json_integer_value(value) != 0) printf("  %-20s %lld\n",
	    name, (long long)json_integer_value(value));
}

static void
print_queue(const json_t *queue)
{
	const json_t *bound = json_object_get(queue, "bound");

	printf("  queue %lld          ", number(queue, "queue"));
	if (json_is_null(bound)) {
		puts("its state can't be read here");
		return;
	}
	printf("%s, %lld waiting, %lld lost\n",
	    json_is_true(bound) ? "bound" : "NOT BOUND",
	    number(queue, "waiting"),
	    number(queue, "dropped_full") + number(queue, "dropped_user"));
}

static void
print_queues(const json_t *queues)
{
	const json_t *queue;
	size_t i;

	json_array_foreach((json_t *)queues, i, queue) print_queue(queue);
}

/* How much is kept for it; the sizes come from the machine's. */
static void
print_tables(const json_t *attribution)
{
	const json_t *tables = json_object_get(attribution, "bpf_tables");

	printf("  remembers          %lld of %lld packets, %lld of %lld "
	       "processes, at most %lld flows in the kernel\n",
	    number(tables, "packets"), number(tables, "packets_max"),
	    number(tables, "processes"), number(tables, "processes_max"),
	    number(tables, "owners_max"));
	printf("  rings              %lld KiB, %lld records lost\n",
	    number(tables, "ring_bytes") / 1024,
	    number(attribution, "bpf_lost"));
}

/* Where the best source is missing, why. */
static void
print_attribution(const json_t *attribution)
{
	const char *why = command_text(attribution, "bpf_why", NULL);

	printf("attribution          BPF %s, sock_diag %s, /proc yes\n",
	    yes_no(attribution, "bpf"), yes_no(attribution, "sock_diag"));
	if (why == NULL) {
		print_tables(attribution);
		return;
	}
	fputs("  no BPF: ", stdout);
	escape_print(why, stdout);
	putchar('\n');
}

static void
print_resolver(const json_t *resolver)
{
	const json_t *counters = json_object_get(resolver, "counters"), *u;
	bool listens = json_is_true(json_object_get(resolver, "listening"));
	bool off = json_is_true(json_object_get(resolver, "off"));
	double queries = command_number(counters, "queries");
	size_t i;

	printf("resolver             %s, %.0f %s, %lld from the cache, "
	       "%lld blocked",
	    listens ? "listening"
	    : off   ? "off"
		    : "NOT LISTENING",
	    queries, show_word(queries, "query", "queries"),
	    number(counters, "hits"), number(counters, "blocked"));
	/* as those of a network that `allow` does not name */
	if (number(counters, "refused") > 0)
		printf(", %lld refused", number(counters, "refused"));
	putchar('\n');
	json_array_foreach(json_object_get(resolver, "upstreams"), i, u)
	{
		const char *why = command_text(u, "why", "");
		const char *zone = command_text(u, "zone", ".");
		bool all = strcmp(zone, ".") == 0;

		printf("  upstream %s%s%s, %s%s",
		    command_text(u, "upstream", "?"), all ? "" : " for ",
		    all ? "" : zone,
		    json_is_true(json_object_get(u, "up")) ? "up" : "DOWN",
		    why[0] != '\0' ? ": " : "");
		escape_print(why, stdout);
		putchar('\n');
	}
}

/* How many there are, and where each of them came from. */
static void
print_rules(const json_t *policy)
{
	long long given = number(policy, "command_line");
	const char *from = command_text(policy, "dir", "?"), *how = "";

	if (command_text(policy, "trying", NULL) != NULL) {
		from = command_text(policy, "trying", NULL);
		how = ", on trial";
	} else if (command_text(policy, "kept", NULL) != NULL) {
		from = command_text(policy, "kept", NULL);
		how = ", kept until the next reload";
	}
	printf(
	    "rules                %lld from ", number(policy, "rules") - given);
	escape_print(from, stdout);
	printf("%s", how);
	if (given > 0)
		printf("; %lld from the command line", given);
	putchar('\n');
}

/* How long a file system may take to tell what has changed, in ms. */
#define LOOK_MS 1000

/* 0 where it is not known. By a process of its own: one that does not answer
 * (a network file system) would hold us. */
static uint64_t
stamp_in_time(const char *dir)
{
	struct pollfd in = { .events = POLLIN };
	uint64_t stamp = 0;
	bool told = false;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		stamp = folder_stamp(dir, ".rules", SIZE_MAX);
		_exit(write(fds[1], &stamp, sizeof(stamp)) < 0);
	}
	(void)close(fds[1]); /* nothing was written */
	in.fd = fds[0];
	if (pid > 0)
		told = poll(&in, 1, LOOK_MS) == 1 &&
		       read(fds[0], &stamp, sizeof(stamp)) ==
			   (ssize_t)sizeof(stamp);
	if (pid > 0) {
		(void)kill(pid, SIGKILL); /* it has nothing more to do */
		/* one that can't even be killed is left behind */
		(void)waitpid(pid, NULL, told ? 0 : WNOHANG);
	}
	(void)close(fds[0]); /* it was only read */
	return told ? stamp : 0;
}

/* Files that were changed and not read, as a user forgets. It is looked at
 * here: the daemon waits for no file system. */
static void
print_forgotten(const json_t *policy)
{
	const char *dir = command_text(policy, "dir", "");
	uint64_t stamp;

	/* a set that was tried is in force in place of them, or it is told why
	 * they could not be read */
	if (dir[0] != '/' || command_text(policy, "trying", NULL) != NULL ||
	    command_text(policy, "kept", NULL) != NULL ||
	    command_text(policy, "error", NULL) != NULL ||
	    json_object_get(policy, "stamp") == NULL)
		return;
	stamp = stamp_in_time(dir);
	if (stamp == 0 || stamp == (uint64_t)number(policy, "stamp"))
		return;
	fputs("  the files of ", stdout);
	escape_print(dir, stdout);
	puts(" have changed since: 'reroutectl reload' puts them in force");
}

static void
print_policy(const json_t *policy)
{
	const char *loose = command_text(policy, "loose", NULL);
	double until = command_number(policy, "trying_until");
	time_t end = (time_t)until;
	char text[32] = "?", left[32];
	struct tm tm;

	print_rules(policy);
	print_forgotten(policy);
	if (loose != NULL) {
		fputs("  ", stdout);
		escape_print(loose, stdout);
		putchar('\n');
	}
	if (command_text(policy, "trying", NULL) == NULL)
		return;
	fputs("  being tried: ", stdout);
	escape_print(command_text(policy, "trying", ""), stdout);
	if (localtime_r(&end, &tm) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	show_left(left, sizeof(left), until);
	printf(", %s left, until %s; 'reroutectl rules keep' keeps it\n", left,
	    text);
}

static void
print_status(const json_t *s)
{
	const json_t *firewall = json_object_get(s, "firewall");
	const json_t *flows = json_object_get(s, "flows");
	const json_t *processes = json_object_get(s, "processes");
	double repairs = command_number(firewall, "repairs");
	char up[32];

	show_span(up, sizeof(up), command_number(s, "uptime_s"));
	printf("rerouted %s, pid %lld, up %s, %.1f MB\n",
	    command_text(s, "version", "?"), number(s, "pid"), up,
	    (double)number(s, "memory_bytes") / 1e6);
	show_problems(s);
	printf("firewall             %s, IPv4 %s, IPv6 %s, fail %s, repaired "
	       "%.0f %s\n",
	    command_text(firewall, "backend", "?"), yes_no(firewall, "ip4"),
	    yes_no(firewall, "ip6"), command_text(firewall, "fail", "?"),
	    repairs, show_word(repairs, "time", "times"));
	print_queues(json_object_get(s, "queues"));
	print_policy(json_object_get(s, "policy"));
	printf("flows                %lld of at most %lld\n",
	    number(flows, "live"), number(flows, "max"));
	printf(
	    "processes            %lld known\n", number(processes, "cached"));
	print_attribution(json_object_get(s, "attribution"));
	print_resolver(json_object_get(s, "resolver"));
	print_counters(json_object_get(s, "counters"));
}

enum status
command_status(const struct context *context)
{
	json_t *result = NULL;
	enum status status = command_no_words(context);

	if (status == STATUS_DONE)
		status = command_call(context, "status", NULL, &result);
	if (status == STATUS_DONE) {
		if (context->json)
			command_json(result);
		else
			print_status(result);
	}
	json_decref(result);
	return status;
}
