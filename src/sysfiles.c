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

/* What the machine goes by; then, where that names ourselves, who may have
 * written it. rerouted.conf(5) has this list. */
const struct sysfile sysfiles[] = {
	{ "/etc/resolv.conf", SYSFILE_RESOLV },
	{ "/run/resolvconf/interface/", SYSFILE_RESOLV },  /* Debian's */
	{ "/run/resolvconf/interfaces/", SYSFILE_RESOLV }, /* openresolv */
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
read_folder(struct sysconf *conf, const struct sysconf_not *except,
    const struct sysfile *file)
{
	int dir = open(file->path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	struct dirent **names;
	int n =
	    dir >= 0 ? scandirat(dir, ".", &names, is_visible, alphasort) : -1;

	for (int i = 0; i < n; i++) {
		if (i < FILES_MAX)
			read_file(
			    conf, except, dir, names[i]->d_name, file->kind);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
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
