#include "src/sysfiles.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* None of them has more than a few lines. */
#define FILE_SIZE_MAX ((size_t)65536)
/* Links of a host with containers. */
#define FILES_MAX 256

#define RESOLVED "/run/systemd/resolve/resolv.conf"

/* Of openresolv: the servers of each interface; their order, in names such as
 * "000100 wg0"; and one that is to be the only one, as "9999999 wg0". */
#define OPENRESOLV "/run/resolvconf/interfaces/"
#define OPENRESOLV_ORDER "/run/resolvconf/metrics/"
#define OPENRESOLV_ONLY "/run/resolvconf/exclusive/"

/* What the machine goes by; then, where that names ourselves, who may have
 * written it. rerouted.conf(5) has this list. */
const struct sysfile sysfiles[] = {
	{ "/etc/resolv.conf", SYSFILE_RESOLV },
	{ "/run/resolvconf/interface/", SYSFILE_RESOLV }, /* Debian's */
	{ OPENRESOLV, SYSFILE_RESOLV },
	{ "/run/resolvconf/resolv.conf", SYSFILE_RESOLV },
	{ "/run/NetworkManager/no-stub-resolv.conf", SYSFILE_RESOLV },
	{ "/run/NetworkManager/resolv.conf", SYSFILE_RESOLV },
	{ RESOLVED, SYSFILE_RESOLV },
	{ "/run/systemd/netif/state", SYSFILE_NETWORKD },
	{ "/run/systemd/netif/leases/", SYSFILE_NETWORKD },
};

const size_t n_sysfiles = sizeof(sysfiles) / sizeof(sysfiles[0]);

static void
read_file(struct sysconf *conf, const struct sysconf_not *except, int dir,
    const char *path, enum sysfile_kind kind)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = fd >= 0 ? malloc(FILE_SIZE_MAX) : NULL;
	struct stat st;
	ssize_t n = 0;

	if (text != NULL && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, text, FILE_SIZE_MAX); /* the rest is no matter */
	if (n > 0 && kind == SYSFILE_RESOLV)
		sysconf_resolv(conf, except, text, (size_t)n);
	else if (n > 0)
		sysconf_networkd(conf, except, text, (size_t)n);
	free(text);
	if (fd >= 0)
		(void)close(fd); /* it was only read */
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	if (n >= 0)
		free(names);
}

/* Files of a folder that were not read yet. */
struct folder {
	struct sysconf *conf;
	const struct sysconf_not *except;
	enum sysfile_kind kind;
	int dir, n;
	struct dirent **names; /* "": it was read */
	int n_ranks;	       /* -1: there are none */
	struct dirent **ranks;
};

static void
read_one_of(struct folder *f, struct dirent *name)
{
	read_file(f->conf, f->except, f->dir, name->d_name, f->kind);
	name->d_name[0] = '\0';
}

/* Whether a name such as "000100 wg0" is about that file. */
static bool
is_about(const struct dirent *rank, const char *name)
{
	const char *blank = strchr(rank->d_name, ' ');

	return blank != NULL && strcmp(blank + 1, name) == 0;
}

/* The first n that have a rank, in that order. */
static void
read_ranked(struct folder *f, int n)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < f->n; j++)
			if (is_about(f->ranks[i], f->names[j]->d_name))
				read_one_of(f, f->names[j]);
}

static bool
has_rank(const struct folder *f, const char *name)
{
	for (int i = 0; i < f->n_ranks; i++)
		if (is_about(f->ranks[i], name))
			return true;
	return false;
}

/* Of a VPN: who set it up means to ask its servers, and wg-quick gives its
 * files such a name. So does interface-order(5) say of resolvconf. */
static bool
comes_first(const char *name)
{
	return strncmp(name, "tun", 3) == 0 || strncmp(name, "tap", 3) == 0 ||
	       strncmp(name, "vpn", 3) == 0;
}

/* What has no rank is as near as can be. */
static void
read_all(struct folder *f)
{
	for (int i = 0; i < f->n; i++)
		if (comes_first(f->names[i]->d_name) &&
		    !has_rank(f, f->names[i]->d_name))
			read_one_of(f, f->names[i]);
	for (int i = 0; i < f->n; i++)
		if (f->names[i]->d_name[0] != '\0' &&
		    !has_rank(f, f->names[i]->d_name))
			read_one_of(f, f->names[i]);
	read_ranked(f, f->n_ranks);
}

/* The one that became the only one last has the lowest number. */
static void
read_openresolv(struct folder *f)
{
	f->n_ranks = scandir(OPENRESOLV_ONLY, &f->ranks, is_visible, alphasort);
	if (f->n_ranks > 0) {
		read_ranked(f, 1);
		return;
	}
	free_names(f->ranks, f->n_ranks);
	f->n_ranks =
	    scandir(OPENRESOLV_ORDER, &f->ranks, is_visible, alphasort);
	read_all(f);
}

static void
read_folder(struct sysconf *conf, const struct sysconf_not *except,
    const struct sysfile *file)
{
	int dir = open(file->path, O_RDONLY | O_CLOEXEC | O_DIRECTORY), n;
	struct folder f = { conf, except, file->kind, dir, 0, NULL, -1, NULL };

	n = dir >= 0 ? scandirat(dir, ".", &f.names, is_visible, alphasort)
		     : -1;
	f.n = n < FILES_MAX ? n : FILES_MAX;
	if (strcmp(file->path, OPENRESOLV) == 0)
		read_openresolv(&f);
	else
		read_all(&f);
	free_names(f.names, n);
	free_names(f.ranks, f.n_ranks);
	if (dir >= 0)
		(void)close(dir);
}

static void
read_one(struct sysconf *conf, const struct sysconf_not *except,
    const struct sysfile *file)
{
	memset(conf, 0, sizeof(*conf));
	if (file->path[strlen(file->path) - 1] == '/')
		read_folder(conf, except, file);
	else
		read_file(conf, except, AT_FDCWD, file->path, file->kind);
}

static const char *
first_with_servers(struct sysconf *ret, const struct sysconf_not *except)
{
	for (size_t i = 0; i < n_sysfiles; i++) {
		read_one(ret, except, &sysfiles[i]);
		ret->asked = i == 0;
		if (ret->n > 0)
			return sysfiles[i].path;
	}
	return NULL;
}

const char *
sysfiles_read(
    struct sysconf *ret, const struct sysconf_own *owns, size_t n_owns)
{
	static const struct sysfile resolved = { RESOLVED, SYSFILE_RESOLV };
	struct sysconf_not except = { owns, n_owns, true };
	const char *path = first_with_servers(ret, &except);
	struct sysconf_own *more;

	if (path != NULL)
		return path;
	/* Somebody on this host then: it must not ask us in turn. Where
	 * systemd-resolved has us as its server, its stubs are ourselves. */
	except.local = false;
	read_one(ret, &except, &resolved);
	if (ret->own == 0)
		return first_with_servers(ret, &except);
	more = calloc(n_owns + 2, sizeof(*more));
	if (more == NULL)
		return NULL;
	memcpy(more, owns, n_owns * sizeof(*more));
	more[n_owns] =
	    (struct sysconf_own){ { ADDR_IP4, { 127, 0, 0, 53 } }, 53 };
	more[n_owns + 1] =
	    (struct sysconf_own){ { ADDR_IP4, { 127, 0, 0, 54 } }, 53 };
	except.v = more;
	except.n = n_owns + 2;
	path = first_with_servers(ret, &except);
	free(more);
	return path;
}
