#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "src/core/conf.h"
#include "src/core/fault.h"
#include "src/core/policy.h"
#include "src/world.h"

struct accounts;
struct runtime;

#define LOAD_CONFIG_DEFAULT "/etc/rerouted/rerouted.conf"
#define LOAD_RULES_DEFAULT "/etc/rerouted/rules.d"

/* A file larger, or a folder with more of them, is a mistake. */
#define LOAD_FILE_MAX ((size_t)8 << 20)
#define LOAD_FILES_MAX ((size_t)1024)

/* Reads settings from a file and then FILE.d/<name>.conf in name order, and
 * checks them as a whole. NULL is the default place, where it may be missing.
 * 0 with a reference, -EINVAL (faults added) or -ENOMEM; ret is untouched on
 * failure. What is odd goes to `warnings`, NULL for none. */
int load_conf(const struct conf **ret, const char *file, struct faults *faults,
    struct faults *warnings);

/* To stderr; where that is the journal each line has the level of an error. */
void load_print_faults(const struct faults *faults);

/* The texts of a folder of rules. */
struct sources {
	struct source *v; /* names and texts are owned */
	size_t n, size;
	uint64_t stamp; /* of the folder: folder_stamp() */
};
void sources_done(struct sources *sources); /* accepts a zeroed one */

/* One more text, copied. 0 or -ENOMEM. */
int sources_add(
    struct sources *sources, const char *file, const char *text, size_t len);

/* Reads DIR/<name>.rules in name order; NULL is the default place. The folder
 * may miss where that is said: no rules. 0, -EINVAL (faults added; *ret has
 * what could be read) or -ENOMEM. */
int load_sources(
    struct sources *ret, const char *dir, bool may_miss, struct faults *faults);

/* What a policy is made of; all borrowed. */
struct load {
	/* whose lists and tunnels rules may name; NULL: it has faults, and
	 * any may be */
	const struct conf *conf;
	const struct sources *sources;
	const struct runtime *runtime; /* in front of them; NULL: none */
	const struct list_table
	    *lists; /* what is in the lists; NULL: nothing */
	/* see struct policy_world */
	const struct policy *before;
	const struct accounts *remembered;
	bool settled, forget;
	unsigned int given;
	bool in_force; /* it is to be soon: warned of names, which is quick */
};

/* Makes a policy. 0, -EINVAL (faults added) or -ENOMEM; on success *ret is a
 * reference that the caller gives back. Warnings go to `warnings`, NULL for
 * none. May ask NSS. */
int load_compile(const struct policy **ret, const struct load *load,
    struct faults *faults, struct faults *warnings);

/* The rules of a folder: both in one, whatever load has as sources. The default
 * one may miss. */
int load_policy(const struct policy **ret, const char *dir,
    const struct load *load, struct faults *faults, struct faults *warnings);

#endif
