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
