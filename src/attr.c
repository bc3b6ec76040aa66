#include "src/attr.h"

#include <errno.h>
#include <stdlib.h>

#include "src/base/log.h"
#include "src/linux/bpf.h"
#include "src/linux/diag.h"

struct attr {
	struct attr_opts opts;
	struct bpf *bpf; /* NULL where there is none */
	char why[BPF_WHY_MAX];
};

static void
used(void *arg, const struct use *use)
{
	(void)arg;
	(void)use;
}

static void
forked(void *arg, const struct fork *child)
{
	(void)arg;
	(void)child;
}

static void
executed(void *arg, const struct exec *program)
{
	(void)arg;
	(void)program;
}

static void
open_bpf(struct attr *attr)
{
	const struct bpf_ops ops = {
		.use = used, .fork = forked, .exec = executed, .arg = attr
	};
	char why[256];

	if (bpf_open(&attr->bpf, &ops, attr->why) < 0)
		log_warning("attribution",
		    "no BPF, programs that send and end at once are unknown: "
		    "%s source=%s",
		    log_quote(attr->why, why, sizeof(why)),
		    diag_works(attr->opts.diag) ? "sock_diag" : "procfs");
	else
		log_info("attribution", "source=bpf births=%s",
		    bpf_sees_births(attr->bpf) ? "yes" : "no");
}

int
attr_new(struct attr **ret, const struct attr_opts *opts)
{
	struct attr *attr = calloc(1, sizeof(*attr));

	if (attr == NULL)
		return -ENOMEM;
	attr->opts = *opts;
	open_bpf(attr);
	*ret = attr;
	return 0;
}

void
attr_free(struct attr *attr)
{
	if (attr == NULL)
		return;
	bpf_close(attr->bpf);
	free(attr);
}

void
attr_status(const struct attr *attr, struct attr_status *ret)
{
	*ret = (struct attr_status){
		.bpf = attr->bpf != NULL,
		.births = attr->bpf != NULL && bpf_sees_births(attr->bpf),
		.bpf_why = attr->bpf == NULL ? attr->why : NULL,
		.sock_diag = diag_works(attr->opts.diag),
		.lost = attr->bpf != NULL ? bpf_lost(attr->bpf) : 0,
	};
}
