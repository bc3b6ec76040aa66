#include "src/core/socket.h"

#include <stdlib.h>

const char *
attributed_name(enum attributed_by by)
{
	switch (by) {
	case BY_NONE:
		return "none";
	case BY_BPF:
		return "bpf";
	case BY_SOCK_DIAG:
		return "sock_diag";
	case BY_PROC_NET:
		return "proc_net";
	case BY_UID:
		return "uid";
	}
	abort();
}

bool
socket_may_be_of(const struct socket_facts *sock, pid_t pid, uint32_t uid)
{
	return sock->uid == uid && (sock->by != BY_BPF || sock->pid == pid);
}
