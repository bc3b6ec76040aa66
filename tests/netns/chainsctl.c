/* src/linux/chains by hand, for the namespace tests:
 *   chainsctl install|remove|verify|repair|show|others|spoilers|available|dump
 *       ip4|ip6 [restore] [continue] [early] [open]
 *   chainsctl probe ip4|ip6 target|match NAME REVISION
 *   chainsctl modprobe MODULE
 * Exit status: 0 done, 1 failed (text on stderr) or verify found differences,
 * 2 wrong usage. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "src/linux/chains.h"
#include "src/linux/chains_entry.h"
#include "src/linux/chains_extension.h"
#include "src/linux/chains_probe.h"

static_assert(
    sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
	sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries),
    "both families are read alike");

static int
fail(int r, const struct chains_error *error)
{
	fprintf(stderr, "%s: %s\n", strerrorname_np(-r), error->text);
	return 1;
}

static void
print_difference(void *arg, const char *difference)
{
	(void)arg;
	puts(difference);
}

static void
print_rule(void *arg, enum chains_table table, const char *line,
    unsigned long long packets, unsigned long long bytes)
{
	(void)arg;
	printf("%s [%llu:%llu] %s\n", chains_table_name(table), packets, bytes,
	    line);
}

/* What the kernel need not write, or what changes by itself, is blanked: the
 * counters, and a name's bytes after its end. */
static void
dump_entry(unsigned char *entry, size_t header, size_t len)
{
	size_t at = header;

	memset(entry + header - sizeof(struct xt_counters), 0,
	    sizeof(struct xt_counters));
	while (at + sizeof(struct xt_entry_match) <= len) {
		struct xt_entry_match *m = (void *)(entry + at);
		size_t n = strnlen(m->u.user.name, sizeof(m->u.user.name));

		memset(m->u.user.name + n, 0, sizeof(m->u.user.name) - n);
		assert(m->u.match_size > 0);
		at += m->u.match_size;
	}
	for (size_t i = 0; i < len; i++)
		printf("%02x", entry[i]);
	putchar('\n');
}

/* The kernel's own bytes of a table, one entry a line. */
static int
dump_table(enum chains_family family, const char *table)
{
	int level = family == CHAINS_IP4 ? IPPROTO_IP : IPPROTO_IPV6;
	int fd = socket(family == CHAINS_IP4 ? AF_INET : AF_INET6,
	    SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_get_entries *entries;
	struct ipt_getinfo info = { 0 };
	socklen_t len = sizeof(info);

	strcpy(info.name, table);
	if (fd < 0 || getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0)
		return -errno;
	len = (socklen_t)(sizeof(*entries) + info.size);
	entries = calloc(1, len);
	assert(entries != NULL);
	strcpy(entries->name, table);
	entries->size = info.size;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, entries, &len) < 0)
		return -errno;
	printf("%s\n", table);
	for (size_t at = 0; at < info.size;) {
		unsigned char *p = (unsigned char *)entries->entrytable + at;
		size_t n = family == CHAINS_IP4
			       ? ((struct ipt_entry *)p)->next_offset
			       : ((struct ip6t_entry *)p)->next_offset;

		dump_entry(p,
		    family == CHAINS_IP4 ? sizeof(struct ipt_entry)
					 : sizeof(struct ip6t_entry),
		    n);
		at += n;
	}
	free(entries);
	close(fd);
	return 0;
}

static int
dump(enum chains_family family)
{
	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++) {
		int r = dump_table(family, chains_table_name(table));

		if (r < 0) {
			fprintf(stderr, "%s\n", strerror(-r));
			return 1;
		}
	}
	return 0;
}

static int
probe(enum chains_family family, char **argv)
{
	struct chains_extension x = {
		.target = strcmp(argv[0], "target") == 0,
		.name = argv[1],
		.revision = (uint8_t)atoi(argv[2]),
		.module = "xt_of_it",
		.option = "CONFIG_OF_IT",
	};
	struct chains_error error;
	int r = chains_probe_extension(family, &x, &error);

	return r < 0 ? fail(r, &error) : 0;
}

/* Whether ours were in before is for the daemon to know. */
static int
installed(int r)
{
	return r < 0 ? r : 0;
}

static int
look(const char *call, enum chains_family family,
    const struct chains_setup *setup)
{
	struct chains_error error = { "" };
	struct chains_tables *tables;
	int r = chains_tables_read(&tables, setup->backend, family, &error);

	if (r < 0)
		return fail(r, &error);
	if (strcmp(call, "verify") == 0)
		r = !chains_verify(tables, setup, print_difference, NULL);
	else if (strcmp(call, "repair") == 0)
		r = chains_repair(
		    tables, setup, print_difference, NULL, &error);
	else if (strcmp(call, "show") == 0)
		chains_show(tables, print_rule, NULL);
	else if (strcmp(call, "others") == 0)
		r = chains_others(tables);
	else if (strcmp(call, "spoilers") == 0)
		r = chains_spoilers(tables, print_difference, NULL) > 0;
	else
		r = 2;
	chains_tables_free(tables);
	return r < 0 ? fail(r, &error) : r;
}

static int
run(const char *call, enum chains_family family,
    const struct chains_setup *setup)
{
	enum chains_backend backend = setup->backend;
	struct chains_error error = { "" };
	int r;

	if (strcmp(call, "install") == 0)
		r = installed(chains_install(family, setup, &error));
	else if (strcmp(call, "remove") == 0)
		r = chains_remove(backend, family,
		    &(struct chains_removal){ .insists = false }, &error);
	else if (strcmp(call, "available") == 0)
		r = !chains_available(backend, family);
	else if (strcmp(call, "dump") == 0)
		r = dump(family);
	else
		return look(call, family, setup);
	return r < 0 ? fail(r, &error) : r;
}

int
main(int argc, char **argv)
{
	struct chains_setup setup = {
		.backend = CHAINS_LIBIPTC, .final = true, .late = true
	};
	enum chains_family family;

	if (argc == 3 && strcmp(argv[1], "modprobe") == 0) {
		int r = chains_modprobe(argv[2]);

		if (r < 0)
			fprintf(stderr, "%s\n", strerrorname_np(-r));
		return r < 0;
	}
	if (argc < 3)
		return 2;
	if (strcmp(argv[2], "ip4") == 0)
		family = CHAINS_IP4;
	else if (strcmp(argv[2], "ip6") == 0)
		family = CHAINS_IP6;
	else
		return 2;
	if (argc == 6 && strcmp(argv[1], "probe") == 0)
		return probe(family, argv + 3);
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "restore") == 0)
			setup.backend = CHAINS_RESTORE;
		else if (strcmp(argv[i], "continue") == 0)
			setup.final = false;
		else if (strcmp(argv[i], "early") == 0)
			setup.late = false;
		else if (strcmp(argv[i], "open") == 0)
			setup.fail_open = true;
		else
			return 2;
	}
	return run(argv[1], family, &setup);
}
