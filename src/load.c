#include "src/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/folder.h"
#include "src/base/standard.h"
#include "src/core/policy_warn.h"
#include "src/core/rules.h"
#include "src/core/runtime.h"
#include "src/load_warn.h"

struct text {
	char *bytes;
	size_t len;
};

static void
fault(struct faults *faults, const char *file, const char *what,
    const char *expected)
{
	faults_add_file(
	    faults, file, &(struct fault_text){ what, expected, NULL });
}

/* "can't be read: No such file or directory"; always -EINVAL. */
static int
fault_errno(struct faults *faults, const char *file, int error)
{
	char what[128];

	(void)snprintf(what, sizeof(what), "can't be read: %s",
	    strerrordesc_np(error)); /* cut at worst */
	fault(faults, file, what,
	    error == EACCES ? "root, or who else may read it" : NULL);
	return -EINVAL;
}

void
load_print_faults(const struct faults *faults)
{
	char *text = NULL, *rest = NULL;
	size_t len;
	FILE *mem = NULL;

	if (standard_is_journal())
		mem = open_memstream(&text, &len);
	if (mem == NULL) {
		faults_print(faults, stderr);
		return;
	}
	faults_print(faults, mem);
	if (fclose(mem) == 0)
		for (char *line = strtok_r(text, "\n", &rest); line != NULL;
		     line = strtok_r(NULL, "\n", &rest))
			fprintf(stderr, "<3>%s\n", line);
	free(text);
}

static int
read_all(int fd, struct text *ret)
{
	size_t room = 0, len = 0;
	char *bytes = NULL;
	ssize_t n;

	for (;;) {
		if (len == room) {
			char *more = realloc(bytes, room + 65536);

			if (more == NULL) {
				free(bytes);
				return -ENOMEM;
			}
			bytes = more;
			room += 65536;
		}
		n = read(fd, bytes + len, room - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || len + (size_t)n > LOAD_FILE_MAX)
			break;
		len += (size_t)n;
	}
	if (n != 0) {
		int error = n < 0 ? -errno : -EFBIG;

		free(bytes);
		return error;
	}
	*ret = (struct text){ bytes, len };
	return 0;
}

/* The file's bytes, which the caller frees. O_NONBLOCK: a fifo must not hang
 * the daemon. */
static int
read_file(struct text *ret, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (S_ISDIR(st.st_mode))
		r = -EISDIR;
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		r = -EINVAL;
	else
		r = read_all(fd, ret);
	(void)close(fd); /* it was only read */
	return r;
}

/* Adds a fault where the file can't be read. */
static int
load_file(struct text *ret, const char *path, struct faults *faults)
{
	int r = read_file(ret, path);

	switch (r) {
	case 0:
	case -ENOMEM:
		return r;
	case -EFBIG:
		fault(faults, path, "is too large", "at most 8 MiB");
		return -EINVAL;
	case -EINVAL:
		fault(faults, path, "is no regular file", NULL);
		return -EINVAL;
	default:
		return fault_errno(faults, path, -r);
	}
}

/* Folders ------------------------------------------------------------------ */

/* Calls fn for each such file; goes on after faults, to find them all. */
static int
each_file(const char *dir, const char *suffix, bool may_miss,
    int (*fn)(void *arg, const char *path, struct faults *faults), void *arg,
    struct faults *faults)
{
	struct folder names = { NULL, 0 };
	int r = folder_read(&names, dir, suffix, LOAD_FILES_MAX), one;

	if (r == -ENOENT && may_miss)
		r = 0;
	else if (r == -E2BIG) {
		fault(faults, dir, "holds too many files", "at most 1024");
		r = -EINVAL;
	} else if (r == -ENOTDIR) {
		fault(faults, dir, "is no folder",
		    "a folder: the file goes into one");
		r = -EINVAL;
	} else if (r < 0 && r != -ENOMEM) {
		r = fault_errno(faults, dir, -r);
	}
	for (size_t i = 0; i < names.n && (r == 0 || r == -EINVAL); i++) {
		one = fn(arg, names.v[i], faults);
		if (one < 0)
			r = one;
	}
	folder_done(&names);
	return r;
}

/* Texts -------------------------------------------------------------------- */

void
sources_done(struct sources *sources)
{
	for (size_t i = 0; i < sources->n; i++) {
		free((char *)sources->v[i].file); /* owned: see sources_add() */
		free((char *)sources->v[i].text);
	}
	free(sources->v);
	memset(sources, 0, sizeof(*sources));
}

int
sources_add(
    struct sources *sources, const char *file, const char *text, size_t len)
{
	struct source *v =
	    reallocarray(sources->v, sources->n + 1, sizeof(v[0]));
	char *name, *copy;

	if (v == NULL)
		return -ENOMEM;
	sources->v = v;
	name = strdup(file);
	copy = malloc(len + 1);
	if (name == NULL || copy == NULL) {
		free(name);
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, text, len);
	v[sources->n++] =
	    (struct source){ .file = name, .text = copy, .len = len };
	sources->size += len;
	return 0; /* cppcheck-suppress memleak ; sources_done() frees them */
}

/* Settings ----------------------------------------------------------------- */

struct settings {
	struct conf *conf;
	struct sources sources; /* as they were parsed */
	struct faults *warnings;
};

static int
conf_file(void *arg, const char *path, struct faults *faults)
{
	struct settings *settings = arg;
	const struct source *source;
	struct text text;
	int r = load_file(&text, path, faults);

	if (r < 0)
		return r;
	r = sources_add(&settings->sources, path, text.bytes, text.len);
	free(text.bytes);
	if (r < 0)
		return r;
	source = &settings->sources.v[settings->sources.n - 1];
	return conf_parse(settings->conf, source->file, source->text,
	    source->len, faults, settings->warnings);
}

/* Who may read the file has the password. */
static void
warn_passwords(const struct settings *settings)
{
	const struct conf *conf = settings->conf;
	const char *before = NULL;
	struct stat st;

	for (size_t i = 0; i < conf->n_tunnels; i++) {
		const struct conf_text *password = &conf->tunnels[i].password;
		const char *file =
		    settings->sources.v[password->place.source].file;

		if (password->s[0] == '\0' || file == before ||
		    stat(file, &st) < 0 || (st.st_mode & S_IROTH) == 0)
			continue;
		before = file;
		fault(settings->warnings, file,
		    "warning: a password stands there, and all may read it",
		    NULL);
	}
}

static int
conf_files(struct settings *settings, const char *file, struct faults *faults)
{
	const char *path = file != NULL ? file : LOAD_CONFIG_DEFAULT;
	char *dir;
	int main_r = 0, r;

	if (file != NULL || access(path, F_OK) == 0 || errno != ENOENT)
		main_r = conf_file(settings, path, faults);
	if (main_r == -ENOMEM || asprintf(&dir, "%s.d", path) < 0)
		return -ENOMEM;
	r = each_file(dir, ".conf", true, conf_file, settings, faults);
	if (settings->warnings != NULL)
		load_warn_settings(settings->warnings, path);
	if (settings->warnings != NULL)
		warn_passwords(settings);
	free(dir);
	if (r == -ENOMEM)
		return r;
	/* also after faults, to find them all */
	if (conf_check(settings->conf, settings->sources.v, faults) < 0)
		return -EINVAL;
	return r == 0 ? main_r : r;
}

int
load_conf(const struct conf **ret, const char *file, struct faults *faults,
    struct faults *warnings)
{
	struct settings settings = { .conf = conf_new(), .warnings = warnings };
	int r = -ENOMEM;

	if (settings.conf != NULL)
		r = conf_files(&settings, file, faults);
	sources_done(&settings.sources);
	if (r == 0)
		*ret = settings.conf;
	else
		conf_unref(settings.conf);
	return r;
}

/* Rules -------------------------------------------------------------------- */

static int
rules_file(void *arg, const char *path, struct faults *faults)
{
	struct sources *sources = arg;
	struct text text;
	int r = load_file(&text, path, faults);

	if (r < 0)
		return r;
	if (text.len > RULES_TEXT_MAX - sources->size) {
		fault(faults, path, "too much text in all the rules",
		    "at most 64 MiB");
		r = -EINVAL;
	} else {
		r = sources_add(sources, path, text.bytes, text.len);
	}
	free(text.bytes);
	return r;
}

int
load_sources(
    struct sources *ret, const char *dir, bool may_miss, struct faults *faults)
{
	const char *folder = dir != NULL ? dir : LOAD_RULES_DEFAULT;
	struct sources sources = { /* first, so that no change is missed */
		.stamp = folder_stamp(folder, ".rules", LOAD_FILES_MAX)
	};
	int r =
	    each_file(folder, ".rules", may_miss, rules_file, &sources, faults);

	if (r == 0 || r == -EINVAL)
		*ret = sources;
	else
		sources_done(&sources);
	return r;
}

/* Goes on after faults, to find them all. */
static int
parse_sources(
    struct rules *rules, const struct sources *sources, struct faults *faults)
{
	int r = 0, one = 0;

	for (size_t i = 0; i < sources->n && one != -ENOMEM; i++) {
		const struct source *s = &sources->v[i];

		one = rules_parse(rules, s->file, s->text, s->len, faults);
		if (one < 0)
			r = one;
	}
	return r;
}

static int
parse_runtime(
    struct rules *rules, const struct runtime *runtime, struct faults *faults)
{
	int r = 0, one = 0;

	for (size_t i = 0; i < runtime->n && one != -ENOMEM; i++) {
		const struct runtime_rule *rule = &runtime->v[i];

		one = rule->held ? rules_parse_held(rules, RUNTIME_FILE,
				       rule->id, rule->text)
				 : rules_parse_line(rules, RUNTIME_FILE,
				       rule->id, rule->text, faults);
		if (one < 0)
			r = one;
	}
	return r;
}

/* Those of the command line stand in front, and may have the files' defines. */
static int
parse_all(struct rules *rules, const struct load *load, struct faults *faults)
{
	int r = parse_sources(rules, load->sources, faults), one;
	size_t first = rules_count(rules);

	if (load->runtime == NULL || r == -ENOMEM)
		return r;
	one = parse_runtime(rules, load->runtime, faults);
	if (one < 0)
		r = one;
	if (r != -ENOMEM && rules_bring_forward(rules, first) < 0)
		r = -ENOMEM;
	return r;
}

/* The machine, with what the settings say; ret_held is to be freed. 0 or
 * -ENOMEM. */
static int
make_world(struct policy_world *ret, void **ret_held, const struct load *load)
{
	*ret = load_world;
	ret->any = load->conf == NULL;
	ret->table = load->lists;
	ret->before = load->before;
	ret->remembered = load->remembered;
	ret->settled = load->settled;
	ret->forget = load->forget;
	ret->given = load->given;
	return load->conf != NULL ? world_set(ret, load->conf, ret_held) : 0;
}

int
load_compile(const struct policy **ret, const struct load *load,
    struct faults *faults, struct faults *warnings)
{
	struct rules *rules = rules_new();
	struct policy_world world;
	const struct policy *policy;
	void *held = NULL;
	int r, compiled;

	if (rules == NULL || make_world(&world, &held, load) < 0) {
		rules_free(rules);
		return -ENOMEM;
	}
	r = parse_all(rules, load, faults);
	/* also after faults: it finds those of the names in good rules */
	if (r == 0 || r == -EINVAL) {
		compiled = policy_compile(&policy, rules, &world, faults);
		if (compiled == 0 && r < 0)
			policy_unref(policy);
		else if (compiled < 0)
			r = compiled;
	}
	if (r == 0) {
		if (warnings != NULL && load->in_force)
			policy_warn_names(policy, rules, &world, warnings);
		else if (warnings != NULL && !world.any) /* or good for none */
			policy_warn(policy, rules, &world, warnings);
		*ret = policy;
	}
	rules_free(rules);
	free(held);
	return r;
}

int
load_policy(const struct policy **ret, const char *dir, const struct load *load,
    struct faults *faults, struct faults *warnings)
{
	struct sources sources = { .v = NULL };
	struct load with = *load;
	const struct policy *policy = NULL;
	int r = load_sources(&sources, dir, dir == NULL, faults), compiled;

	if (r == -ENOMEM)
		return r;
	with.sources = &sources;
	compiled = load_compile(&policy, &with, faults, warnings);
	sources_done(&sources);
	if (compiled < 0)
		return compiled;
	if (r < 0)
		policy_unref(policy);
	else
		*ret = policy;
	return r;
}
