#include "src/core/process.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What all strings are that are not set: never written to, nor freed. */
static char empty[1];

struct process *
process_new(enum process_kind kind)
{
	struct process *proc = calloc(1, sizeof(*proc));

	if (proc == NULL)
		return NULL;
	proc->refs = 1;
	proc->kind = kind;
	proc->exe = proc->script = proc->cmd = proc->comm = empty;
	proc->user = proc->unit = proc->cgroup = empty;
	return proc;
}

const struct process *
process_ref(const struct process *proc)
{
	/* const is what holders see; the count is ours */
	if (proc != NULL)
		((struct process *)proc)->refs++;
	return proc;
}

static void
string_free(char *s)
{
	if (s != empty)
		free(s);
}

#define STRINGS 7
struct strings {
	char **of[STRINGS];
};

static struct strings
strings_of(struct process *proc)
{
	return (struct strings){ { &proc->exe, &proc->script, &proc->cmd,
	    &proc->comm, &proc->user, &proc->unit, &proc->cgroup } };
}

/* The same of one that only lends them. */
static struct strings
strings_lent(const struct process *lender)
{
	return strings_of((struct process *)lender);
}

static void
process_free(struct process *proc)
{
	const struct strings strings = strings_of(proc);

	if (proc->lender == NULL) {
		for (size_t i = 0; i < proc->n_parents; i++)
			free(proc->parents[i].exe);
		free(proc->parents);
		for (size_t i = 0; i < STRINGS; i++)
			string_free(*strings.of[i]);
	} else {
		const struct strings lent = strings_lent(proc->lender);

		for (size_t i = 0; i < STRINGS; i++)
			if (*strings.of[i] != *lent.of[i])
				string_free(*strings.of[i]);
		process_unref(proc->lender); /* it has none itself */
	}
	free(proc);
}

void
process_unref(const struct process *proc)
{
	/* const is what holders see; the count is ours */
	struct process *own = (struct process *)proc;

	if (own == NULL)
		return;
	assert(own->refs > 0);
	if (--own->refs == 0)
		process_free(own);
}

int
process_set(char **field, const char *s, size_t len)
{
	char *copy = len > 0 && s[0] != '\0' ? strndup(s, len) : empty;

	if (copy == NULL)
		return -ENOMEM;
	process_take(field, copy);
	return 0;
}

void
process_take(char **field, char *s)
{
	string_free(*field);
	*field = s;
}

int
process_add_parent(
    struct process *proc, pid_t pid, const char *exe, bool exe_here)
{
	struct process_parent *parent;

	assert(proc->lender == NULL && proc->n_parents < PROCESS_PARENTS_MAX);
	if (proc->parents == NULL) /* of most it is another one's */
		proc->parents =
		    calloc(PROCESS_PARENTS_MAX, sizeof(proc->parents[0]));
	if (proc->parents == NULL)
		return -ENOMEM;
	parent = &proc->parents[proc->n_parents];
	parent->exe = strdup(exe);
	if (parent->exe == NULL)
		return -ENOMEM;
	parent->pid = pid;
	parent->exe_here = exe_here;
	proc->n_parents++;
	return 0;
}

struct process *
process_twin(const struct process *of, pid_t pid, uint64_t start)
{
	struct process *proc = malloc(sizeof(*proc));

	if (proc == NULL)
		return NULL;
	*proc = *of;
	proc->refs = 1;
	proc->pid = pid;
	proc->start = start;
	proc->lender = process_ref(of);
	return proc;
}

int
process_set_lent(struct process *proc, char **field, const char *s, size_t len)
{
	const ptrdiff_t at = (char *)field - (char *)proc;
	char *lent, *copy;

	if (proc->lender == NULL)
		return process_set(field, s, len);
	lent = *(char *const *)((const char *)proc->lender + at);
	len = strnlen(s, len);
	copy = lent;
	if (strncmp(lent, s, len) != 0 || lent[len] != '\0')
		copy = len > 0 ? strndup(s, len) : empty;
	if (copy == NULL)
		return -ENOMEM;
	if (*field != lent)
		string_free(*field);
	*field = copy;
	return 0;
}

void
process_join(struct process *proc, const struct process *sister)
{
	const struct process *lender =
	    sister->lender != NULL ? sister->lender : sister;
	const struct strings strings = strings_of(proc);
	const struct strings lent = strings_lent(lender);

	assert(proc->lender == NULL && proc->n_parents == 0);
	proc->lender = process_ref(lender);
	for (size_t i = 0; i < STRINGS; i++) {
		if (strcmp(*strings.of[i], *lent.of[i]) != 0)
			continue;
		string_free(*strings.of[i]);
		*strings.of[i] = *lent.of[i];
	}
	free(proc->parents); /* there is none in it */
	proc->parents = lender->parents;
	proc->n_parents = lender->n_parents;
}

size_t
process_exe_was(const char *exe, bool exe_here)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(exe), n = sizeof(deleted) - 1;

	if (exe_here || len <= n || strcmp(exe + len - n, deleted) != 0)
		return 0;
	return len - n;
}

static bool
begins_everything(
    const struct process_parent *parent, const struct process *proc)
{
	for (size_t i = 0; i < proc->n_parents; i++)
		if (proc->parents[i].pid == 1)
			return strcmp(proc->parents[i].exe, parent->exe) == 0;
	return false;
}

bool
process_is_kin(const struct process *listener, const struct process *proc)
{
	if (listener->pid == proc->pid)
		return true;
	for (size_t i = 0; i < proc->n_parents; i++) {
		const struct process_parent *parent = &proc->parents[i];

		if (parent->pid == listener->pid)
			return strcmp(parent->exe, proc->exe) == 0 ||
			       !begins_everything(parent, proc);
	}
	return listener->n_parents > 0 && proc->n_parents > 0 &&
	       listener->parents[0].pid == proc->parents[0].pid &&
	       strcmp(listener->exe, proc->exe) == 0 &&
	       strcmp(listener->parents[0].exe, listener->exe) == 0;
}

const char *
process_kind_name(enum process_kind kind)
{
	switch (kind) {
	case PROCESS_PROGRAM:
		return "program";
	case PROCESS_KERNEL:
		return "kernel";
	case PROCESS_UNKNOWN:
		return "unknown";
	}
	abort();
}
