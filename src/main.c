#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/standard.h"
#include "src/core/explain.h"
#include "src/core/text.h"
#include "src/load.h"
#include "src/modes.h"
#include "src/rerouted.h"

/* Exit statuses: 0 done, 1 refused or failed, 2 wrong usage. */

static const char help[] =
    "usage: rerouted [options]\n"
    "Sees, judges and reroutes every connection of this machine by process.\n"
    "\n"
    "  --config FILE       settings (/etc/rerouted/rerouted.conf)\n"
    "  --rules DIR         rules (/etc/rerouted/rules.d)\n"
    "  --state DIR         state (/var/lib/rerouted)\n"
    "  --control SOCKET    control socket (/run/rerouted/control.sock)\n"
    "  --daemon            detach once everything is in place\n"
    "  --check             check settings and rules, print every fault\n"
    "  --print-config      print all settings as they are in force\n"
    "  --explain WORDS     what the rules say, with no daemon and no root:\n"
    "                      \"exe=/usr/bin/curl to=192.0.2.7 port=443\",\n"
    "                      or -: each line of standard input\n"
    "  --recover           take out all that a dead daemon left behind\n"
    "  --log-level LEVEL   error, warning, info, debug\n"
    "  --log-format FORM   text, json\n"
    "  --version, --help\n"
    "\n"
    "Example: rerouted --check --rules ./rules.d\n"
    "See rerouted(8), rerouted.conf(5), rerouted.rules(5), reroutectl(1).\n";

enum mode {
	MODE_RUN,
	MODE_CHECK,
	MODE_PRINT_CONFIG,
	MODE_EXPLAIN,
	MODE_RECOVER,
};

struct options {
	struct rerouted_opts places;
	enum mode mode;
	bool detach;
	const char *about;
	const char *log_level, *log_format;
};

enum {
	OPT_CONFIG = 256,
	OPT_RULES,
	OPT_STATE,
	OPT_CONTROL,
	OPT_DAEMON,
	OPT_CHECK,
	OPT_PRINT_CONFIG,
	OPT_EXPLAIN,
	OPT_RECOVER,
	OPT_LOG_LEVEL,
	OPT_LOG_FORMAT,
	OPT_VERSION,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "rules", required_argument, NULL, OPT_RULES },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "daemon", no_argument, NULL, OPT_DAEMON },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "print-config", no_argument, NULL, OPT_PRINT_CONFIG },
	{ "explain", required_argument, NULL, OPT_EXPLAIN },
	{ "recover", no_argument, NULL, OPT_RECOVER },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "log-format", required_argument, NULL, OPT_LOG_FORMAT },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* One thing at a time: what was asked for must not depend on the order. */
static int
take_mode(struct options *ret, enum mode mode)
{
	if (ret->mode == MODE_RUN || ret->mode == mode) {
		ret->mode = mode;
		return -1;
	}
	fputs("rerouted: only one of --check, --print-config, --explain and "
	      "--recover at a time\nTry 'rerouted --help'.\n",
	    stderr);
	return EXIT_USAGE;
}

/* -1 to go on, else the exit status. */
static int
take_option(struct options *ret, int opt)
{
	switch (opt) {
	case OPT_CONFIG:
		ret->places.config = optarg;
		return -1;
	case OPT_RULES:
		ret->places.rules = optarg;
		return -1;
	case OPT_STATE:
		ret->places.state = optarg;
		return -1;
	case OPT_CONTROL:
		ret->places.control = optarg;
		return -1;
	case OPT_DAEMON:
		ret->detach = true;
		return -1;
	case OPT_CHECK:
		return take_mode(ret, MODE_CHECK);
	case OPT_PRINT_CONFIG:
		return take_mode(ret, MODE_PRINT_CONFIG);
	case OPT_EXPLAIN:
		ret->about = optarg;
		return take_mode(ret, MODE_EXPLAIN);
	case OPT_RECOVER:
		return take_mode(ret, MODE_RECOVER);
	case OPT_LOG_LEVEL:
		ret->log_level = optarg;
		return -1;
	case OPT_LOG_FORMAT:
		ret->log_format = optarg;
		return -1;
	case OPT_VERSION:
		puts("rerouted " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	case OPT_HELP:
	case 'h':
		fputs(help, stdout);
		return EXIT_SUCCESS;
	default: /* getopt has said what is wrong */
		fputs("Try 'rerouted --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

/* There are none: an option without its dashes, or a word of reroutectl. */
static int
take_word(const char *word)
{
	const char *names[sizeof(long_options) / sizeof(long_options[0])] = {
		0
	};
	const char *near;
	size_t n;

	for (n = 0; long_options[n].name != NULL; n++)
		names[n] = long_options[n].name;
	near = word_nearest(word, strlen(word), names, n);
	if (near != NULL)
		fprintf(stderr,
		    "rerouted: unexpected argument '%s'; did you mean "
		    "'--%s'?\n",
		    word, near);
	else
		fprintf(stderr,
		    "rerouted: unexpected argument '%s'; it is options only, "
		    "and 'reroutectl' asks one that runs\n",
		    word);
	fputs("Try 'rerouted --help'.\n", stderr);
	return EXIT_USAGE;
}

static int
parse_options(struct options *ret, int argc, char **argv)
{
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		status = take_option(ret, opt);
		if (status >= 0)
			return status;
	}
	return optind < argc ? take_word(argv[optind]) : -1;
}

/* The command line stands over the settings. */
static int
set_log(const struct options *options, const struct conf *conf)
{
	enum log_level level = conf->log_level;
	enum log_format format = conf->log_format;

	if (options->log_level != NULL &&
	    log_level_parse(&level, options->log_level) < 0) {
		fprintf(stderr,
		    "rerouted: --log-level %s: expected error, warning, info "
		    "or debug\n",
		    options->log_level);
		return EXIT_USAGE;
	}
	if (options->log_format != NULL &&
	    log_format_parse(&format, options->log_format) < 0) {
		fprintf(stderr,
		    "rerouted: --log-format %s: expected text or json\n",
		    options->log_format);
		return EXIT_USAGE;
	}
	log_set_level(level);
	log_set_format(format);
	if (standard_is_journal())
		log_to_journal();
	return -1;
}

static int
out_of_memory(void)
{
	fputs("rerouted: out of memory\n", stderr);
	return EXIT_FAILURE;
}

/* As far as they can be read: a broken file must not keep the rules in. */
static const struct conf *
recover_settings(const struct options *options)
{
	struct faults *faults = faults_new();
	const struct conf *conf = NULL;

	if (faults != NULL &&
	    load_conf(&conf, options->places.config, faults, NULL) < 0)
		fputs("rerouted: the settings have faults (see --check): "
		      "--recover goes by the defaults\n",
		    stderr);
	faults_free(faults);
	return conf != NULL ? conf : conf_new();
}

/* The service manager runs --recover after every end of the service, also
 * before it starts it again after a crash. Then the rules stay, so that what
 * was forbidden stays so, unless fail = open. */
static int
recover(const struct options *options)
{
	const char *result = getenv("SERVICE_RESULT");
	const struct conf *conf = recover_settings(options);
	bool closed;
	int status;

	if (conf == NULL)
		return out_of_memory();
	status = set_log(options, conf);
	closed = conf->fail == CONF_FAIL_CLOSED;
	conf_unref(conf);
	if (status >= 0)
		return status;
	if (result != NULL && strcmp(result, "success") != 0 && closed) {
		log_info("firewall",
		    "the service ended with '%s': the rules stay in place "
		    "until it is back or given up",
		    result);
		return EXIT_SUCCESS;
	}
	return rerouted_recover() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Detaching: the parent waits for the word that all is in place. */
static int
detach(int *ret_fd)
{
	int fds[2], status;
	char word = 1;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		close(fds[0]);
		if (setsid() < 0)
			return -errno;
		standard_detach();
		*ret_fd = fds[1];
		return 0;
	}
	close(fds[1]);
	if (read(fds[0], &word, 1) == 1 && word == 0)
		_exit(EXIT_SUCCESS);
	(void)waitpid(child, &status, 0); /* it has said why on stderr */
	_exit(EXIT_FAILURE);
}

/* All is in place: lets the parent go, and the terminal. */
static void
ready(void *arg)
{
	int *fd = arg;

	if (*fd < 0)
		return;
	standard_leave();
	(void)!write(*fd, "", 1); /* the parent may be gone */
	close(*fd);
	*fd = -1;
}

static int
run(const struct options *options, const struct conf *conf)
{
	struct rerouted_opts places = options->places;
	struct rerouted *rr = NULL;
	int fd = -1, r;

	signal(SIGPIPE, SIG_IGN);
	if (options->detach) {
		r = detach(&fd);
		if (r < 0) {
			log_error("rerouted", "can't detach: %s", strerror(-r));
			return EXIT_FAILURE;
		}
	}
	places.log_level_set = options->log_level != NULL;
	places.log_format_set = options->log_format != NULL;
	r = rerouted_new(&rr, &places, conf);
	if (r == 0)
		r = rerouted_run(rr, ready, &fd);
	rerouted_free(rr);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
with_settings(const struct options *options, const struct conf *conf,
    struct faults *faults, struct faults *warnings)
{
	int status = set_log(options, conf);

	if (status >= 0)
		return status;
	switch (options->mode) {
	case MODE_RUN:
		return run(options, conf);
	case MODE_CHECK:
		return mode_check(
		    conf, options->places.rules, faults, warnings);
	case MODE_PRINT_CONFIG:
		conf_print(conf, stdout);
		return EXIT_SUCCESS;
	case MODE_EXPLAIN:
		return mode_explain(
		    conf, options->places.rules, options->about, faults);
	case MODE_RECOVER:
		break; /* main() saw to it */
	}
	abort();
}

static int
with_faults(const struct options *options, struct faults *faults,
    struct faults *warnings)
{
	const struct conf *conf = NULL;
	int status;

	if (load_conf(&conf, options->places.config, faults, warnings) < 0) {
		/* in a check the rules' faults belong on the same list */
		if (options->mode == MODE_CHECK)
			(void)mode_check(
			    NULL, options->places.rules, faults, warnings);
		else
			load_print_faults(faults);
		return EXIT_FAILURE;
	}
	status = with_settings(options, conf, faults, warnings);
	conf_unref(conf);
	return status;
}

/* What whoever starts this left set would make it deaf to signals, the ends of
 * its children unseen, or its own files unreadable. */
static void
inherit_nothing(void)
{
	sigset_t none;

	standard_open();
	(void)sigemptyset(&none);		     /* can't fail */
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* nor this */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)umask(022); /* each file has a mode of its own */
}

/* What was printed has arrived. */
static int
printed(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == 0) /* of an earlier line */
		errno = EIO;
	(void)fprintf(stderr, "rerouted: can't write: %s\n", strerror(errno));
	return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

int
main(int argc, char **argv)
{
	struct options options = { 0 };
	struct faults *faults, *warnings;
	int status;

	inherit_nothing();
	status = parse_options(&options, argc, argv);
	if (status >= 0)
		return printed(status);
	if (options.mode == MODE_RECOVER) /* whatever faults there are */
		return recover(&options);
	faults = faults_new();
	warnings = faults_new();
	status = faults == NULL || warnings == NULL
		     ? out_of_memory()
		     : with_faults(&options, faults, warnings);
	faults_free(warnings);
	faults_free(faults);
	return printed(status);
}
