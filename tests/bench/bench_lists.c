/* What lists of names cost: reading and compiling, reading the compiled form,
 * looking up. bench_lists [NAMES [LISTS [WILDCARDS [REGEXES]]]], by default
 * 1,000,000, 1, 0 and 0: patterns are in the first list alone. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/core/qtype.h"
#include "src/core/list_build.h"
#include "src/core/list_parse.h"
#include "src/linux/pages.h"

#define ROUNDS 9
#define ASKED 200000
#define AHEAD 8

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* As real lists have them: 22 characters, two to four labels. */
static int
name_text(char *buf, size_t size, unsigned int list, size_t i)
{
	static const char *const tops[] = { "com", "net", "org", "xyz", "co.uk",
		"info", "ru", "de" };
	uint64_t h = (i + 1 + (uint64_t)list * 1000000007) *
		     UINT64_C(0x9e3779b97f4a7c15);

	return snprintf(buf, size, "%s%08x%zx.%s", h >> 60 < 5 ? "ads." : "",
	    (unsigned int)(h >> 20), i, tops[h >> 40 & 7]);
}

/* As the filters for DNS of AdBlock's have them. */
static unsigned int n_wildcards, n_regexes;

static void
put_patterns(FILE *f)
{
	static const char *const wildcards[] = { "||ads%u*.trk.com^",
		"||*-ads%u.example.net^", "|ad.%u*.org^", "||metric*.s%u.de^",
		"||track%u.*.info^", "||pixel%u.*^" };
	static const char *const regexes[] = { "/^ads?%u[0-9]+\\./",
		"/^(.+[-_.])?telemetry%u[-_.]/", "/(banner|popup)s?%u\\./",
		"/[0-9]{6}%ux[a-f]+\\.(com|net)$/" };

	for (unsigned int i = 0; i < n_wildcards; i++) {
		(void)fprintf(f, wildcards[i % 6], i);
		(void)fputc('\n', f);
	}
	for (unsigned int i = 0; i < n_regexes; i++) {
		(void)fprintf(f, regexes[i % 4], i);
		(void)fputc('\n', f);
	}
}

static char *
list_text(unsigned int list, size_t n, const char *before, const char *after,
    size_t *ret_len)
{
	char *text, buf[128];
	FILE *f = open_memstream(&text, ret_len);

	for (size_t i = 0; i < n; i++) {
		(void)name_text(buf, sizeof(buf), list, i);
		(void)fprintf(f, "%s%s%s\n", before, buf, after);
	}
	if (list == 0)
		put_patterns(f);
	(void)fclose(f);
	return text;
}

static int
take(void *arg, const struct list_entry *entry)
{
	return list_entry_build(arg, entry);
}

static void
fault(void *arg, const struct list_fault *f)
{
	(void)arg;
	fprintf(stderr, "line %u: %s\n", f->line, f->what);
	exit(1);
}

/* The file of the compiled list, read as the daemon does it. */
static const struct list_index *
read_again(int fd, size_t size, double *ret_ms)
{
	const struct list_index *l = NULL;
	double start = now_ms();
	void *bytes = pages_map(size);

	if (bytes == NULL || pread(fd, bytes, size, 0) != (ssize_t)size ||
	    list_index_new(&l, bytes, size, pages_unmap, NULL) < 0)
		exit(1);
	*ret_ms = now_ms() - start;
	return l;
}

static const struct list_index *
compile(unsigned int list, size_t n, const char *before, const char *after)
{
	static const struct list_identity identity = { { 1, 2 } };
	const struct list_index *l;
	struct list_build build;
	struct list_bytes bytes;
	struct list_sink sink = { take, fault, NULL, &build };
	size_t len;
	char *text = list_text(list, n, before, after, &len);
	FILE *f = tmpfile();
	double start = now_ms(), parsed, done, again;

	list_build_init(
	    &build, (uint64_t[2]){ 0x123456789abcdef, 0xfedcba987654321 });
	if (list_parse(&sink, CONF_FORMAT_AUTO, text, len) < 0)
		exit(1);
	parsed = now_ms();
	if (list_build_finish(&build, &identity, "", 0, &bytes) < 0)
		exit(1);
	list_build_done(&build);
	done = now_ms();
	if (f == NULL || fwrite(bytes.bytes, 1, bytes.size, f) != bytes.size ||
	    fflush(f) != 0)
		exit(1);
	free(bytes.bytes);
	l = read_again(fileno(f), bytes.size, &again);
	printf("%sNAME%s: names=%zu patterns=%zu load_ms=%.0f (parse %.0f, "
	       "compile %.0f) again_ms=%.1f bytes_per_name=%.2f\n",
	    before, after, list_n_names(l), list_n_patterns(l), done - start,
	    parsed - start, done - parsed, again,
	    (double)bytes.size / (double)n);
	(void)fclose(f);
	free(text);
	return l;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Names in random order, each once a round. `list` names the text: another
 * one than the list's is a miss. A name is not waited for, as the resolver has
 * just read it. */
static void
ask(const struct list_index *l, unsigned int list, size_t n, const char *what)
{
	struct name *names = calloc(ASKED + AHEAD, sizeof(*names));
	double ns[ROUNDS];
	size_t found = 0;
	char buf[128];

	for (size_t i = 0; i < ASKED; i++) {
		size_t at = (i * UINT64_C(2654435761)) % n;
		int len = name_text(buf, sizeof(buf), list, at);

		if (name_parse(&names[i], buf, (size_t)len) < 0)
			exit(1);
	}
	for (size_t r = 0; r < ROUNDS; r++) {
		double start = now_ms();

		for (size_t i = 0; i < ASKED; i++) {
			__builtin_prefetch(&names[i + AHEAD]);
			found += list_has_name(l, &names[i], QTYPE_A);
		}
		ns[r] = (now_ms() - start) * 1e6 / ASKED;
	}
	qsort(ns, ROUNDS, sizeof(ns[0]), by_value);
	printf("  %s: ns=%.0f min=%.0f max=%.0f n=%d found=%.0f%%\n", what,
	    ns[ROUNDS / 2], ns[0], ns[ROUNDS - 1], ASKED,
	    100.0 * (double)found / (ROUNDS * (double)ASKED));
	free(names);
}

static void
resident(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmHWM", 5) == 0 ||
		    strncmp(line, "VmRSS", 5) == 0)
			printf("%s", line);
	if (f != NULL)
		(void)fclose(f);
}

int
main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	unsigned int lists =
	    argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 1;
	static const char *const forms[][2] = { { "||", "^" },
		{ "0.0.0.0 ", "" }, { "", "" } };
	const struct list_index *all[16] = { NULL };

	n_wildcards = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;
	n_regexes = argc > 4 ? (unsigned int)strtoul(argv[4], NULL, 10) : 0;
	if (n == 0 || lists == 0 || lists > 16)
		return 2;
	for (unsigned int i = 0; i < lists; i++)
		all[i] = compile(i, n, forms[i % 3][0], forms[i % 3][1]);
	for (unsigned int i = 0; i < lists; i++) {
		ask(all[i], i, n, "listed");
		ask(all[i], i + 100, n, "not listed");
	}
	resident();
	for (unsigned int i = 0; i < lists; i++)
		list_index_unref(all[i]);
	return 0;
}
