#include "src/linux/chains_ops.h"

#include <errno.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/chains_probe.h"
#include "src/linux/nft.h"
#include "src/linux/spawn.h"

/* nf_tables through the programs of iptables-nft: they write and read the
 * same words as the legacy ones. */

/* Both programs take some milliseconds, with 100,000 rules a second. */
#define PROGRAM_MAX (20 * MONO_S)

/* Others may change a table between our reading and our commit. */
#define COMMIT_TRIES 5

/* A table larger than this is a mistake. */
#define TEXT_MAX ((off_t)256 << 20)

/* Where it lies: "iptables-nft-save", or "iptables-save" where that is the
 * same program under its common name. */
static int
find_program(enum chains_family family, const char *what, char ret[PATH_MAX])
{
	static const char *const dirs[] = { "/usr/sbin", "/sbin",
		"/usr/local/sbin", "/usr/bin", "/bin" };
	const char *ip = family == CHAINS_IP4 ? "iptables" : "ip6tables";
	char path[PATH_MAX];

	for (int nft = 1; nft >= 0; nft--)
		for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
			(void)snprintf(path, sizeof(path), "%s/%s%s-%s",
			    dirs[i], ip, nft ? "-nft" : "", what); /* fits */
			if (access(path, X_OK) < 0 ||
			    realpath(path, ret) == NULL ||
			    strstr(ret, "xtables-nft-multi") == NULL)
				continue;
			/* by the name, which tells it what to be */
			memcpy(ret, path, sizeof(path));
			return 0;
		}
	return -ENOENT;
}

/* All of a file in memory, with a final NUL. */
static int
read_all(int fd, char **ret)
{
	off_t size = lseek(fd, 0, SEEK_END);
	size_t at = 0;
	char *text;

	if (size < 0 || size > TEXT_MAX)
		return -EFBIG;
	text = malloc((size_t)size + 1);
	if (text == NULL)
		return -ENOMEM;
	while (at < (size_t)size) {
		ssize_t n = pread(fd, text + at, (size_t)size - at, (off_t)at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	text[at] = '\0';
	*ret = text;
	return 0;
}

/* Runs a program on files in memory: no pipe to fill, no reader to wait for.
 * *ret_out and *ret_err are to be freed on 0 and on -EIO. */
static int
run_program(char **argv, const char *input, char **ret_out, char **ret_err)
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char locale[] = "LC_ALL=C";
	char *env[] = { path, locale, NULL };
	int fds[3], r = 0, failed;

	*ret_out = *ret_err = NULL;
	for (int i = 0; i < 3; i++)
		fds[i] = memfd_create("iptables", MFD_CLOEXEC);
	if (fds[0] < 0 || fds[1] < 0 || fds[2] < 0)
		r = -errno;
	if (r == 0 &&
	    pwrite(fds[0], input, strlen(input), 0) != (ssize_t)strlen(input))
		r = -ENOMEM;
	if (r == 0)
		r = spawn_run(&(struct spawn){
		    argv[0], argv, env, fds[0], fds[1], fds[2], PROGRAM_MAX });
	failed = r;
	if (r == 0 || r == -EIO)
		r = read_all(fds[1], ret_out);
	if (r == 0)
		r = read_all(fds[2], ret_err);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]); /* in memory */
	if (r < 0 || failed == 0)
		return r;
	return failed;
}

/* What a failed run means: its first line on stderr. */
static int
fail_program(
    struct chains_error *ret_error, int r, const char *path, const char *err)
{
	if (r == -EIO && err != NULL && err[0] != '\0')
		return chains_fail(ret_error, r, "%s failed: %.*s", path,
		    (int)strcspn(err, "\n"), err);
	return chains_fail(ret_error, r, "%s failed: %s", path,
	    r == -EIO ? "no reason given" : strerror(-r));
}

static int
fail_missing(struct chains_error *ret_error, enum chains_family family)
{
	return chains_fail(ret_error, -ENOPROTOOPT,
	    "%s: there is no iptables-nft-restore here: install iptables "
	    "(1.8 or later), or use backend = libiptc",
	    chains_family_name(family));
}

static int
probe(enum chains_family family, struct chains_error *ret_error)
{
	char path[PATH_MAX];
	uint32_t generation;
	int r = socket(family == CHAINS_IP4 ? AF_INET : AF_INET6,
	    SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (r < 0)
		return chains_fail_open(
		    ret_error, -errno, family, CHAINS_MANGLE);
	(void)close(r); /* nothing was sent */
	if (find_program(family, "restore", path) < 0 ||
	    find_program(family, "save", path) < 0)
		return fail_missing(ret_error, family);
	r = nft_generation(&generation);
	if (r == -EPERM)
		return chains_fail_open(ret_error, r, family, CHAINS_MANGLE);
	if (r < 0)
		return chains_fail(ret_error, -ENOPROTOOPT,
		    "the kernel has no nf_tables (%s): modprobe nf_tables, or "
		    "build it with CONFIG_NF_TABLES and CONFIG_NFT_COMPAT",
		    strerror(-r));
	return 0;
}

static uint8_t
nf_family(enum chains_family family)
{
	return family == CHAINS_IP4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

static bool
in_use(enum chains_family family, enum chains_table table)
{
	return nft_has_table(nf_family(family), chains_table_name(table)) != 0;
}

/* nf_tables makes what it is told to. */
static bool
has_table(enum chains_family family, enum chains_table table)
{
	(void)family;
	(void)table;
	return true;
}

/* ":NAME POLICY [packets:bytes]" */
static int
take_chain(struct chains_content *c, const char *line)
{
	size_t name = strcspn(line + 1, " \n"), policy;
	const char *p = line + 1 + name;

	p += *p == ' ';
	policy = strcspn(p, " \n");
	return chains_content_add_chain(c, line + 1, name, p, policy);
}

/* "[packets:bytes] -A NAME ..." */
static int
take_rule(struct chains_content *c, const char *line, size_t len)
{
	unsigned long long packets = 0, bytes = 0;
	const char *text = memmem(line, len, "] -A ", 5);
	struct chains_line *last;
	size_t name;
	int r;

	if (text == NULL || sscanf(line, "[%llu:%llu]", &packets, &bytes) != 2)
		return -EBADMSG;
	text += 2;
	name = strcspn(text + 3, " \n");
	r = chains_content_add_line(
	    c, text + 3, name, text, len - (size_t)(text - line));
	if (r < 0)
		return r;
	last = chains_content_last(c, text + 3, name);
	last->packets = packets;
	last->bytes = bytes;
	return 0;
}

static struct chains_content *
table_of(struct chains_tables *tables, const char *name, size_t len)
{
	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++) {
		const char *is = chains_table_name(table);

		if (strlen(is) == len && memcmp(is, name, len) == 0)
			return &tables->table[table];
	}
	return NULL;
}

static int
take_text(struct chains_tables *tables, const char *text)
{
	struct chains_content *c = NULL; /* not one of ours */
	int r = 0;

	while (r == 0 && *text != '\0') {
		size_t len = strcspn(text, "\n");

		if (text[0] == '*')
			c = table_of(tables, text + 1, len - 1);
		else if (text[0] == ':' && c != NULL)
			r = take_chain(c, text);
		else if (text[0] == '[' && c != NULL)
			r = take_rule(c, text, len);
		text += len + (text[len] == '\n');
	}
	return r;
}

/* One run for all tables: whichever is asked for, the program fetches all rules
 * of the family. */
static int
read_tables(struct chains_tables *ret, struct chains_error *ret_error)
{
	char path[PATH_MAX], counters[] = "-c";
	char *argv[] = { path, counters, NULL };
	char *out, *err;
	bool any = false;
	int r;

	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++)
		any = any || in_use(ret->family, table);
	if (!any)
		return 0;
	if (find_program(ret->family, "save", path) < 0)
		return fail_missing(ret_error, ret->family);
	r = run_program(argv, "", &out, &err);
	if (r < 0)
		r = fail_program(ret_error, r, path, err);
	else if (take_text(ret, out) < 0)
		r = chains_fail(
		    ret_error, -EBADMSG, "%s printed what can't be read", path);
	free(out);
	free(err);
	return r;
}

static bool
is_own(enum chains_table table, const struct chains_chain *chain)
{
	return chains_is_own(table, chain->name);
}

/* How many rows before this one go to the same chain, from 1. */
static unsigned int
place_of(const struct chains_plan *plan, size_t row)
{
	const struct chains_row *r = &plan->rows[row];
	unsigned int n = 1;

	for (size_t i = chains_plan_next(plan, 0, r->table, r->chain); i < row;
	     i = chains_plan_next(plan, i + 1, r->table, r->chain))
		n++;
	return n;
}

static void
write_row(FILE *f, const struct chains_plan *plan, size_t row)
{
	const struct chains_row *r = &plan->rows[row];

	if (chains_is_own(r->table, r->chain))
		fprintf(f, "%s\n", r->text);
	else
		fprintf(f, "-I %s %u%s\n", r->chain, place_of(plan, row),
		    r->text + strlen("-A ") + strlen(r->chain));
}

static void
write_table(FILE *f, const struct chains_content *is,
    const struct chains_plan *plan, bool install)
{
	const char *own;

	fprintf(f, "*%s\n", chains_table_name(is->table));
	/* declared, so that jumps to them can be; and empty */
	for (size_t n = 0; (own = chains_own(is->table, n)) != NULL; n++)
		if (install || chains_content_find(is, own) != NULL)
			fprintf(f, ":%s - [0:0]\n-F %s\n", own, own);
	for (size_t i = 0; i < is->n; i++) {
		const struct chains_chain *chain = &is->chains[i];

		for (size_t j = 0; j < chain->n && !is_own(is->table, chain);
		     j++) {
			const struct chains_line *line = &chain->lines[j];

			if (chains_line_is_ours(is, chain, line, plan))
				fprintf(f, "-D%s\n", line->text + strlen("-A"));
		}
	}
	for (size_t n = 0; (own = chains_own(is->table, n)) != NULL; n++)
		if (!install && chains_content_find(is, own) != NULL)
			fprintf(f, "-X %s\n", own);
	for (size_t row = 0; install && row < plan->n; row++)
		if (plan->rows[row].table == is->table)
			write_row(f, plan, row);
	fputs("COMMIT\n", f);
}

static bool
holds_ours(const struct chains_content *is, const struct chains_plan *plan)
{
	for (size_t i = 0; i < is->n; i++) {
		const struct chains_chain *chain = &is->chains[i];

		if (is_own(is->table, chain))
			return true;
		for (size_t j = 0; j < chain->n; j++)
			if (chains_line_is_ours(
				is, chain, &chain->lines[j], plan))
				return true;
	}
	return false;
}

/* What iptables-restore is to be told; NULL in *ret: nothing. */
static int
compose(const struct chains_tables *is, const struct chains_change *change,
    char **ret)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	bool any = false, whole;

	if (f == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < CHAINS_N_TABLES; i++) {
		enum chains_table table = chains_order(i, change->install);
		const struct chains_content *c = &is->table[table];

		if (!change->tables[table] ||
		    !(change->install || holds_ours(c, change->plan)))
			continue;
		write_table(f, c, change->plan, change->install);
		any = true;
	}
	whole = ferror(f) == 0;
	if (fclose(f) != 0 || !whole) {
		free(text);
		return -ENOMEM;
	}
	if (!any) {
		free(text);
		text = NULL;
	}
	*ret = text;
	return 0;
}

/* One try. -EIO: the program refused; *ret_error says what it said. */
static int
change_once(const struct chains_tables *is, const struct chains_change *change,
    struct chains_error *ret_error)
{
	char path[PATH_MAX], option[] = "--noflush";
	char *argv[] = { path, option, NULL };
	char *input = NULL, *out = NULL, *err = NULL;
	int r;

	if (find_program(is->family, "restore", path) < 0)
		return fail_missing(ret_error, is->family);
	r = compose(is, change, &input);
	if (r < 0)
		return chains_fail(ret_error, r, "out of memory");
	if (input != NULL) {
		r = run_program(argv, input, &out, &err);
		if (r < 0)
			r = fail_program(ret_error, r, path, err);
	}
	free(input);
	free(out);
	free(err);
	return r;
}

/* What was seen may be old: then there is a rule to be taken out that is gone,
 * and the program refuses the whole table. */
static int
change(const struct chains_change *change, struct chains_error *ret_error)
{
	struct chains_tables *read = NULL;
	const struct chains_tables *is = change->seen;
	int r = -EIO;

	for (int try = 0; r == -EIO && try < COMMIT_TRIES; try++) {
		r = is != NULL ? 0
			       : chains_tables_read(&read, CHAINS_RESTORE,
				     change->plan->family, ret_error);
		if (r == 0)
			r = change_once(
			    is != NULL ? is : read, change, ret_error);
		chains_tables_free(read);
		read = NULL;
		is = NULL;
	}
	return r;
}

static int
state(enum chains_family family, uint64_t *ret_state, bool *ret_partial)
{
	uint32_t generation;
	int r = nft_generation(&generation);

	(void)family;
	if (r < 0)
		return r;
	*ret_state = generation;
	*ret_partial = false;
	return 0;
}

const struct chains_ops chains_restore = {
	.name = "iptables-restore",
	.lock = false,
	.probe_tables = probe,
	.probe = probe,
	.in_use = in_use,
	.has = has_table,
	.read = read_tables,
	.change = change,
	.state = state,
};
