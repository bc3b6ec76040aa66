#ifndef TESTS_FAKE_WORLD_H
#define TESTS_FAKE_WORLD_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/core/policy.h"

/* A machine with users alice (1000) and bob (1001), groups wheel (10) and
 * users (100), which both are in besides, and /bin and /sbin that are links to
 * /usr/bin and /usr/sbin. Files are there unless their name holds "missing",
 * and programs unless it ends in ".sh", ".txt" or "/". Tunnels tor, which names
 * are asked for through, vpn, whose device is carried in packets, ssh, of
 * whose names nothing is said, and veil, whose names have addresses that other
 * hosts are told, too; lists ads and bad; address 192.0.2.1,
 * server of names 198.51.100.53. */
static inline int
world_name(const char *name, uint32_t *ret, const char *const names[2],
    const uint32_t ids[2])
{
	for (int i = 0; i < 2; i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = ids[i];
			return 0;
		}
	return -ENOENT;
}

static inline int
world_user(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	return world_name(name, ret, (const char *const[]){ "alice", "bob" },
	    (const uint32_t[]){ 1000, 1001 });
}

static inline int
world_group(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	return world_name(name, ret, (const char *const[]){ "wheel", "users" },
	    (const uint32_t[]){ 10, 100 });
}

static inline int
world_path(void *arg, const char *path, char *buf, size_t size)
{
	const char *usr =
	    strncmp(path, "/bin/", 5) == 0 || strncmp(path, "/sbin/", 6) == 0 ||
		    strcmp(path, "/bin") == 0 || strcmp(path, "/sbin") == 0
		? "/usr"
		: "";

	(void)arg;
	if (strstr(path, "missing") != NULL)
		return -ENOENT;
	return snprintf(buf, size, "%s%s", usr, path) < (int)size
		   ? 0
		   : -ENAMETOOLONG;
}

static inline enum policy_file
world_file(void *arg, const char *path)
{
	size_t len = strlen(path);

	(void)arg;
	if (path[len - 1] == '/')
		return POLICY_FILE_FOLDER;
	if (len > 3 && strcmp(path + len - 3, ".sh") == 0)
		return POLICY_FILE_SCRIPT;
	if (len > 4 && strcmp(path + len - 4, ".txt") == 0)
		return POLICY_FILE_OTHER;
	return POLICY_FILE_PROGRAM;
}

static inline bool
world_besides(void *arg, const char *group, char *members, size_t size)
{
	(void)arg;
	(void)snprintf(members, size, "alice, bob");
	return strcmp(group, "users") == 0;
}

static inline bool
world_own(void *arg, size_t i, struct addr *ret)
{
	(void)arg;
	*ret = (struct addr){ ADDR_IP4, { i == 0 ? 127 : 192, 0, 2, 1 } };
	return i < 2;
}

static inline bool
world_server(void *arg, size_t i, struct addr *ret)
{
	(void)arg;
	*ret = (struct addr){ ADDR_IP4, { 198, 51, 100, 53 } };
	return i == 0;
}

static const char *const fake_tunnels[] = { "tor", "vpn", "ssh", "veil" };
static const bool fake_far_names[] = { true, false, false, true };
static const bool fake_carried[] = { false, true, false, false };
static const bool fake_asked_here[] = { false, false, true, false };
static const bool fake_for_others[] = { false, false, false, true };
static const char *const fake_lists[] = { "ads", "bad" };

static const struct policy_world fake_world = {
	.user = world_user,
	.group = world_group,
	.path = world_path,
	.file = world_file,
	.besides = world_besides,
	.own = world_own,
	.server = world_server,
	.tunnels = { fake_tunnels, 4 },
	.far_names = fake_far_names,
	.carried = fake_carried,
	.asked_here = fake_asked_here,
	.fakes_for_others = fake_for_others,
	.captures = true,
	.lists = { fake_lists, 2 },
};

#endif
