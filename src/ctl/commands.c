#include <string.h>

#include "src/ctl/command.h"
#include "src/ctl/filter.h"

static const struct command_option for_options[] = {
	{ "for", "T", "until then, by the wall clock: 90s, 10m, 8h, 7d", NULL },
	{ 0 },
};

static const struct command_option learn_options[] = {
	{ "for", "T", "what is decided until then, too: 90s, 10m, 8h", NULL },
	{ 0 },
};

static const struct command_option watch_options[] = {
	{ "backlog", "N", "begin with the last N that were kept", NULL },
	{ 0 },
};

static const struct command_option resolve_options[] = {
	{ "pid", "N", "as the program that runs by that number", NULL },
	{ 0 },
};

static const struct command_word rules_words[] = {
	{ "delete", "N...", "takes out 'command line:N'", "rules" },
	{ "try", "FILE --for T", "FILE in place of the files for that time",
	    "FILE" },
	{ "keep", NULL, "what is tried stays until the next reload", NULL },
	{ "revert", NULL, "what is tried goes, the set before is back", NULL },
	{ 0 },
};

static const struct command_word lists_words[] = {
	{ "reload", NULL, "looks whether their files have changed", NULL },
	{ 0 },
};

static const struct command_word firewall_words[] = {
	{ "show", NULL, "our rules as they are in the kernel", NULL },
	{ "verify", NULL, "compares them with what ought to be there", NULL },
	{ "clear", NULL, "takes them out: nothing is judged any more", NULL },
	{ 0 },
};

static const struct command_word cache_words[] = {
	{ "stats", NULL, "what is kept, how upstreams do, counters", NULL },
	{ "flush", "[NAME]", "forgets NAME and all below it, or everything",
	    NULL },
	{ 0 },
};

static const struct command_word match_words[] = {
	{ "MATCH", "...", "as in a rules file: see rerouted.rules(5)", NULL },
	{ 0 },
};

static const struct command_word tunnels_words[] = {
	{ "test", "TUNNEL HOST:PORT", "dials once: what happens at each step",
	    "tunnels" },
	{ 0 },
};

static const struct command_word completion_words[] = {
	{ "bash", NULL, "for bash-completion", NULL },
	{ "zsh", NULL, "for zsh, as _reroutectl in a folder of fpath", NULL },
	{ "fish", NULL, "for fish", NULL },
	{ 0 },
};

const struct command commands[] = {
	{ .name = "status",
	    .usage = "",
	    .what = "how the daemon is",
	    .example = "reroutectl status",
	    .run = command_status },
	{ .name = "flows",
	    .alias = "connections",
	    .usage = "[FILTER...]",
	    .what = "the connections that were judged, youngest first",
	    .options = { filter_options, flow_options },
	    .example = "reroutectl flows --exe curl --verdict block --since 1h",
	    .run = command_flows },
	{ .name = "queries",
	    .usage = "[FILTER...]",
	    .what = "the names that were asked for, youngest first",
	    .options = { filter_options, query_options },
	    .example = "reroutectl queries --domain example.com",
	    .run = command_queries },
	{ .name = "processes",
	    .usage = "[FILTER...]",
	    .what = "the programs, with what was decided and their traffic",
	    .options = { filter_options },
	    .example = "reroutectl processes --user www-data",
	    .run = command_processes },
	{ .name = "watch",
	    .usage = "[FILTER...]",
	    .what = "decisions as they are taken",
	    .options = { filter_options, flow_options, watch_options },
	    .example = "reroutectl --json watch --verdict block,drop",
	    .run = command_watch },
	{ .name = "top",
	    .usage = "[--hosts] [--sort WORD] [--once]",
	    .what = "processes and hosts by traffic, live",
	    .options = { top_options },
	    .example = "reroutectl top --sort blocked",
	    .run = command_top },
	{ .name = "explain",
	    .usage = "[--exe PATH] [--to ADDR] ...",
	    .what = "which rule would decide, and why",
	    .options = { explain_options },
	    .example = "reroutectl explain --exe /usr/bin/curl --to 192.0.2.7 "
		       "--port 443",
	    .run = command_explain },
	{ .name = "rules",
	    .usage = "[FILTER...|delete|try|keep|revert ...]",
	    .what = "the rules in force, with what they decided; the defaults",
	    .words = rules_words,
	    .options = { for_options, filter_options },
	    .example = "reroutectl rules try /tmp/new.rules --for 60s",
	    .run = command_rules },
	{ .name = "accept",
	    .usage = "MATCH... [--for T]",
	    .what = "a rule in front of the others that accepts",
	    .words = match_words,
	    .options = { for_options },
	    .example = "reroutectl accept in proto tcp to port 22 from lan "
		       "--for 1h",
	    .run = command_add },
	{ .name = "block",
	    .usage = "MATCH... [--for T]",
	    .what = "a rule in front that refuses at once",
	    .words = match_words,
	    .options = { for_options },
	    .example = "reroutectl block out exe /usr/bin/curl --for 10m",
	    .run = command_add },
	{ .name = "drop",
	    .usage = "MATCH... [--for T]",
	    .what = "a rule in front that refuses in silence",
	    .words = match_words,
	    .options = { for_options },
	    .example = "reroutectl drop in from 192.0.2.7",
	    .run = command_add },
	{ .name = "reroute",
	    .usage = "MATCH... via TUNNEL [--for T]",
	    .what = "a rule in front that leads through a tunnel",
	    .words = match_words,
	    .options = { for_options },
	    .example = "reroutectl reroute exe /usr/bin/curl via tor --for 10m",
	    .run = command_add },
	{ .name = "tunnels",
	    .usage = "[FILTER...|test TUNNEL HOST:PORT]",
	    .what = "the tunnels: how they are, and what they carried",
	    .words = tunnels_words,
	    .options = { filter_options },
	    .example = "reroutectl tunnels test tor example.com:443",
	    .run = command_tunnels },
	{ .name = "learn",
	    .usage = "[--for T] [FILTER...]",
	    .what = "rules for what a default let through or denied; applies "
		    "none",
	    .options = { learn_options, filter_options },
	    .example = "reroutectl learn --for 10m --exe firefox",
	    .run = command_learn },
	{ .name = "cache",
	    .usage = "stats|flush [NAME]",
	    .what = "the resolver's cache and its upstreams",
	    .words = cache_words,
	    .example = "reroutectl cache flush example.com",
	    .run = command_cache },
	{ .name = "resolve",
	    .usage = "NAME|ADDRESS [TYPE] [--pid N]",
	    .what = "asks the resolver",
	    .options = { resolve_options },
	    .example = "reroutectl resolve www.example.com AAAA",
	    .run = command_resolve },
	{ .name = "reload",
	    .usage = "",
	    .what = "reads settings and rules again; answers when all is "
		    "done",
	    .example = "reroutectl reload",
	    .run = command_reload },
	{ .name = "lists",
	    .usage = "[FILTER...|reload]",
	    .what = "the lists, what is in them and what could not be used",
	    .words = lists_words,
	    .options = { filter_options },
	    .example = "reroutectl lists",
	    .run = command_lists },
	{ .name = "firewall",
	    .usage = "show|verify|clear",
	    .what = "our rules in the kernel: print, compare, take out",
	    .words = firewall_words,
	    .example = "reroutectl firewall verify",
	    .run = command_firewall },
	{ .name = "completion",
	    .usage = "bash|zsh|fish",
	    .what = "what a shell needs to complete these words",
	    .words = completion_words,
	    .example = "reroutectl completion bash "
		       ">/etc/bash_completion.d/reroutectl",
	    .run = command_completion },
};

const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (strcmp(commands[i].name, name) == 0 ||
		    (commands[i].alias != NULL &&
			strcmp(commands[i].alias, name) == 0))
			return &commands[i];
	return NULL;
}
