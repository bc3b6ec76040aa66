#include "src/dump_ev.h"

#include <stddef.h>

#include "src/linux/ct.h"
#include "src/work_ev.h"

static void
run(void *arg)
{
	struct dump_ev *dump = arg;

	dump->result = ct_dump_begin(dump->ct);
}

static void
done(void *arg)
{
	struct dump_ev *dump = arg;

	dump->ct = NULL;
	dump->begun(dump->arg, dump->result);
}

void
dump_ev_begin(struct dump_ev *dump, struct ct *ct)
{
	dump->ct = ct;
	if (work_start(dump->base, run, done, dump) == 0)
		return;
	run(dump); /* no thread to be had: then the loop has to wait */
	done(dump);
}

bool
dump_ev_is_busy(const struct dump_ev *dump)
{
	return dump->ct != NULL;
}
