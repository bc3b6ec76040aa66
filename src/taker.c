#include "src/taker.h"

#include <string.h>

#include "src/linux/diag.h"
#include "src/linux/procfs.h"

void
taker_socket(
    struct diag *diag, const struct taken *taken, struct socket_facts *ret)
{
	struct flow_key key;

	memset(&key, 0, sizeof(key)); /* hashed with its padding */
	memset(ret, 0, sizeof(*ret));
	key.local = taken->addr;
	key.lport = taken->port;
	key.remote.family = taken->addr.family;
	key.proto = taken->proto;
	diag_find(diag, &key, true, 0, ret);
}

const struct process *
taker_find(struct diag *diag, struct procfs *procfs, const struct taken *taken)
{
	const struct process *proc = NULL;
	struct socket_facts sock;

	taker_socket(diag, taken, &sock);
	if (sock.status == SOCKET_FOUND && sock.inode != 0)
		(void)procfs_owner(procfs, sock.inode, sock.uid, &proc);
	return proc;
}
